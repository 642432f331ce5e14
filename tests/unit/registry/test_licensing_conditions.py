"""A truth table for each kind of condition."""

from datetime import date
from typing import Any

import pytest

from governance.fields import Fields
from registry.licensing import conditions, facts, judgement, logic
from registry.licensing.gate import Gate
from registry.licensing.logic import NO, YES, Truth
from registry.licensing.situation import Outcome, Situation
from registry.licensing.terms import Condition, Verdict, Verification

ON = date(2026, 11, 22)
UNKNOWN = Truth(None, frozenset({"f"}))


def situation(
    org: Any = None,
    use: Any = None,
    plan: Any = None,
    models: tuple[str, ...] = ("org/m",),
    model: str = "org/m",
    *,
    learned: bool = False,
) -> Situation:
    return Situation(
        org=facts.parse_org(org or {}, on=ON),
        use=facts.parse_use(use or {}),
        plan=facts.parse_derivative(plan or {}),
        on=ON,
        model=model,
        license="the-license",
        models=models,
        derived=any(one != model for one in models),
        learned=learned,
    )


def condition(kind: str, applies: dict[str, Any] | None = None, **parameters: Any) -> Condition:
    return Condition(
        kind=kind,
        clause="§1",
        effect=Verdict.PROHIBITED,
        parameters=conditions.KINDS[kind](Fields(parameters)),
        applies=Gate.parse(Fields(applies or {})),
        on_outputs=False,
        curable=False,
        remedy=None,
        verification=Verification.VERIFIED_TEXT,
    )


def check(term: Condition, at: Situation) -> Any:
    return said(judgement.within(term, at))


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


END_USER = {"not_roles": ["end_user_of_integrated_product"]}
AN_END_USER = {
    "role": "end_user_of_integrated_product",
    "hosting": "none",
    "distribute_weights": False,
    "distribute_derivative": False,
}
SNAPSHOT = condition(
    "mau_threshold",
    END_USER,
    limit=700_000_000,
    operator="more_than",
    basis="all_products_incl_affiliates",
    month="2024-11",
)
ONGOING = condition(
    "mau_threshold", {"commercial": True}, limit=100, operator="more_than", basis="licensee_only"
)
AT_LEAST = condition(
    "mau_threshold", limit=100, operator="at_least", basis="all_products_incl_affiliates", month="2024-11"
)
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
        ({"2024-11": {ALL: 700_000_001}}, AN_END_USER, "met"),
        ({}, AN_END_USER, "met"),
        ({"2024-11": {ALL: 700_000_001}}, {**AN_END_USER, "hosting": "public_api"}, "violated"),
        ({"2024-11": {ALL: 700_000_001}}, {**AN_END_USER, "hosting": None}, ["use.hosting"]),
        ({"2024-11": {ALL: 700_000_001}}, {"role": "recipient_of_hosted_api"}, "violated"),
    ],
)
def test_snapshot_threshold(months: Any, use: Any, expected: Any) -> None:
    assert check(SNAPSHOT, situation({"mau_by_month": months}, use)) == expected


@pytest.mark.parametrize(("count", "expected"), [(99, "met"), (100, "violated"), (101, "violated")])
def test_at_least(count: int, expected: str) -> None:
    assert check(AT_LEAST, situation({"mau_by_month": {"2024-11": {ALL: count}}})) == expected


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
    assert check(ONGOING, situation({"mau_by_month": months}, {"commercial": commercial})) == expected


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
    assert check(SNAPSHOT, situation(org)) == expected


@pytest.mark.parametrize(
    ("commercial", "expected"), [(True, "violated"), (False, "met"), (None, ["use.commercial"])]
)
def test_non_commercial(commercial: bool | None, expected: Any) -> None:
    assert check(condition("non_commercial"), situation(use={"commercial": commercial})) == expected


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

    assert check(condition("purpose_only", purposes=["research"]), situation(use=use)) == expected


EU = condition(
    "territory",
    {**END_USER, "multimodal": True, "multimodal_models": ["*/*-Vision*"], "text_models": ["*/*-1B*"]},
    regions=["EU"],
    test="seat",
)
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
    assert check(EU, situation(org, plan=plan, models=(model,))) == expected


def test_end_users_are_exempt_from_the_territory() -> None:
    at = situation({"principal_place_of_business": "DE"}, AN_END_USER, models=("m/L-Vision",))

    assert check(EU, at) == "met"


