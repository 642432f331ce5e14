"""Moves of facts: merge patches, presets that always fit, and what differs between two answers."""

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import catalog, changes, evaluate, facts, presets
from registry.licensing.changes import Change, Step, merged, parse_change, parse_step, patch_to
from registry.licensing.comparison import Effect, difference
from registry.licensing.facts import InvalidFacts
from registry.licensing.request import parse_request

TODAY = date(2026, 11, 22)
CATALOG = catalog.load()
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)
WITHOUT_NULL = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=4),
)
PLAIN = st.dictionaries(st.text(max_size=2), WITHOUT_NULL, max_size=4)
# The examples of RFC 7396, appendix A.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]


@pytest.mark.parametrize(("target", "patch", "wanted"), EXAMPLES)
def test_merge_patch_as_the_rfc_says(target: Any, patch: Any, wanted: Any) -> None:
    before = copy.deepcopy((target, patch))

    assert merged(target, patch) == wanted
    assert (target, patch) == before


@given(OBJECTS, OBJECTS)
def test_a_patch_twice_is_the_patch_once(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merged(target, patch)

    assert merged(once, patch) == once


@given(PLAIN, PLAIN)
def test_the_patch_between_two_objects_leads_from_one_to_the_other(
    known: dict[str, Any], wanted: dict[str, Any]
) -> None:
    assert merged(known, patch_to(known, wanted)) == wanted


@given(PLAIN)
def test_nothing_is_moved_between_an_object_and_itself(known: dict[str, Any]) -> None:
    assert patch_to(known, known) == {}


def test_steps_follow_one_another() -> None:
    forget = Step(org={"mau_by_month": None})
    state = Step(org={"mau_by_month": {"2025-03": {"licensee_only": 5}}})
    known = {"mau_by_month": {"2024-03": {"licensee_only": 1}}}

    found = Change((forget, state)).moved("org", known)

    assert found == {"mau_by_month": {"2025-03": {"licensee_only": 5}}}
    assert parse_change(Change((forget, state)).to_json(), on=TODAY) == Change((forget, state))


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"orga": {}}, "orga"),
        ({"org": []}, "org"),
        ({"org": {"mau": None}}, "org.mau"),
        ({"org": {"mau_by_month": {"2025": None}}}, "org.mau_by_month.2025"),
        ({"org": {"mau_by_month": {"2999-01": {}}}}, "org.mau_by_month.2999-01"),
        ({"org": {"arr_product": -1}}, "org.arr_product"),
        ({"org": {"founded_on": "2999-01-01"}}, "org.founded_on"),
        ({"use": {"hosting": "moon"}}, "use.hosting"),
        ({"use": {"served_territories": ["XX"]}}, "use.served_territories"),
        ({"derivative": {"relation": "copied"}}, "derivative.relation"),
        ({"org": {"licensee_entity": "x" * 70_000}}, "org"),
        ([{}] * 33, "change"),
        ([1], "document"),
        (None, "document"),
    ],
)
def test_what_is_not_in_the_vocabulary_is_named(value: Any, field: str) -> None:
    with pytest.raises(InvalidFacts) as caught:
        parse_change(value, on=TODAY)

    assert caught.value.field == field


def test_endless_nesting_is_refused() -> None:
    value: Any = {}
    for _ in range(400):
        value = {"a": value}

    with pytest.raises(InvalidFacts) as caught:
        parse_step({"org": value}, on=TODAY)

    assert caught.value.field == "org"


def refusal(value: Any) -> InvalidFacts | None:
    try:
        parse_change(value, on=TODAY)
    except InvalidFacts as error:
        return error
    return None


@given(JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(changes.PARTS, OBJECTS)))
def test_any_json_is_a_change_or_a_clear_refusal(value: Any) -> None:
    refused = refusal(value)

    assert refused is None or (refused.detail and refused.field is not None)


# -- presets

COUNTS = st.none() | st.integers(min_value=0, max_value=2**53)


def _rising(draw: Any, *names: str) -> dict[str, int]:
    """Counts of which a wider one is never smaller; some are unknown."""
    numbers = sorted(draw(st.lists(st.integers(0, 2**53), min_size=len(names), max_size=len(names))))
    return {name: number for name, number in zip(names, numbers, strict=True) if draw(st.booleans())}


@st.composite
def organizations(draw: Any) -> dict[str, Any]:
    """Facts that the vocabulary takes."""
    months = draw(st.lists(st.sampled_from(["2025-03", "2026-10", "2023-06"]), unique=True))
    facts_known: dict[str, Any] = {
        "mau_by_month": {month: _rising(draw, *presets.SCOPES) for month in months},
        "annual_revenue_usd": _rising(draw, "licensee", "group"),
        "monthly_revenue_usd": _rising(draw, "product", "group_consolidated"),
    }
    kind = draw(st.sampled_from([None, "company", "individual", "academic"]))
    if kind:
        facts_known["entity_type"] = kind
    if draw(st.booleans()):
        facts_known["domicile" if kind == "individual" else "principal_place_of_business"] = "US"
    if draw(st.booleans()):
        facts_known["affiliates"] = draw(st.lists(st.sampled_from(["A", "B", "Acme"]), unique=True))
    if draw(st.booleans()):
        facts_known["licensee_entity"] = "Acme"
    return facts_known


