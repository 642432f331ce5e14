"""A truth table for each kind of condition."""

from datetime import date
from typing import Any

import pytest

from registry.licensing import facts, logic
from registry.licensing.logic import NO, YES, Truth
from registry.licensing.naming import NamePrefix
from registry.licensing.situation import Outcome, Situation
from registry.licensing.territory import Territory
from registry.licensing.thresholds import Basis, MauThreshold, Operator
from registry.licensing.uses import HostingLimit, NonCommercial, ProhibitedUse, PurposeOnly

ON = date(2026, 11, 22)
UNKNOWN = Truth(None, frozenset({"f"}))


def situation(
    org: Any = None,
    use: Any = None,
    plan: Any = None,
    models: tuple[str, ...] = ("org/m",),
    model: str = "org/m",
) -> Situation:
    return Situation(
        facts.parse_org(org or {}, on=ON),
        facts.parse_use(use or {}),
        facts.parse_derivative(plan or {}),
        ON,
        model,
        models,
    )


def said(outcome: Outcome) -> Any:
    assert outcome.reason
    assert (outcome.state == "unknown") == bool(outcome.missing)
    return list(outcome.missing) if outcome.missing else outcome.state.value


@pytest.mark.parametrize("a", [YES, NO, UNKNOWN])
@pytest.mark.parametrize("b", [YES, NO, UNKNOWN])
def test_logic_is_kleenes(a: Truth, b: Truth) -> None:
    order = {False: 0, None: 1, True: 2}
    back = {0: False, 1: None, 2: True}

    assert logic.both(a, b).value is back[min(order[a.value], order[b.value])]
    assert logic.either(a, b).value is back[max(order[a.value], order[b.value])]
    assert logic.negate(a).value is back[2 - order[a.value]]
    assert bool(logic.both(a, b).missing) == (logic.both(a, b).value is None)


SNAPSHOT = MauThreshold(
    700_000_000, Operator.MORE_THAN, Basis.AFFILIATES, "2024-11", False, ("end_user_of_integrated_product",)
)
ONGOING = MauThreshold(100, Operator.MORE_THAN, Basis.LICENSEE, None, True, ())
AT_LEAST = MauThreshold(100, Operator.AT_LEAST, Basis.AFFILIATES, "2024-11", False, ())
ALL, OWN, PRODUCT = "all_products_incl_affiliates", "licensee_only", "product_using_model"
MONTH = "org.mau_by_month.2024-11.all_products_incl_affiliates"


@pytest.mark.parametrize(
    ("months", "use", "expected"),
    [
        ({"2024-11": {ALL: 700_000_000}}, {}, "met"),
        ({"2024-11": {ALL: 700_000_001}}, {}, "violated"),
        ({"2024-11": {OWN: 700_000_001}}, {}, "violated"),
        ({"2024-11": {PRODUCT: 700_000_001}}, {}, "violated"),
        ({"2024-11": {OWN: 700_000_000}}, {}, [MONTH]),
        ({"2024-10": {ALL: 700_000_001}}, {}, [MONTH]),
        ({"2026-10": {ALL: 900_000_000}, "2024-11": {ALL: 1}}, {}, "met"),
        ({}, {}, [MONTH]),
        ({"2024-11": {ALL: 700_000_001}}, {"role": "end_user_of_integrated_product"}, "met"),
        ({}, {"role": "end_user_of_integrated_product"}, "met"),
        ({"2024-11": {ALL: 700_000_001}}, {"role": "recipient_of_hosted_api"}, "violated"),
    ],
)
def test_snapshot_threshold(months: Any, use: Any, expected: Any) -> None:
    assert said(SNAPSHOT.check(situation({"mau_by_month": months}, use))) == expected


@pytest.mark.parametrize(("count", "expected"), [(99, "met"), (100, "violated"), (101, "violated")])
def test_at_least(count: int, expected: str) -> None:
    assert said(AT_LEAST.check(situation({"mau_by_month": {"2024-11": {ALL: count}}}))) == expected