LIMIT = condition("hosting", {"entity_types": ["company"]}, hosting=["public_api"], distribution=True)


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
    assert check(LIMIT, situation({"entity_type": entity}, use)) == expected


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
    assert (
        check(condition("prohibited_use", tags=["military"]), situation(use={"use_case_tags": tags}))
        == expected
    )


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
    at = situation(use=use, plan=plan, models=BASE, model=model)

    assert check(condition("name_prefix", prefix="Llama"), at) == expected


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        ({"relation": "finetune", "name": "EXAONE-x"}, "met"),
        ({"relation": "finetune", "name": "x"}, "violated"),
        ({"relation": "finetune"}, ["derivative.name"]),
        ({}, "met"),
    ],
)
def test_name_prefix_of_what_stays_in_the_house(plan: Any, expected: Any) -> None:
    prefix = condition("name_prefix", prefix="EXAONE", even_undistributed=True)

    assert (
        check(prefix, situation(use={"distribute_derivative": False, "hosting": "none"}, plan=plan))
        == expected
    )


MONTHS = [{"models": ["org/a*"], "month": "2024-10"}, {"models": ["org/b"], "month": "2025-05"}]


@pytest.mark.parametrize(
    ("counts", "models", "expected"),
    [
        ({"2024-10": {ALL: 100}}, ("org/a-1",), "met"),
        ({"2024-10": {ALL: 101}}, ("org/a-1",), "violated"),
        ({"2024-10": {ALL: 100}, "2025-05": {ALL: 101}}, ("org/a-1", "org/b"), "violated"),
        (
            {"2024-10": {ALL: 100}},
            ("org/a-1", "org/b"),
            ["org.mau_by_month.2025-05.all_products_incl_affiliates"],
        ),
        ({"2024-10": {ALL: 1}}, ("org/new",), ["model.release_month[org/new]"]),
        ({"2024-10": {ALL: 101}}, ("org/a-1", "org/new"), "violated"),
    ],
)
def test_months_of_each_models_release(counts: Any, models: tuple[str, ...], expected: Any) -> None:
    threshold = condition("mau_threshold", limit=100, operator="more_than", basis=ALL, months=MONTHS)

    assert check(threshold, situation({"mau_by_month": counts}, models=models)) == expected


ANNUAL, MONTHLY = "annual_revenue_usd", "monthly_revenue_usd"


@pytest.mark.parametrize(
    ("measure", "operator", "org", "expected"),
    [
        (f"{ANNUAL}.group", "more_than", {ANNUAL: {"group": 100}}, "met"),
        (f"{ANNUAL}.group", "more_than", {ANNUAL: {"group": 101}}, "violated"),
        (f"{ANNUAL}.group", "at_least", {ANNUAL: {"group": 100}}, "violated"),
        (f"{ANNUAL}.group", "at_least", {ANNUAL: {"group": 99}}, "met"),
        (f"{ANNUAL}.group", "more_than", {ANNUAL: {"licensee": 101}}, "violated"),
        (f"{ANNUAL}.group", "more_than", {ANNUAL: {"licensee": 100}}, [f"org.{ANNUAL}.group"]),
        (f"{ANNUAL}.licensee", "more_than", {ANNUAL: {"group": 100}}, "met"),
        (f"{ANNUAL}.licensee", "more_than", {ANNUAL: {"group": 101}}, [f"org.{ANNUAL}.licensee"]),
        (f"{MONTHLY}.product", "more_than", {MONTHLY: {"group_consolidated": 100}}, "met"),
        (f"{MONTHLY}.product", "more_than", {MONTHLY: {"product": 101}}, "violated"),
        (f"{MONTHLY}.group_consolidated", "more_than", {MONTHLY: {"product": 101}}, "violated"),
        (f"{MONTHLY}.group_consolidated", "more_than", {}, [f"org.{MONTHLY}.group_consolidated"]),
        ("trailing_12m_revenue_group", "more_than", {"trailing_12m_revenue_group": 100}, "met"),
        ("trailing_12m_revenue_group", "more_than", {"trailing_12m_revenue_group": 101}, "violated"),
        ("arr_product", "more_than", {"arr_product": 101}, "violated"),
        ("arr_product", "more_than", {"arr_product": 0}, "met"),
        ("attributable_revenue", "more_than", {"attributable_revenue": 101}, "violated"),
        ("attributable_revenue", "more_than", {}, ["org.attributable_revenue"]),
    ],
)
def test_revenue(measure: str, operator: str, org: Any, expected: Any) -> None:
    threshold = condition("revenue_threshold", limit=100, operator=operator, measure=measure)

    assert check(threshold, situation(org)) == expected


@pytest.mark.parametrize(("dollars", "expected"), [(111, "met"), (112, None), (166, None), (167, "violated")])
def test_revenue_in_another_currency_is_decided_only_outside_the_band_of_rates(
    dollars: int, expected: str | None
) -> None:
    threshold = condition(
        "revenue_threshold", limit=1000, operator="more_than", measure=f"{ANNUAL}.group", currency="CNY"
    )

    assert check(threshold, situation({ANNUAL: {"group": dollars}})) == (expected or [f"org.{ANNUAL}.group"])


