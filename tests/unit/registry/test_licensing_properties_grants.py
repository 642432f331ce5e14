"""What must hold of signed agreements in every evaluation: they help whom they name, while they last, and lift no doubt."""

import dataclasses
from typing import Any

from hypothesis import given

from registry.licensing import catalog, conditions, evaluate, request
from registry.licensing.terms import Relation
from tests.unit.registry.test_licensing_properties import CATALOG, IDS, KNOWN, QUESTION, SLOW


def held(question: dict[str, Any], known: dict[str, tuple[str, ...]], terms: catalog.Catalog) -> Any:
    """The answer by another catalogue, without its digest."""
    parsed = dataclasses.replace(request.parse_request(question), known=known)
    return {**evaluate.evaluate(parsed, terms).to_json(), "catalog_digest": ""}


def signed(*more: str) -> catalog.Catalog:
    """The catalogue with an agreement that lifts every condition of every license, with more said of each grant."""
    scope = "".join(f'{relation} = "covered"\n' for relation in Relation)
    head = (
        'id = "ours"\nname = "o"\npublisher = "o"\ncategory = "community"\nverification = "verified_text"\n'
    )
    kinds = ", ".join(f'"{kind}"' for kind in conditions.KINDS)
    grants = "".join(
        "\n".join(
            [
                "[[grants]]",
                f'of = "{one}"',
                f"conditions = [{kinds}]",
                'models = ["*"]',
                'reference = "1"',
                *more,
                "",
            ]
        )
        for one in IDS
        if one != catalog.UNKNOWN
    )
    ours = [(path.name, path.read_bytes()) for path in sorted(catalog.FOLDER.glob("*.toml"))]
    return catalog.build([*ours, ("ours.toml", f"{head}[hub]\n[scope]\n{scope}{grants}".encode())])


EXPIRED, LATER = signed('expires_on = "2026-11-21"'), signed('effective_on = "2026-11-23"')
OTHERS, ANYONE = signed('licensees = ["Nobody Ltd"]'), signed()


@given(QUESTION, KNOWN)
@SLOW
def test_an_agreement_that_is_over_or_anothers_never_helps(
    question: dict[str, Any], known: dict[str, tuple[str, ...]]
) -> None:
    without = held(question, known, CATALOG)
    elsewhere = {**question, "org": {**question["org"], "licensee_entity": "Acme"}}

    assert held(question, known, EXPIRED) == without
    assert held(question, known, LATER) == without
    assert held(elsewhere, known, OTHERS) == held(elsewhere, known, CATALOG)


@given(QUESTION, KNOWN)
@SLOW
def test_an_agreement_lifts_conditions_and_never_doubts(
    question: dict[str, Any], known: dict[str, tuple[str, ...]]
) -> None:
    """An unknown license, a cycle, a plan without a relation and a scope are no conditions: no agreement lifts them."""
    kinds = set(conditions.KINDS)
    doubts = [
        item
        for item in held(question, known, CATALOG)["findings"]
        if item["outcome"] != "met" and item["condition"] not in {*kinds, "naming_conflict"}
    ]
    lifted = held(question, known, ANYONE)["findings"]

    assert all(item in lifted for item in doubts)