@pytest.mark.parametrize(
    ("months", "commercial", "expected"),
    [
        ({"2026-10": {OWN: 100}}, True, "met"),
        ({"2026-10": {OWN: 101}}, True, "violated"),
        ({"2026-10": {OWN: 101}}, False, "met"),
        ({"2026-10": {OWN: 101}}, None, ["use.commercial"]),
        ({"2026-10": {ALL: 100}}, None, "met"),
        ({"2026-10": {PRODUCT: 101}}, True, "violated"),
        ({"2026-10": {PRODUCT: 100}}, True, ["org.mau_by_month.2026-10.licensee_only"]),
        ({"2026-10": {ALL: 101}}, True, ["org.mau_by_month.2026-10.licensee_only"]),
        ({"2026-09": {OWN: 101}}, True, ["org.mau_by_month.2026-10.licensee_only"]),
        ({"2026-10": {OWN: 100}, "2026-11": {OWN: 101}}, True, "violated"),
        ({}, False, "met"),
        ({}, None, ["org.mau_by_month.2026-10.licensee_only", "use.commercial"]),
    ],
)
def test_ongoing_threshold(months: Any, commercial: bool | None, expected: Any) -> None:
    assert said(ONGOING.check(situation({"mau_by_month": months}, {"commercial": commercial}))) == expected


@pytest.mark.parametrize(
    ("org", "expected"),
    [
        ({"founded_on": "2024-12-01", "affiliates": []}, "met"),
        ({"founded_on": "2024-11-30", "affiliates": []}, [MONTH]),
        ({"founded_on": "2024-12-01", "affiliates": ["Parent"]}, [MONTH]),
        ({"founded_on": "2024-12-01"}, [MONTH]),
    ],
)
def test_who_did_not_exist_had_no_users(org: Any, expected: Any) -> None:
    assert said(SNAPSHOT.check(situation(org))) == expected


@pytest.mark.parametrize(
    ("commercial", "expected"), [(True, "violated"), (False, "met"), (None, ["use.commercial"])]
)
def test_non_commercial(commercial: bool | None, expected: Any) -> None:
    assert said(NonCommercial().check(situation(use={"commercial": commercial}))) == expected


@pytest.mark.parametrize(
    ("commercial", "purpose", "expected"),
    [
        (False, "research", "met"),
        (False, "production", "violated"),
        (False, None, ["use.purpose"]),
        (True, "research", "violated"),
        (True, None, "violated"),
        (None, "research", ["use.commercial"]),
        (None, "internal", "violated"),
        (None, None, ["use.commercial", "use.purpose"]),
    ],
)
def test_purpose_only(commercial: bool | None, purpose: str | None, expected: Any) -> None:
    use = {"commercial": commercial, "purpose": purpose}

    assert said(PurposeOnly(("research",)).check(situation(use=use))) == expected


EU = Territory("EU", ("*/*-Vision*",), ("*/*-1B*",), ("end_user_of_integrated_product",))
PLACE, HOME, MULTI = "org.principal_place_of_business", "org.domicile", "derivative.multimodal"


@pytest.mark.parametrize(
    ("org", "model", "plan", "expected"),
    [
        ({"principal_place_of_business": "DE"}, "meta/L-Vision", {}, "violated"),
        ({"principal_place_of_business": "RE"}, "meta/L-Vision", {}, "violated"),
        ({"principal_place_of_business": "NO"}, "meta/L-Vision", {}, "met"),
        ({"principal_place_of_business": "CH"}, "meta/L-Vision", {}, "met"),
        ({"principal_place_of_business": "GB"}, "meta/L-Vision", {}, "met"),
        ({"principal_place_of_business": "US", "domicile": "IE"}, "meta/L-Vision", {}, "met"),
        ({}, "meta/L-Vision", {}, [PLACE]),
        ({"entity_type": "company", "domicile": "US"}, "meta/L-Vision", {}, [PLACE]),
        ({"entity_type": "individual", "domicile": "FR"}, "meta/L-Vision", {}, "violated"),
        ({"entity_type": "individual", "domicile": "US"}, "meta/L-Vision", {}, "met"),
        ({"entity_type": "individual"}, "meta/L-Vision", {}, [HOME]),
        ({"principal_place_of_business": "DE"}, "meta/L-1B", {}, "met"),
        ({}, "meta/L-1B", {}, "met"),
        ({"principal_place_of_business": "DE"}, "acme/other", {}, [MULTI]),
        ({"principal_place_of_business": "DE"}, "acme/other", {"multimodal": True}, "violated"),
        ({"principal_place_of_business": "DE"}, "acme/other", {"multimodal": False}, "met"),
        ({"principal_place_of_business": "DE"}, "meta/L-Vision", {"multimodal": False}, "violated"),
        ({"principal_place_of_business": "US"}, "acme/other", {}, "met"),
        ({}, "acme/other", {}, [MULTI, PLACE]),
    ],
)
def test_territory(org: Any, model: str, plan: Any, expected: Any) -> None:
    assert said(EU.check(situation(org, plan=plan, models=(model,)))) == expected