@pytest.mark.parametrize(
    ("environment", "purpose", "expected"),
    [
        ("non_production", "evaluation", "met"),
        ("production", "evaluation", "violated"),
        ("non_production", "production", "violated"),
        (None, "production", "violated"),
        (None, "research", ["use.environment"]),
        (None, None, ["use.environment"]),
    ],
)
def test_non_production(environment: str | None, purpose: str | None, expected: Any) -> None:
    use = {"environment": environment, "purpose": purpose}

    assert check(condition("non_production"), situation(use=use)) == expected


SERVED = "use.served_territories"


@pytest.mark.parametrize(
    ("seat", "served", "expected"),
    [
        ("US", ["US", "JP"], "met"),
        ("US", ["US", "FR"], "violated"),
        ("US", ["GB"], "violated"),
        ("KR", ["US"], "violated"),
        ("DE", None, "violated"),
        ("US", None, [SERVED]),
        (None, ["US"], [PLACE]),
        (None, ["KR"], "violated"),
        ("NO", ["NO"], "met"),
        ("US", [], "met"),
    ],
)
def test_territory_of_use(seat: str | None, served: Any, expected: Any) -> None:
    territory = condition("territory", regions=["EU", "GB", "KR"], test="use")
    at = situation({"principal_place_of_business": seat}, {"served_territories": served})

    assert check(territory, at) == expected


@pytest.mark.parametrize(
    ("rivals", "expected"),
    [(["naver"], "violated"), (["Google"], "met"), ([], "met"), (None, ["org.competes_with"])],
)
def test_competitor(rivals: Any, expected: Any) -> None:
    assert check(condition("competitor", names=["NAVER"]), situation({"competes_with": rivals})) == expected


@pytest.mark.parametrize(
    ("maas", "assistant", "expected"),
    [
        (True, None, "violated"),
        (None, True, "violated"),
        (False, False, "met"),
        (False, None, ["org.operates_ai_assistant"]),
        (None, False, ["org.operates_maas"]),
    ],
)
def test_excluded_business(maas: bool | None, assistant: bool | None, expected: Any) -> None:
    excluded = condition("excluded_business", businesses=["model_as_a_service", "ai_assistant"])
    at = situation({"operates_maas": maas, "operates_ai_assistant": assistant}, {"hosting": "none"})

    assert check(excluded, at) == expected


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (["the-license"], "met"),
        (["another"], "violated"),
        ([], "violated"),
        (None, ["org.registrations"]),
    ],
)
def test_registration(held: Any, expected: Any) -> None:
    term = condition("registration", with_whom="the licensor")

    assert check(term, situation({"registrations": held})) == expected


@pytest.mark.parametrize(
    ("plan", "shared", "expected"),
    [
        ({"own_licence": "gpl-3.0"}, True, "met"),
        ({"own_licence": "mit"}, True, "violated"),
        ({"own_licence": "mit"}, False, "met"),
        ({"own_licence": "mit"}, None, ["use.distribute_derivative"]),
        ({"name": "acme/x"}, True, ["derivative.own_licence"]),
        ({}, True, "met"),
    ],
)
def test_share_alike(plan: Any, shared: bool | None, expected: Any) -> None:
    at = situation(use={"distribute_derivative": shared}, plan=plan)

    assert check(condition("share_alike", licenses=["gpl-3.0"]), at) == expected


@pytest.mark.parametrize(
    ("plan", "model", "expected"),
    [
        ({}, "org/m", "met"),
        ({}, "acme/org-m-abliterated", ["derivative.guardrails_intact"]),
        ({"guardrails_intact": True}, "acme/org-m-tuned", "met"),
        ({"guardrails_intact": False}, "org/m", "violated"),
        ({"relation": "finetune"}, "org/m", ["derivative.guardrails_intact"]),
        ({"relation": "synthetic_outputs"}, "org/m", "met"),
    ],
)
def test_guardrail_integrity(plan: Any, model: str, expected: Any) -> None:
    assert check(condition("guardrail_integrity"), situation(plan=plan, model=model)) == expected


