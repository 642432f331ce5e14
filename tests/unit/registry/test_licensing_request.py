"""What may be asked, and what is said of a question that is not understood."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import catalog, evaluate
from registry.licensing.facts import InvalidFacts
from registry.licensing.request import InvalidRequest, parse_request
from registry.licensing.terms import Relation

TODAY = date(2026, 11, 22)
CATALOG = catalog.load()


def test_the_example_of_the_contract() -> None:
    asked = {
        "model": "org/name",
        "revision": None,
        "licenses": None,
        "declared_metadata": {
            "license": "other",
            "license_name": "modified-mit",
            "base_model": "org/base",
            "base_model_relation": "quantized",
        },
        "lineage": [{"model": "org/name", "relation": "finetune", "parents": ["org/base"], "teacher": None}],
        "evaluation_date": "2026-11-22",
        "org": {},
        "use": {},
        "derivative": {},
    }

    request = parse_request(asked)

    assert request.declared.base_models == ("org/base",)
    assert request.declared.relation is Relation.QUANTIZED
    assert request.lineage[0].teachers == ()
    assert evaluate.evaluate(request, CATALOG).verdict == "needs_review"


def test_every_word_of_the_fact_vocabulary() -> None:
    org = {
        "licensee_entity": "Acme GmbH", "principal_place_of_business": "DE", "entity_type": "company", "domicile": "DE",
        "affiliates": ["Acme Inc."], "founded_on": "2001-02-03", "competes_with": ["NAVER"], "operates_maas": False,
        "operates_ai_assistant": True,
        "mau_by_month": {"2024-06": {"all_products_incl_affiliates": 3, "licensee_only": 2, "product_using_model": 1}},
        "annual_revenue_usd": {"licensee": 1, "group": 2}, "monthly_revenue_usd": {"group_consolidated": 2, "product": 1},
        "trailing_12m_revenue_group": 1, "arr_product": 1, "attributable_revenue": 1,
    }  # fmt: skip
    use = {
        "role": "licensee", "purpose": "production", "environment": "production", "commercial": True,
        "use_case_tags": ["chatbot"], "served_territories": ["DE", "US"], "hosting": "public_api",
        "distribute_weights": False, "distribute_derivative": False, "public_statements_about_derivative": False,
    }  # fmt: skip
    derivative = {"relation": "distill_weights", "base_models": ["a/b@1"], "name": "n", "own_licence": "mit"}

    request = parse_request({"model": "a/b", "org": org, "use": use, "derivative": derivative}, today=TODAY)

    assert request.org.mau_by_month["2024-06"].licensee_only == 2
    assert request.derivative.relation is Relation.DISTILLATION


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"org": {"mau": 1}}, "org.mau"),
        ({"org": []}, "org"),
        ({"org": {"principal_place_of_business": "UK"}}, "org.principal_place_of_business"),
        ({"org": {"principal_place_of_business": "de"}}, "org.principal_place_of_business"),
        ({"org": {"principal_place_of_business": "EU"}}, "org.principal_place_of_business"),
        (
            {"org": {"entity_type": "individual", "principal_place_of_business": "DE"}},
            "org.principal_place_of_business",
        ),
        ({"org": {"mau_by_month": {"2024-13": {}}}}, "org.mau_by_month.2024-13"),
        ({"org": {"mau_by_month": {"2026-12": {}}}}, "org.mau_by_month.2026-12"),
        ({"org": {"mau_by_month": {"2024-11": 5}}}, "org.mau_by_month.2024-11"),
        (
            {"org": {"mau_by_month": {"2024-11": {"licensee_only": -1}}}},
            "org.mau_by_month.2024-11.licensee_only",
        ),
        (
            {"org": {"mau_by_month": {"2024-11": {"licensee_only": 1.5}}}},
            "org.mau_by_month.2024-11.licensee_only",
        ),
        (
            {"org": {"mau_by_month": {"2024-11": {"licensee_only": True}}}},
            "org.mau_by_month.2024-11.licensee_only",
        ),
        (
            {"org": {"mau_by_month": {"2024-11": {"licensee_only": 2, "all_products_incl_affiliates": 1}}}},
            "org.mau_by_month.2024-11.all_products_incl_affiliates",
        ),
        ({"org": {"annual_revenue_usd": {"licensee": 2, "group": 1}}}, "org.annual_revenue_usd.group"),
        ({"org": {"founded_on": "2030-01-01"}}, "org.founded_on"),
        ({"org": {"founded_on": "20300101"}}, "org.founded_on"),
        (
            {"org": {"founded_on": "2025-01-01", "mau_by_month": {"2024-11": {"licensee_only": 5}}}},
            "org.mau_by_month.2024-11",
        ),
        ({"use": {"commercial": "yes"}}, "use.commercial"),
        ({"use": {"hosting": "cloud"}}, "use.hosting"),
        ({"use": {"use_case_tags": ["Military"]}}, "use.use_case_tags"),
        ({"use": {"use_case_tags": "military"}}, "use.use_case_tags"),
        ({"use": {"served_territories": ["Mars"]}}, "use.served_territories"),
        ({"derivative": {"relation": "cousin"}}, "derivative.relation"),
    ],
)
def test_wrong_facts_are_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidFacts) as refused:
        parse_request({"model": "a/b", **change}, today=TODAY)

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ([], "document"),
        ({}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": "a/b\x00"}, "model"),
        ({"model": "a/b", "loosen": True}, "loosen"),
        ({"model": "a/b", "known": {}}, "known"),
        ({"model": "a/b", "evaluation_date": "2026-11-23"}, "evaluation_date"),
        ({"model": "a/b", "evaluation_date": "today"}, "evaluation_date"),
        ({"model": "a/b", "licenses": "mit"}, "licenses"),
        ({"model": "a/b", "licenses": ["mit", "mit"]}, "licenses"),
        ({"model": "a/b", "lineage": [{"parents": []}]}, "lineage[0].model"),
        ({"model": "a/b", "lineage": [{"model": "a/b", "relation": "sibling"}]}, "lineage[0].relation"),
        ({"model": "a/b", "declared_metadata": {"licence": "mit"}}, "declared_metadata.licence"),
        ({"model": "a/b", "lineage": [{"model": "a/b"}] * 5001}, "lineage"),
    ],
)
def test_a_wrong_question_is_named(asked: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_request(asked, today=TODAY)

    assert refused.value.field == field


def test_a_date_is_needed_from_somewhere() -> None:
    with pytest.raises(InvalidRequest, match="evaluation_date"):
        parse_request({"model": "a/b"})


NAMES = [
    "model",
    "licenses",
    "declared_metadata",
    "lineage",
    "org",
    "use",
    "derivative",
    "license",
    "base_model",
]
MORE = ["relation", "parents", "teacher", "mau_by_month", "2024-11", "commercial", "name", "evaluation_date"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["mit", "a/b", "finetune", "2026-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES + MORE), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(NAMES), JSON).map(lambda found: {"model": "a/b", **found}) | JSON)
def test_any_json_has_an_answer_or_is_refused(value: Any) -> None:
    try:
        request = parse_request(value, today=TODAY)
    except (InvalidFacts, InvalidRequest) as refused:
        answer: dict[str, Any] = {"field": refused.field}
    else:
        answer = evaluate.evaluate(request, CATALOG).to_json()

    assert list(answer) == ["field"] or list(answer) == [
        "verdict", "effective_licenses", "obligations", "findings", "conflicts", "missing_facts", "catalog_digest",
    ]  # fmt: skip
