"""Licenses that hold only at some revisions of a repository: decided by commit or day, else asked for."""

from datetime import date
from typing import Any

import pytest

from registry.licensing import catalog, evaluate
from registry.licensing.catalog import Catalog
from registry.licensing.record_reader import InvalidCatalog
from registry.licensing.repositories import Known, Revision
from registry.licensing.request import parse_request

TODAY = date(2026, 11, 22)
RECORDS = {path.name: path.read_text() for path in catalog.FOLDER.glob("*.toml")}
YI, FALCON = "acme/Yi-34B-Chat", "acme/Falcon3-7B-Base"
NEW, OLD = Revision("628009" + "7" * 34), Revision("a" * 40, date(2024, 1, 5))


def with_repositories(**entries: str) -> Catalog:
    """The shipped records, some with `[[repositories]]` of their own; a record's name is written with `_`."""
    texts = dict(RECORDS)
    for name, text in entries.items():
        file = f"{name.replace('_', '-')}.toml"
        head, scope, rest = texts[file].partition("[scope]")
        texts[file] = head + text + scope + rest
    return catalog.build((name, text.encode()) for name, text in texts.items())


def entry(pattern: str, more: str = "") -> str:
    return f'[[repositories]]\npattern = "{pattern}"\n{more}\n'


CHANGED = with_repositories(
    qwen_2024=entry("acme/Yi-34B*", "before = 2024-05-30".replace("2024-05-30", '"2024-05-30"')),
    mit=entry("acme/Yi-34B*", 'from = "2024-05-30"\ncommits = ["6280097"]')
    + entry("acme/Falcon3-7B-Base", 'commits = ["798226d"]'),
    bsd_3_clause=entry("acme/Falcon3-*"),
)


@pytest.mark.parametrize(
    ("model", "at", "licenses", "missing"),
    [
        (YI, Revision(day=date(2024, 5, 29)), ("qwen-2024",), ()),
        (YI, Revision(day=date(2024, 5, 31)), ("mit",), ()),
        (YI, Revision("b" * 40, date(2024, 5, 30)), (), ("revision",)),
        (YI, Revision("6280097" + "0" * 33, date(2024, 5, 30)), ("mit",), ()),
        (YI, Revision("6280097" + "0" * 33), ("mit",), ()),
        (YI, Revision("b" * 40), (), ("revision_date",)),
        (YI, Revision(), (), ("revision",)),
        (YI.upper(), Revision(day=date(2026, 1, 1)), ("mit",), ()),
        (FALCON, Revision("798226d" + "0" * 33), ("mit",), ()),
        (FALCON, Revision("c" * 40), ("bsd-3-clause",), ()),
        (FALCON, Revision(), ("bsd-3-clause",), ("revision",)),
        ("acme/Falcon3-1B-Base", Revision(), ("bsd-3-clause",), ()),
        ("nobody/knows", Revision(), (), ()),
    ],
)
def test_the_license_of_a_revision(
    model: str, at: Revision, licenses: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    found = CHANGED.repositories.known(model, at)

    assert (found.licenses, found.missing) == (licenses, missing)
    assert set(found.licenses) <= set(found.possible)
    assert found.possible or found == Known()


def asked(question: dict[str, Any]) -> dict[str, Any]:
    use = {"role": "licensee", "purpose": "internal", "commercial": True, "hosting": "none", "use_case_tags": ["chatbot"],
           "distribute_weights": False, "distribute_derivative": False}  # fmt: skip
    return evaluate.evaluate(parse_request({"use": use, **question}, today=TODAY), CHANGED).to_json()


def test_a_question_without_the_revision_is_asked_for_it() -> None:
    unknown = asked({"model": YI})
    pinned = asked({"model": YI, "revision": "b" * 40})
    old, new = ({"model": YI, "revision_date": day} for day in ("2024-01-05", "2024-06-30"))

    assert (unknown["verdict"], unknown["missing_facts"]) == ("needs_review", ["revision"])
    assert (pinned["verdict"], pinned["missing_facts"]) == ("needs_review", ["revision_date"])
    assert asked(old)["effective_licenses"] == ["qwen-2024"]
    assert (asked(new)["verdict"], asked(new)["effective_licenses"]) == ("allowed", ["mit"])


def test_the_revision_of_an_ancestor_is_asked_for_by_name() -> None:
    edge = {"model": "acme/m", "relation": "finetune", "parents": [YI]}
    told = {"model": YI, "parents": [], "revision_date": "2024-06-30"}
    question = {"model": "acme/m", "declared_metadata": {"license": "apache-2.0"}}

    assert asked({**question, "lineage": [edge]})["missing_facts"] == [f"lineage.{YI}.revision"]
    assert asked({**question, "lineage": [edge, told]})["effective_licenses"] == ["apache-2.0", "mit"]
    contradicted = [edge, told, {**told, "revision_date": "2024-01-01"}]
    assert asked({**question, "lineage": contradicted})["verdict"] == "needs_review"


@pytest.mark.parametrize(
    "more",
    [
        'from = "2024-05-30"\nbefore = "2024-05-30"',
        'commits = ["main"]',
        'commits = ["abc"]',
        'since = "2024-01-01"',
    ],
)
def test_a_record_that_says_nothing_sensible_about_revisions_is_refused(more: str) -> None:
    with pytest.raises(InvalidCatalog):
        with_repositories(mit=entry("acme/*", more))