@pytest.mark.parametrize(
    ("students", "plan", "learned", "expected"),
    [
        ("any", {}, True, "violated"),
        ("any", {}, False, "met"),
        ("foundation_models", {"foundation_model": True}, True, "violated"),
        ("foundation_models", {"foundation_model": False}, True, "met"),
        ("foundation_models", {}, True, ["derivative.foundation_model"]),
        ("foundation_models", {"foundation_model": True}, False, "met"),
        ("competing_models", {"competes": True}, True, "violated"),
        ("competing_models", {"competes": False}, True, "met"),
        ("competing_models", {}, True, ["derivative.competes"]),
    ],
)
def test_output_training(students: str, plan: Any, learned: bool, expected: Any) -> None:
    at = situation(plan=plan, learned=learned)

    assert check(condition("output_training", students=students), at) == expected


def gated(applies: dict[str, Any], at: Situation) -> Any:
    """What a term that is always violated comes to inside a gate."""
    return check(condition("output_training", applies, students="any"), at)


@pytest.mark.parametrize(
    ("applies", "org", "use", "expected"),
    [
        ({"commercial": True}, {}, {"commercial": True}, "violated"),
        ({"commercial": True}, {}, {"commercial": False}, "met"),
        ({"commercial": True}, {}, {}, ["use.commercial"]),
        ({"commercial": False}, {}, {"commercial": False}, "violated"),
        ({"distribution": True}, {}, {"distribute_weights": True}, "violated"),
        ({"distribution": True}, {}, {"distribute_weights": False, "distribute_derivative": False}, "met"),
        ({"distribution": True}, {}, {"distribute_weights": False}, ["use.distribute_derivative"]),
        ({"hosting": ["public_api"]}, {}, {"hosting": "public_api"}, "violated"),
        ({"hosting": ["public_api"]}, {}, {"hosting": "none"}, "met"),
        ({"hosting": ["public_api"]}, {}, {}, ["use.hosting"]),
        ({"purposes": ["production"]}, {}, {"purpose": "research"}, "met"),
        ({"purposes": ["production"]}, {}, {**AN_END_USER, "purpose": "internal"}, "met"),
        (
            {"purposes": ["production"]},
            {},
            {**AN_END_USER, "purpose": "internal", "hosting": "relay"},
            "violated",
        ),
        ({"purposes": ["production"]}, {}, {}, ["use.purpose"]),
        ({"stages": ["production"]}, {}, {"environment": "non_production"}, "met"),
        ({"entity_types": ["company"]}, {"entity_type": "academic"}, {}, "met"),
        ({"entity_types": ["company"]}, {}, {}, ["org.entity_type"]),
        ({"operates": ["model_as_a_service"]}, {"operates_maas": True}, {}, "violated"),
        ({"operates": ["model_as_a_service"]}, {"operates_maas": False}, {"hosting": "none"}, "met"),
        (
            {"operates": ["model_as_a_service"]},
            {"operates_maas": False},
            {"hosting": "public_api"},
            "violated",
        ),
        ({"operates": ["model_as_a_service"]}, {"operates_maas": False}, {}, ["use.hosting"]),
        ({"operates": ["model_as_a_service"]}, {}, {"hosting": "none"}, ["org.operates_maas"]),
        ({"operates": ["model_as_a_service"], "commercial": True}, {}, {"commercial": False}, "met"),
        ({"not_roles": ["end_user_of_integrated_product"]}, {}, {}, "violated"),
        (END_USER, {}, AN_END_USER, "met"),
        (END_USER, {}, {**AN_END_USER, "distribute_weights": True}, "violated"),
        (END_USER, {}, {**AN_END_USER, "distribute_derivative": None}, ["use.distribute_derivative"]),
        ({"models": ["org/*"]}, {}, {}, "violated"),
        ({"models": ["other/*"]}, {}, {}, "met"),
    ],
)
def test_gate(applies: Any, org: Any, use: Any, expected: Any) -> None:
    assert gated(applies, situation(org, use, learned=True)) == expected


@pytest.mark.parametrize(
    ("applies", "plan", "model", "expected"),
    [
        ({"derivative": True}, {}, "org/m", "met"),
        ({"derivative": True}, {"relation": "finetune"}, "org/m", "violated"),
        ({"derivative": True}, {}, "acme/tuned", "violated"),
        ({"derivative": False}, {}, "acme/tuned", "met"),
        ({"relations": ["quantized"]}, {"relation": "quantized"}, "org/m", "violated"),
        ({"relations": ["quantized"]}, {"relation": "merge"}, "org/m", "met"),
        ({"relations": ["quantized"]}, {}, "org/m", "met"),
        ({"multimodal": True}, {"multimodal": True}, "org/m", "violated"),
        ({"multimodal": True}, {}, "org/m", ["derivative.multimodal"]),
        ({"multimodal": False}, {"multimodal": True}, "org/m", "met"),
    ],
)
def test_gate_on_models(applies: Any, plan: Any, model: str, expected: Any) -> None:
    assert gated(applies, situation(plan=plan, model=model, learned=True)) == expected
