"""Where a model comes from: four attributes over the whole ancestry, each value with its source."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.origin import Attribute
from governance.policy.origin_rules import OriginFact
from registry.licensing import catalog, lineage, origin, origins, request

CATALOG = catalog.load()
DATA = origins.load()


def found(
    model: str,
    *,
    licenses: dict[str, tuple[str, ...]] | None = None,
    parents: dict[str, list[str]] | None = None,
    **more: Any,
) -> tuple[OriginFact, ...]:
    entries = [{"model": child, "parents": names, **more} for child, names in (parents or {}).items()]
    asked = request.parse_request({"model": model, "lineage": entries, "evaluation_date": "2026-11-22"})
    known = licenses or {}
    asked = dataclasses.replace(asked, known=known)
    ancestry = lineage.trace(asked, CATALOG)
    own = origin.own_licenses(asked, ancestry, CATALOG)
    return origin.find(ancestry, own, DATA, subject=model)


def said(facts: tuple[OriginFact, ...], attribute: Attribute) -> list[tuple[str, str, str]]:
    return [(one.model, one.state.value, one.country) for one in facts if one.attribute is attribute]


def test_a_french_fine_tune_of_a_chinese_model() -> None:
    facts = found(
        "mistralai/Qwen-Tuned",
        licenses={"mistralai/Qwen-Tuned": ("apache-2.0",), "Qwen/Qwen2.5-72B": ("qwen-2024",)},
        parents={"mistralai/Qwen-Tuned": ["Qwen/Qwen2.5-72B"]},
    )

    assert said(facts, Attribute.DEVELOPER) == [("mistralai/Qwen-Tuned", "known", "FR")]
    assert said(facts, Attribute.ANCESTORS) == [("Qwen/Qwen2.5-72B", "known", "CN")]
    assert said(facts, Attribute.LICENSOR) == [
        ("Qwen/Qwen2.5-72B", "known", "CN"),
        ("mistralai/Qwen-Tuned", "known", "FR"),
    ]
    assert said(facts, Attribute.GOVERNING_LAW) == [
        ("Qwen/Qwen2.5-72B", "known", "CN"),
        ("mistralai/Qwen-Tuned", "none_stated", ""),
    ]
    assert all(one.source and one.verification == "verified_text" for one in facts)


@pytest.mark.parametrize(
    ("model", "license_id", "developer", "licensor", "law"),
    [
        ("MiniMaxAI/MiniMax-Text-01", "minimax-model-2025-01-15", "CN", "CN", "SG"),
        ("black-forest-labs/FLUX.1-dev", "flux-1-dev-nc", "DE", "US", "US"),
        ("stabilityai/sd3", "stability-community-2024-07-05", "GB", "GB", "US"),
        ("tencent/Hunyuan", "tencent-hunyuan-community", "CN", "", "HK"),
        ("deepseek-ai/DeepSeek-R1", "deepseek-mit", "CN", "CN", ""),
    ],
)
def test_four_facts_that_differ(model: str, license_id: str, developer: str, licensor: str, law: str) -> None:
    facts = found(model, licenses={model: (license_id,)})
    values = {
        attribute: {
            one.country for one in facts if one.attribute is attribute and one.license in ("", license_id)
        }
        for attribute in Attribute
    }

    assert values[Attribute.DEVELOPER] == {developer}
    assert values[Attribute.LICENSOR] == {licensor}
    assert values[Attribute.GOVERNING_LAW] == {law}


@pytest.mark.parametrize(
    "model", ["acme/model", "gpt2", "./meta-llama/x", "/data/google/x", "micro\u017foft/phi", "meta-llama//x", "google/"]
)  # fmt: skip
def test_a_publisher_that_is_not_known_is_unknown(model: str) -> None:
    licenses = {model: ("mit",), "google/child": ("gemma-tou-2025-03-24",)}
    facts = found("google/child", licenses=licenses, parents={"google/child": [model]})

    assert said(facts, Attribute.ANCESTORS) == [(model, "unknown", "")]
    assert (model, "unknown", "") in said(facts, Attribute.LICENSOR)
    assert (model, "none_stated", "") in said(facts, Attribute.GOVERNING_LAW)


def test_letter_case_of_a_publisher_does_not_matter() -> None:
    assert said(found("META-Llama/x"), Attribute.DEVELOPER) == [("META-Llama/x", "known", "US")]


def test_a_license_that_is_not_known_has_no_licensor_and_no_law() -> None:
    facts = found("meta-llama/x", licenses={"meta-llama/x": ("unknown",)})

    assert (
        said(facts, Attribute.LICENSOR)
        == said(facts, Attribute.GOVERNING_LAW)
        == [("meta-llama/x", "unknown", "")]
    )


def test_a_license_of_the_organisations_own_is_unknown_until_declared() -> None:
    facts = found("meta-llama/x", licenses={"meta-llama/x": ("acme-agreement",)})

    assert said(facts, Attribute.LICENSOR) == [("meta-llama/x", "unknown", "")]


def test_teachers_are_ancestors() -> None:
    facts = found(
        "acme/student",
        licenses={"acme/student": ("mit",), "deepseek-ai/DeepSeek-R1": ("deepseek-mit",)},
        parents={"acme/student": ["meta-llama/Llama-3.1-8B"]},
        relation="synthetic_outputs",
        teacher="deepseek-ai/DeepSeek-R1",
    )

    assert [(model, country) for model, _, country in said(facts, Attribute.ANCESTORS)] == [
        ("deepseek-ai/DeepSeek-R1", "CN"),
        ("meta-llama/Llama-3.1-8B", "US"),
    ]


def test_bases_that_the_catalogue_knows_are_ancestors() -> None:
    facts = found("deepseek-ai/DeepSeek-R1-Distill-Llama-70B")

    assert ("meta-llama/Llama-3.3-70B-Instruct", "known", "US") in said(facts, Attribute.ANCESTORS)


def test_a_cycle_is_no_obstacle() -> None:
    facts = found("acme/a", parents={"acme/a": ["acme/b"], "acme/b": ["acme/a"]})

    assert said(facts, Attribute.DEVELOPER) == [("acme/a", "unknown", "")]
    assert said(facts, Attribute.ANCESTORS) == [("acme/b", "unknown", "")]


def test_a_thousand_ancestors() -> None:
    parents = {f"acme/{number}": [f"acme/{number + 1}"] for number in range(1000)}

    facts = found("acme/0", parents=parents)

    assert len(said(facts, Attribute.ANCESTORS)) == 1000


@pytest.mark.parametrize(
    ("org", "licensors"),
    [
        ({"principal_place_of_business": "DE"}, {"IE"}),
        ({"principal_place_of_business": "NO"}, {"IE"}),
        ({"principal_place_of_business": "CH"}, {"IE"}),
        ({"principal_place_of_business": "GB"}, {"US"}),
        ({"entity_type": "individual", "domicile": "FR", "principal_place_of_business": "US"}, {"IE"}),
        ({}, {"US", "IE"}),
        ({"principal_place_of_business": None}, {"US", "IE"}),
    ],
)
def test_a_licensor_for_licensees_seated_elsewhere_does_not_count(
    org: dict[str, Any], licensors: set[str]
) -> None:
    facts = found("meta-llama/x", licenses={"meta-llama/x": ("llama-3.3",)})

    bearing = origin.for_seat(facts, origin.seat(org))

    assert {country for _, _, country in said(bearing, Attribute.LICENSOR)} == licensors


MODELS = st.sampled_from(
    ["acme/a", "acme/b", "mistralai/x", "Qwen/Qwen2.5-72B", "meta-llama/Llama-3.1-8B", "black-forest-labs/FLUX.1-dev"]
)  # fmt: skip
EDGES = st.lists(st.tuples(MODELS, MODELS), max_size=8)
LICENSES = st.dictionaries(
    MODELS, st.sampled_from([("mit",), ("llama-3.3",), ("qwen-2024", "mit"), ("unknown",)])
)


def facts_of(edges: list[tuple[str, str]], licenses: dict[str, tuple[str, ...]]) -> tuple[OriginFact, ...]:
    entries = [{"model": child, "parents": [parent]} for child, parent in edges]
    asked = request.parse_request({"model": "acme/a", "lineage": entries, "evaluation_date": "2026-11-22"})
    asked = dataclasses.replace(asked, known=licenses)
    ancestry = lineage.trace(asked, CATALOG)
    own = origin.own_licenses(asked, ancestry, CATALOG)
    return origin.find(ancestry, own, DATA, subject="acme/a")


@given(EDGES, st.tuples(MODELS, MODELS), LICENSES)
def test_an_ancestor_more_never_takes_a_fact_away(
    edges: list[tuple[str, str]], more: tuple[str, str], licenses: dict[str, tuple[str, ...]]
) -> None:
    assert set(facts_of(edges, licenses)) <= set(facts_of([*edges, more], licenses))


@given(EDGES.flatmap(lambda edges: st.tuples(st.just(edges), st.permutations(edges))), LICENSES)
def test_the_order_of_the_lineage_does_not_matter(
    both: tuple[list[tuple[str, str]], list[tuple[str, str]]], licenses: dict[str, tuple[str, ...]]
) -> None:
    assert facts_of(both[0], licenses) == facts_of(both[1], licenses)


@given(EDGES, LICENSES)
def test_no_model_is_without_its_facts(
    edges: list[tuple[str, str]], licenses: dict[str, tuple[str, ...]]
) -> None:
    facts = facts_of(edges, licenses)

    for model in {one.model for one in facts}:
        of_model = {one.attribute for one in facts if one.model == model}
        assert {Attribute.LICENSOR, Attribute.GOVERNING_LAW} < of_model
        assert of_model & {Attribute.DEVELOPER, Attribute.ANCESTORS}
