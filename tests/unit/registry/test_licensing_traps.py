"""Traps: questions in which a careless answer would be "allowed"."""

import dataclasses
from datetime import date
from typing import Any

import pytest
import yaml

from registry.licensing import catalog, evaluate, request
from registry.licensing.answer import EvaluationResult
from registry.licensing.request import InvalidRequest
from tests.unit.registry.test_license_cases import FOLDER, merged

TODAY = date(2026, 11, 22)
CATALOG = catalog.load()
ORDINARY = yaml.safe_load((FOLDER / "ordinary.yaml").read_text())
LLAMA = "meta-llama/Llama-3.3-70B-Instruct"
CROWD = {"mau_by_month": {"2024-11": {"all_products_incl_affiliates": 700_000_001}}}
END_USER = {"role": "end_user_of_integrated_product"}


def asked(*, known: dict[str, tuple[str, ...]] | None = None, **patch: Any) -> EvaluationResult:
    parsed = request.parse_request(merged(ORDINARY, patch), today=TODAY)
    return evaluate.evaluate(dataclasses.replace(parsed, known=known or {}), CATALOG)


def mit(**patch: Any) -> EvaluationResult:
    return asked(model="acme/x", declared_metadata={"license": "mit", **patch}, org=CROWD)


@pytest.mark.parametrize(
    "name",
    [
        f" {LLAMA}",
        f"{LLAMA} ",
        f"{LLAMA}/",
        f"{LLAMA}@main",
        f"{LLAMA}.git",
        f"hf.co/{LLAMA}",
        f"https://huggingface.co/{LLAMA}",
        "meta-llama//Llama-3.3-70B-Instruct",
        "meta-llama /Llama-3.3-70B-Instruct",
        "meta-llama/Llama\u20113.3-70B-Instruct",  # a hyphen that is none
        "m\u0435ta-llama/Llama-3.3-70B-Instruct",  # a Cyrillic e
        "meta-llama\u200b/Llama-3.3-70B-Instruct",  # a space that nobody sees
        "(this model)",
        "(planned derivative)",
    ],
)
def test_a_name_that_is_not_plain_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="model"):
        asked(model=name, declared_metadata={"license": "mit"})
    with pytest.raises(InvalidRequest, match="model"):
        asked(model="acme/x", licenses=["mit"], lineage=[{"model": name, "parents": [LLAMA]}])


@pytest.mark.parametrize("name", ["(this model)", "(planned derivative)"])
@pytest.mark.parametrize("key", ["parents", "teacher"])
def test_no_ancestor_has_a_name_that_hides_it(name: str, key: str) -> None:
    with pytest.raises(InvalidRequest):
        asked(model="acme/x", licenses=["mit"], lineage=[{"model": "acme/x", key: [name]}])
    with pytest.raises(InvalidRequest):
        mit(base_model=name)
    with pytest.raises(InvalidRequest):
        asked(model="acme/x", licenses=["mit"], derivative={"relation": "merge", "base_models": [name]})


def test_letter_case_tells_no_two_models_apart() -> None:
    lineage = [
        {"model": "Acme/HELPER", "parents": ["acme/Middle"]},
        {"model": "ACME/middle", "parents": [LLAMA.lower()]},
    ]
    result = asked(model="acme/helper", licenses=["mit"], lineage=lineage, org=CROWD)

    assert result.verdict == "needs_licence"
    assert "llama-3.3" in result.effective_licenses


def test_what_the_registry_concluded_is_found_in_any_letter_case() -> None:
    known = {"Acme/Base": ("mit",), "acme/base": ("cc-by-nc-4.0",)}
    found = asked(
        model="acme/x", licenses=["mit"], lineage=[{"model": "acme/x", "parents": ["ACME/base"]}], known=known
    )

    assert found.verdict == "prohibited"
    assert "ancestor_unresolved" not in {finding.condition for finding in found.findings}