@given(organizations(), st.sampled_from(presets.PRESETS))
def test_presets_fit_whatever_is_known(org: dict[str, Any], preset: presets.Preset) -> None:
    months = presets.counted_months(CATALOG, None, on=TODAY)
    change = Change((parse_step(preset.step(presets.Ground(org, months)).to_json(), on=TODAY),))

    facts.parse_org(change.moved("org", org), on=TODAY)
    facts.parse_use(change.moved("use", {}))
    facts.parse_derivative(change.moved("derivative", {}))


@given(organizations(), st.integers(0, 2**53), st.sampled_from(presets.SCOPES))
def test_a_number_of_users_fits_whatever_is_known(org: dict[str, Any], number: int, scope: str) -> None:
    patch = presets.users(number, scope=scope, months_counted=["2025-03", "2026-10"], org=org)

    found = facts.parse_org(merged(org, patch), on=TODAY)

    assert {getattr(found.mau_by_month[month], scope) for month in ("2025-03", "2026-10")} == {number}


def test_months_are_those_that_licences_count() -> None:
    assert presets.counted_months(CATALOG, ["llama-4"], on=TODAY) == ("2025-03",)
    assert presets.counted_months(CATALOG, ["qwen-2024"], on=TODAY) == ("2026-10", "2026-11")
    assert presets.counted_months(CATALOG, ["mit", "llama-3"], on=TODAY) == ("2024-03",)
    assert {"2023-06", "2024-06", "2026-10"} <= set(presets.counted_months(CATALOG, None, on=TODAY))


# -- differences


def answer(**changed: Any) -> dict[str, Any]:
    question: dict[str, Any] = {
        "model": "acme/m",
        "licenses": ["llama-4"],
        "org": {
            "principal_place_of_business": "US",
            "entity_type": "company",
            "mau_by_month": {"2025-03": {"all_products_incl_affiliates": 1}},
        },
        "use": {
            "role": "licensee", "purpose": "internal", "environment": "production", "commercial": True,
            "use_case_tags": ["chatbot"], "hosting": "none", "distribute_weights": False,
            "distribute_derivative": False, "public_statements_about_derivative": False,
        },
    }  # fmt: skip
    for part, patch in changed.items():
        question[part] = merged(question.get(part, {}), patch)
    return evaluate.evaluate(parse_request(question, today=TODAY), CATALOG).to_json()


def test_an_answer_does_not_differ_from_itself() -> None:
    found = difference(answer(), answer())

    assert found.effect is Effect.SAME
    assert found.reasons == ()


def test_what_comes_and_what_goes() -> None:
    found = difference(answer(), answer(use={"hosting": "public_api"}, org={"mau_by_month": None}))

    assert found.effect is Effect.WORSE
    assert found.missing_added == ("org.mau_by_month.2025-03.all_products_incl_affiliates",)
    assert "display-built-with" in {item["id"] for item in found.obligations_added}
    assert found.reasons[0].startswith("llama-4, §2: cannot be decided without")


MOVES = st.sampled_from([
    {"org": {"principal_place_of_business": "DE"}},
    {"org": {"principal_place_of_business": None}},
    {"org": {"mau_by_month": {"2025-03": {"all_products_incl_affiliates": 800_000_000}}}},
    {"use": {"use_case_tags": ["military"]}},
    {"use": {"use_case_tags": None}},
    {"use": {"hosting": "public_api"}},
    {"derivative": {"relation": "finetune", "name": "Other"}},
    {},
])  # fmt: skip


@given(MOVES, MOVES)
def test_a_difference_read_backwards_is_the_opposite(one: Any, other: Any) -> None:
    first, second = answer(**one), answer(**other)
    there, back = difference(first, second), difference(second, first)

    opposite = {Effect.WORSE: Effect.BETTER, Effect.BETTER: Effect.WORSE}
    assert opposite.get(there.effect, there.effect) is back.effect
    assert there.missing_added == back.missing_removed
    assert there.obligations_added == back.obligations_removed
    assert there.conflicts_added == back.conflicts_removed


@given(MOVES, MOVES)
def test_a_verdict_never_moves_without_a_reason(one: Any, other: Any) -> None:
    found = difference(answer(**one), answer(**other))

    assert found.before is found.after or found.reasons


def test_parts_are_those_of_a_question() -> None:
    assert changes.PARTS == ("org", "use", "derivative")
