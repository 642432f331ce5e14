"""Records as they are kept: digests, releases, claims, differences, and terms in words."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import catalog, claims, differences, record_reader, records, releases, wording
from registry.licensing.terms import License
from tests.licenses import HOUSE, to_toml

CATALOG = catalog.load()
DIGESTS = st.sampled_from([f"sha256:{mark * 64}" for mark in "abc"])
IDS = st.sampled_from(["a", "b", "c", "d"])


def house(**changes: str) -> License:
    text = HOUSE
    for old, new in changes.items():
        text = text.replace(old, new)
    return record_reader.parse_license(records.read_toml(text), path="toml")


# -- digests ----------------------------------------------------------------------------------------------------------


def test_a_digest_is_of_what_is_said_not_of_how_it_is_written() -> None:
    record = records.read_toml(HOUSE)

    assert records.record_digest(records.read_toml(HOUSE + "# a remark\n")) == records.record_digest(record)
    assert records.record_digest(dict(reversed(record.items()))) == records.record_digest(record)
    assert records.record_digest(records.read_toml(to_toml(record))) == records.record_digest(record)
    assert records.record_digest({**record, "name": "x"}) != records.record_digest(record)


def test_the_shipped_records_make_the_catalogue_of_their_files() -> None:
    licenses = {name: records.parse_kept(name, record) for name, record in records.shipped().items()}

    assert catalog.together(licenses, records.shipped()).catalog_digest == CATALOG.catalog_digest


@pytest.mark.parametrize(
    "record", [{}, {"id": "x"}, {"id": 1}, {"id": "x", "conditions": "none"}, {"id": "x", "new": 1}]
)
def test_a_record_that_is_not_understood_leaves_everything_to_a_person(record: dict[str, Any]) -> None:
    found = records.parse_kept("x", record)

    assert not records.is_readable("x", record)
    assert found.id == "x"
    assert {reach.value for reach in found.scope.values()} == {"needs_review"}
    assert [condition.kind for condition in found.conditions] == ["manual_review"]


# -- releases ---------------------------------------------------------------------------------------------------------

PROJECT = st.dictionaries(IDS, DIGESTS)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    found = releases.with_project({}, draw(PROJECT))
    for license_id, digest in draw(PROJECT).items():
        found = releases.with_own(found, license_id, digest)
    return found


@given(entries(), PROJECT)
def test_loading_the_projects_records_keeps_the_organisations(
    before: dict[str, dict[str, Any]], shipped: dict[str, str]
) -> None:
    after = releases.with_project(before, shipped)

    own = {
        name: entry["record_digest"] for name, entry in before.items() if entry["origin"] == "organization"
    }
    assert {n: e["record_digest"] for n, e in after.items() if e["origin"] == "organization"} == own
    assert {n: releases.project_digest(e) for n, e in after.items() if releases.project_digest(e)} == shipped
    assert releases.with_project(after, shipped) == after


@given(entries(), IDS, DIGESTS)
def test_what_is_put_over_a_record_is_taken_off_again(
    before: dict[str, dict[str, Any]], license_id: str, digest: str
) -> None:
    after = releases.with_own(before, license_id, digest)
    back = releases.without_own(after, license_id)

    assert after[license_id]["overrides"] == releases.project_digest(before.get(license_id))
    assert releases.project_digest(back.get(license_id)) == releases.project_digest(before.get(license_id))
    assert {name: entry for name, entry in back.items() if name != license_id} == {
        name: entry for name, entry in before.items() if name != license_id
    }


@given(entries(), entries())
def test_changes_name_exactly_what_is_not_as_it_was(
    before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> None:
    named = releases.changes(before, after)

    assert set(named) == {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert releases.changes(before, before) == {}


# -- claims -----------------------------------------------------------------------------------------------------------


def test_a_house_licence_claims_nothing() -> None:
    assert claims.claims(house(), CATALOG.licenses.values()) == ()


@pytest.mark.parametrize(
    ("changes", "field", "owner"),
    [
        ({'["acme-house"]': '["QWEN"]'}, "hub.license_names", "qwen-2024"),
        ({"license_names": "licenses", 'acme-house"': 'llama3.1"'}, "hub.licenses", "llama-3.1"),
        ({"acme-house/*": "meta-llama/llama-3.1-8B"}, "repositories[0].pattern", "llama-3.1"),
        ({"acme-house/*": "meta-llama/*"}, "repositories[0].pattern", "llama-3.1"),
    ],
)
def test_names_and_repositories_of_others_are_seen(changes: dict[str, str], field: str, owner: str) -> None:
    found = claims.claims(house(**changes), CATALOG.licenses.values())

    assert (field, owner, False) in {(claim.field, claim.owner, claim.is_text) for claim in found}


def test_the_same_name_of_two_publishers_is_two_licences() -> None:
    named = dataclasses.replace(house().hub, license_names=("modified-mit",), publishers=("acme",))
    mine = dataclasses.replace(house(), hub=named, repositories=())
    theirs = dataclasses.replace(mine, id="other", hub=dataclasses.replace(named, publishers=("moonshotai",)))

    assert claims.claims(mine, [theirs]) == ()
    assert len(claims.claims(mine, [dataclasses.replace(theirs, hub=named)])) == 1
    assert claims.claims(mine, [dataclasses.replace(mine, publisher="x")]) == ()


def test_a_text_or_template_is_one_licences() -> None:
    llama, mit = CATALOG.licenses["llama-3.1"], CATALOG.licenses["mit"]

    for taken in (
        dataclasses.replace(house(), texts=llama.texts),
        dataclasses.replace(house(), templates=mit.templates),
    ):
        found = claims.claims(taken, CATALOG.licenses.values())
        assert found
        assert all(claim.is_text for claim in found)


# -- differences ------------------------------------------------------------------------------------------------------


def lines(
    before: dict[str, Any] | None, after: dict[str, Any] | None
) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (line.path, line.word, line.before, line.after) for line in differences.differences(before, after)
    ]


def test_a_changed_figure_is_one_line_at_its_condition() -> None:
    before = dict(records.shipped()["llama-3.1"])
    conditions = [dict(one) for one in before["conditions"]]
    conditions[0]["limit"] = 1_000
    after = {**before, "conditions": conditions}

    assert lines(before, after) == [("conditions[mau_threshold §2].limit", "changed", "700,000,000", "1,000")]


def test_a_whole_condition_is_one_line() -> None:
    before = dict(records.shipped()["llama-3.1"])
    after = {**before, "conditions": before["conditions"][:-1]}

    (found,) = lines(before, after)
    assert found[:2] == ("conditions[name_prefix §1.b.i]", "removed")
    assert "prefix: Llama" in str(found[2])


def test_conditions_of_the_same_kind_and_clause_are_told_apart() -> None:
    one = {"kind": "k", "clause": "1", "x": 1}
    two = {"kind": "k", "clause": "1", "x": 2}

    assert lines({"conditions": [one]}, {"conditions": [one, two]}) == [
        ("conditions[k 1] #2", "added", None, "kind: k; clause: 1; x: 2")
    ]


JSON = st.recursive(
    st.booleans() | st.integers(0, 10) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.dictionaries(st.sampled_from(["a", "scope", "conditions", "texts"]), JSON)


@given(RECORDS, RECORDS)
def test_differences_are_none_with_oneself_and_mirror_each_other(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert differences.differences(one, one) == ()
    there = {(line.path, line.before, line.after) for line in differences.differences(one, other)}
    back = {(line.path, line.after, line.before) for line in differences.differences(other, one)}
    assert there == back


# -- words ------------------------------------------------------------------------------------------------------------


def test_every_shipped_term_has_words() -> None:
    for found in CATALOG.licenses.values():
        for condition in found.conditions:
            assert wording.meaning(condition.parameters).endswith("."), condition.kind
            assert "_" not in wording.name(condition.kind)
        for label, words in wording.members(found):
            assert label
            assert "Gate(" not in words
            assert "Relation." not in words


@dataclasses.dataclass(frozen=True)
class Sample:
    """A sample, `marked`.

    More of it."""

    limit: int
    on: bool
    maybe: bool | None
    tags: tuple[str, ...]
    nothing: str | None = None


def test_figures_switches_and_codes_are_written_for_people() -> None:
    assert wording.members(Sample(1_000_000, on=False, maybe=False, tags=("self_harm", "AI Act"))) == [
        ("Limit", "1,000,000"),
        ("Maybe", "no"),
        ("Tags", "self harm, AI Act"),
    ]
    assert wording.meaning(Sample(1, on=True, maybe=None, tags=())) == "A sample, marked."
    assert wording.value(Sample(1, on=True, maybe=None, tags=())) == "limit: 1; on: yes"
    assert wording.value({"a_b": [1, 2]}) == "a b: 1, 2"