def test_a_plan_must_say_how_the_derivative_is_made() -> None:
    silent = asked(licenses=["llama-2"], derivative={"name": "acme/x"})

    assert silent.verdict == "needs_review"
    assert "derivative.relation" in silent.missing_facts
    assert asked(licenses=["llama-2"], derivative={"name": "acme/x", "relation": "finetune"}).verdict.permits


@pytest.mark.parametrize("relation", ["synthetic_outputs", "distillation"])
def test_a_card_cannot_say_that_it_only_learned_from_its_base(relation: str) -> None:
    assert mit(base_model=LLAMA, base_model_relation=relation).verdict == "needs_licence"


@pytest.mark.parametrize(
    ("license_id", "name"),
    [
        ("llama3.3", "deepseek"),
        ("cc-by-nc-4.0", "deepseek-license"),
        ("gemma", "mit"),
        ("llama3.3", "glm-5.3"),
    ],
)
def test_a_card_that_names_two_licenses_means_neither(license_id: str, name: str) -> None:
    assert mit(license=license_id, license_name=name).verdict == "needs_review"


@pytest.mark.parametrize(
    "link",
    [
        "https://www.llama.com/llama3_3/license",
        "https://github.com/meta-llama/llama-models/blob/main/models/llama3_3/LICENSE",
        "https://github.com/deepseek-ai/DeepSeek-V3/blob/main/LICENSE-MODEL",
        "https://ai.google.dev/gemma/terms",
        f"https://huggingface.co/{LLAMA}",
        f"http://www.hf.co/{LLAMA}/",
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "https://spdx.org/licenses/CC-BY-NC-4.0.html",
        "https://mistral.ai/licenses/MRL-0.1.md",
    ],
)
def test_a_link_to_other_terms_contradicts_the_card(link: str) -> None:
    result = mit(license_link=link)

    assert result.verdict == "needs_review"


@pytest.mark.parametrize(
    ("license_id", "link"),
    [
        ("mit", "https://opensource.org/licenses/MIT"),
        ("mit", "LICENSE"),
        ("mit", "https://huggingface.co/acme/x/blob/main/LICENSE"),
        ("apache-2.0", "https://ai.google.dev/gemma/docs/gemma_4_license"),
        ("apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
        ("cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/legalcode"),
        ("mit", "https://github.com/deepseek-ai/DeepSeek-R1/blob/main/LICENSE"),
    ],
)
def test_a_link_to_the_same_terms_does_not(license_id: str, link: str) -> None:
    assert mit(license=license_id, license_link=link).verdict.permits


@pytest.mark.parametrize(
    ("use", "derivative", "verdict"),
    [
        ({}, {}, "allowed_with_obligations"),
        ({"distribute_weights": True}, {}, "needs_licence"),
        ({"distribute_derivative": True}, {}, "needs_licence"),
        ({"hosting": "public_api"}, {}, "needs_licence"),
        ({"hosting": "embedded_feature"}, {}, "needs_licence"),
        ({}, {"relation": "finetune", "name": "acme/Llama-x"}, "needs_licence"),
        ({"distribute_weights": None}, {}, "needs_review"),
        ({"hosting": None}, {}, "needs_review"),
    ],
)
def test_an_end_user_passes_nothing_on(use: dict[str, Any], derivative: dict[str, Any], verdict: str) -> None:
    result = asked(licenses=["llama-3.3"], org=CROWD, use={**END_USER, **use}, derivative=derivative)

    assert result.verdict == verdict


def test_an_end_user_who_ships_a_multimodal_model_is_a_licensee() -> None:
    europe = {"principal_place_of_business": "DE"}

    assert asked(licenses=["llama-4"], org=europe, use=END_USER).verdict.permits
    shipped = asked(licenses=["llama-4"], org=europe, use={**END_USER, "distribute_weights": True})
    assert shipped.verdict == "prohibited"


def test_users_that_are_stated_count_even_before_the_founding() -> None:
    few = dict.fromkeys(ORDINARY["org"]["mau_by_month"])
    org: dict[str, Any] = {"founded_on": "2025-06-01", "mau_by_month": {**few, **CROWD["mau_by_month"]}}
    org["mau_by_month"]["2024-11"].update({"licensee_only": None, "product_using_model": None})

    assert asked(licenses=["llama-3.3"], org=org).verdict == "needs_licence"


@pytest.mark.parametrize("rival", ["NAVER", "naver ", "NAVER Cloud Corporation", "Naver Corp."])
def test_a_rival_is_known_by_part_of_its_name(rival: str) -> None:
    result = asked(licenses=["hyperclovax-seed-2025"], org={"competes_with": [rival]})

    assert result.verdict == "needs_licence"


@pytest.mark.parametrize(
    "revenue",
    [
        {"monthly_revenue_usd": {"product": 1, "group_consolidated": 20_000_001}},
        {"annual_revenue_usd": {"licensee": 1, "group": 20_000_001}},
        {"trailing_12m_revenue_group": 20_000_001},
    ],
)
def test_any_twelve_months_are_as_much_as_any_year_or_month_in_them(revenue: dict[str, Any]) -> None:
    use = {"purpose": "production"}
    before = asked(licenses=["kimi-k3"], org={"operates_maas": True}, use=use)
    after = asked(licenses=["kimi-k3"], org={"operates_maas": True, **revenue}, use=use)

    assert before.verdict.permits
    assert after.verdict == "needs_licence"


def test_a_day_before_there_were_any_models_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="evaluation_date"):
        asked(licenses=["qwen-2024"], evaluation_date="0001-01-01")