def test_end_users_are_exempt_from_the_territory() -> None:
    use = {"role": "end_user_of_integrated_product"}

    assert (
        said(EU.check(situation({"principal_place_of_business": "DE"}, use, models=("m/L-Vision",)))) == "met"
    )


LIMIT = HostingLimit(("public_api",), True, ("company",))


@pytest.mark.parametrize(
    ("use", "entity", "expected"),
    [
        ({"hosting": "public_api"}, "company", "violated"),
        ({"hosting": "public_api"}, "academic", "met"),
        ({"hosting": "public_api"}, None, ["org.entity_type"]),
        ({"hosting": "none", "distribute_weights": False, "distribute_derivative": False}, "company", "met"),
        ({"hosting": "none", "distribute_weights": True}, "company", "violated"),
        ({"hosting": "none", "distribute_derivative": True}, "company", "violated"),
        ({"hosting": "none", "distribute_weights": False}, "company", ["use.distribute_derivative"]),
        ({"distribute_weights": False, "distribute_derivative": False}, "company", ["use.hosting"]),
    ],
)
def test_hosting(use: Any, entity: str | None, expected: Any) -> None:
    assert said(LIMIT.check(situation({"entity_type": entity}, use))) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], "met"),
        (["chatbot"], "met"),
        (["military"], "violated"),
        (["militry", "military"], "violated"),
        (["militry"], ["use.use_case_tags[militry]"]),
        (None, ["use.use_case_tags"]),
    ],
)
def test_prohibited_use(tags: Any, expected: Any) -> None:
    assert said(ProhibitedUse(("military",)).check(situation(use={"use_case_tags": tags}))) == expected


BASE = ("meta/Llama",)


@pytest.mark.parametrize(
    ("plan", "use", "model", "expected"),
    [
        ({"name": "acme/Llama-x"}, {"distribute_derivative": True}, "meta/Llama", "met"),
        ({"name": "acme/x-Llama"}, {"distribute_derivative": True}, "meta/Llama", "violated"),
        ({"name": "x"}, {"distribute_derivative": False, "hosting": "public_api"}, "meta/Llama", "violated"),
        ({"name": "x"}, {"distribute_derivative": False, "hosting": "none"}, "meta/Llama", "met"),
        ({"name": "x"}, {"distribute_derivative": False}, "meta/Llama", ["use.hosting"]),
        ({"relation": "finetune"}, {"distribute_derivative": True}, "meta/Llama", ["derivative.name"]),
        ({}, {"distribute_derivative": True}, "meta/Llama", "met"),
        ({}, {"distribute_derivative": True}, "acme/x", "violated"),
        ({}, {"distribute_derivative": True}, "acme/Llama-x", "met"),
        ({}, {"distribute_derivative": False, "hosting": "public_api"}, "acme/x", "met"),
        ({}, {}, "acme/x", ["use.distribute_derivative"]),
    ],
)
def test_name_prefix(plan: Any, use: Any, model: str, expected: Any) -> None:
    assert (
        said(NamePrefix("Llama").check(situation(use=use, plan=plan, models=BASE, model=model))) == expected
    )