@pytest.mark.parametrize("given", [["mit"], ["apache-2.0", "mit"]])
def test_nobody_gives_a_known_repository_another_license(given: list[str]) -> None:
    result = asked(model=LLAMA, licenses=given, org=CROWD)

    assert result.verdict == "needs_licence"
    assert set(result.effective_licenses) == {"llama-3.3", *given}


@pytest.mark.parametrize("license_id", ["gpl-3.0", "agpl-3.0", "cc-by-sa-4.0"])
def test_a_finished_derivative_that_is_shared_must_be_shared_alike(license_id: str) -> None:
    lineage = [{"model": "acme/x", "relation": "finetune", "parents": ["acme/base"]}]
    known = {"acme/base": (license_id,)}
    shared = asked(
        model="acme/x", licenses=["mit"], lineage=lineage, known=known, use={"distribute_derivative": True}
    )

    assert shared.verdict == "needs_review"
    assert "derivative.own_licence" in shared.missing_facts
    assert asked(model="acme/x", licenses=["mit"], lineage=lineage, known=known).verdict.permits


RICH = {"trailing_12m_revenue_group": 20_000_001}


@pytest.mark.parametrize(
    ("use", "verdict"),
    [
        ({"hosting": "none"}, "allowed_with_obligations"),
        ({"hosting": "relay"}, "allowed_with_obligations"),
        ({"hosting": "embedded_feature"}, "allowed_with_obligations"),
        ({"hosting": "public_api"}, "needs_licence"),
        ({"hosting": "shared_instances"}, "needs_licence"),
        ({"hosting": None}, "needs_review"),
    ],
)
def test_who_offers_this_model_as_a_service_offers_models_as_a_service(
    use: dict[str, Any], verdict: str
) -> None:
    result = asked(licenses=["kimi-k3"], org=RICH, use={"purpose": "production", **use})

    assert result.verdict == verdict


@pytest.mark.parametrize(
    ("use", "verdict"),
    [
        ({}, "allowed_with_obligations"),
        ({"hosting": "embedded_feature"}, "needs_licence"),
        ({"distribute_weights": True}, "needs_licence"),
        ({"distribute_weights": None}, "needs_review"),
    ],
)
def test_what_others_get_is_not_internal(use: dict[str, Any], verdict: str) -> None:
    result = asked(
        licenses=["kimi-k3"], org={"operates_maas": True, **RICH}, use={"purpose": "internal", **use}
    )

    assert result.verdict == verdict


def test_a_name_that_two_texts_bear_stands_for_neither() -> None:
    assert mit(license="other", license_name="sai-nc-community").verdict == "needs_review"
