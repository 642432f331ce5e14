"""Verdicts: each license, each boundary, and that nothing unknown or added ever improves one."""

import copy
import dataclasses
import random
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.licensing import catalog, evaluate
from registry.licensing.evaluate import EvaluationResult
from registry.licensing.request import parse_request
from registry.licensing.terms import Verdict

TODAY = date(2026, 11, 22)
CATALOG = catalog.load()
MONTHS = {
    "llama-2": "2023-06",
    "llama-3": "2024-03",
    "llama-3.1": "2024-06",
    "llama-3.2": "2024-08",
    "llama-3.3": "2024-11",
    "llama-4": "2025-03",
}
COMPANY = {
    "principal_place_of_business": "US", "entity_type": "company",
    "mau_by_month": {month: {"all_products_incl_affiliates": 1000} for month in [*MONTHS.values(), "2026-10"]},
}  # fmt: skip
INTERNAL = {
    "role": "licensee", "purpose": "internal", "environment": "production", "commercial": True,
    "use_case_tags": ["chatbot"], "hosting": "none", "distribute_weights": False, "distribute_derivative": False,
    "public_statements_about_derivative": False,
}  # fmt: skip
SHIPPING = {**INTERNAL, "hosting": "public_api", "distribute_weights": True}
RESEARCH = {**INTERNAL, "purpose": "research", "commercial": False}


def asked(
    license_id: str | list[str], use: Any = INTERNAL, org: Any = COMPANY, **more: Any
) -> EvaluationResult:
    licenses = [license_id] if isinstance(license_id, str) else license_id
    question = {
        "model": "acme/m",
        "licenses": licenses,
        "org": org,
        "use": use,
        "derivative": {"multimodal": False},
    }
    return evaluate.evaluate(parse_request({**question, **more}, today=TODAY), CATALOG)


def users(month: str, count: int, scope: str = "all_products_incl_affiliates") -> dict[str, Any]:
    return {**COMPANY, "mau_by_month": {month: {scope: count}}}


@pytest.mark.parametrize(
    ("license_id", "internal", "shipping", "research"),
    [
        ("apache-2.0", "allowed", "allowed_with_obligations", "allowed"),
        ("mit", "allowed", "allowed_with_obligations", "allowed"),
        ("deepseek-mit", "allowed", "allowed_with_obligations", "allowed"),
        ("bsd-3-clause", "allowed", "allowed_with_obligations", "allowed"),
        # all models of Llama 4 are multimodal: this is a licensee in the United States
        *[(name, *["allowed_with_obligations"] * 3) for name in MONTHS],
        ("gemma-tou-2025-03-24", *["allowed_with_obligations"] * 3),
        ("deepseek-model-1.0", *["allowed_with_obligations"] * 3),
        ("qwen-2024", "allowed_with_obligations", "allowed_with_obligations", "allowed"),
        ("qwen-research-2024", "needs_licence", "needs_licence", "allowed_with_obligations"),
        ("mistral-mrl-0.1", "needs_licence", "needs_licence", "allowed_with_obligations"),
        ("cc-by-nc-4.0", "prohibited", "prohibited", "allowed_with_obligations"),
        ("falcon-2-11b-1.0", *["needs_review"] * 3),
        ("unknown", *["needs_review"] * 3),
        ("never-heard-of", *["needs_review"] * 3),
    ],
)
def test_every_license(license_id: str, internal: str, shipping: str, research: str) -> None:
    assert [asked(license_id, use).verdict.value for use in (INTERNAL, SHIPPING, RESEARCH)] == [
        internal,
        shipping,
        research,
    ]


@pytest.mark.parametrize(("license_id", "month"), MONTHS.items())
def test_the_llama_boundary(license_id: str, month: str) -> None:
    at, over = (
        asked(license_id, org=users(month, 700_000_000)),
        asked(license_id, org=users(month, 700_000_001)),
    )

    assert at.verdict == "allowed_with_obligations"
    assert over.verdict == "needs_licence"
    finding = next(item for item in over.findings if item.outcome == "violated")
    assert (finding.condition, finding.clause) == ("mau_threshold", "§2")
    assert finding.facts_used[f"org.mau_by_month.{month}.all_products_incl_affiliates"] == 700_000_001
    assert finding.remedy


def test_growth_after_the_snapshot_changes_nothing_for_llama_and_everything_for_qwen() -> None:
    org = {
        **COMPANY,
        "mau_by_month": {
            "2024-11": {"all_products_incl_affiliates": 5},
            "2026-10": {"licensee_only": 800_000_000},
        },
    }

    assert asked("llama-3.3", org=org).verdict == "allowed_with_obligations"
    assert asked("qwen-2024", org=org).verdict == "needs_licence"
    assert asked("qwen-2024", RESEARCH, org=org).verdict == "allowed"


@pytest.mark.parametrize(
    ("count", "verdict"), [(100_000_000, "allowed_with_obligations"), (100_000_001, "needs_licence")]
)
def test_the_qwen_boundary(count: int, verdict: str) -> None:
    assert asked("qwen-2024", org=users("2026-10", count, "licensee_only")).verdict == verdict


@pytest.mark.parametrize(
    ("model", "place", "verdict"),
    [
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "DE", "prohibited"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "NO", "allowed_with_obligations"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "FR", "prohibited"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "GB", "allowed_with_obligations"),
        ("meta-llama/Llama-3.2-3B-Instruct", "FR", "allowed_with_obligations"),
        ("meta-llama/Llama-3.3-70B-Instruct", "FR", "allowed_with_obligations"),
    ],
)
def test_the_european_paragraph(model: str, place: str, verdict: str) -> None:
    org = {**COMPANY, "principal_place_of_business": place}
    derived = [{"model": "acme/m", "relation": "quantized", "parents": [model], "teacher": None}]

    for question in (
        {"model": model},
        {"model": "acme/m", "lineage": derived, "declared_metadata": {"license": "mit"}},
    ):
        result = asked("mit", org=org, **{"licenses": None, "derivative": {}, **question})
        assert result.verdict == verdict


def test_a_missing_fact_is_named() -> None:
    result = asked("llama-3.3", org={})

    assert result.verdict == "needs_review"
    assert result.missing_facts == ("org.mau_by_month.2024-11.all_products_incl_affiliates",)


def test_a_certain_refusal_stays_when_other_facts_are_missing() -> None:
    assert asked("llama-3.3", {**INTERNAL, "use_case_tags": ["military"]}, {}).verdict == "prohibited"
    assert asked(["cc-by-nc-4.0", "unknown", "llama-3.3"], {"commercial": True}, {}).verdict == "prohibited"
    assert asked(["mistral-mrl-0.1", "unknown"], {"commercial": True}, {}).verdict == "needs_licence"


@pytest.mark.parametrize(
    ("license_id", "tag", "verdict"),
    [
        ("deepseek-model-1.0", "military", "prohibited"),
        ("deepseek-mit", "military", "allowed"),
        ("gemma-tou-2025-03-24", "credit_decision", "prohibited"),
        ("deepseek-model-1.0", "credit_decision", "needs_review"),
        ("llama-3.1", "medical", "needs_review"),
        ("llama-3.1", "something_new", "needs_review"),
    ],
)
def test_prohibited_uses(license_id: str, tag: str, verdict: str) -> None:
    assert asked(license_id, {**INTERNAL, "use_case_tags": [tag]}).verdict == verdict


def test_research_of_a_company_may_not_be_hosted_under_the_mrl() -> None:
    assert asked("mistral-mrl-0.1", {**RESEARCH, "hosting": "public_api"}).verdict == "needs_licence"
    assert asked(
        "mistral-mrl-0.1", {**RESEARCH, "hosting": "public_api"}, {"entity_type": "academic"}
    ).verdict.permits


def test_the_answer_has_exactly_the_fields_of_the_contract() -> None:
    answer = asked("llama-3.3", SHIPPING).to_json()

    assert answer["catalog_digest"] == CATALOG.catalog_digest
    assert {frozenset(item) for item in answer["obligations"]} == {
        frozenset({"id", "do", "evidence", "clause", "license", "evidence_kind"})
    }
    assert {frozenset(item) for item in answer["findings"]} == {
        frozenset({"license", "condition", "outcome", "clause", "facts_used", "reason", "curable", "remedy"})
    }
    assert "display-built-with" in {item["id"] for item in answer["obligations"]}


def test_given_licenses_replace_what_is_declared_but_not_the_ancestors() -> None:
    result = asked("mit", declared_metadata={"license": "llama3.3", "base_model": "google/gemma-2-9b-it"})

    assert result.effective_licenses == ("gemma-tou-2025-03-24", "mit")


IDS = sorted(CATALOG.licenses)
MODELS = [
    "meta-llama/Llama-2-7b-hf",
    "meta-llama/Llama-3.2-11B-Vision",
    "google/gemma-2-9b-it",
    "Qwen/Qwen2.5-72B",
    "Qwen/Qwen3-8B",
    "mistralai/Ministral-8B-Instruct-2410",
    "nobody/knows",
]
RELATIONS = ["finetune", "adapter", "quantized", "merge", "distillation", "synthetic_outputs"]
COUNTS = st.sampled_from([5, 100_000_000, 100_000_001, 700_000_000, 700_000_001])
ORGS = st.fixed_dictionaries(
    {},
    optional={
        "principal_place_of_business": st.sampled_from(["US", "DE", "GB"]),
        "entity_type": st.sampled_from(["company", "academic"]),
        "domicile": st.sampled_from(["US", "DE"]),
        "mau_by_month": st.fixed_dictionaries({}, optional={
            month: st.fixed_dictionaries({}, optional={"all_products_incl_affiliates": COUNTS}) for month in ["2024-08", "2024-11", "2026-10"]
        }),
    },
)  # fmt: skip
USES = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["licensee", "end_user_of_integrated_product"]),
        "purpose": st.sampled_from(["research", "internal", "production"]),
        "commercial": st.booleans(),
        "use_case_tags": st.lists(
            st.sampled_from(["chatbot", "military", "credit_decision", "new"]), unique=True
        ),
        "hosting": st.sampled_from(["none", "public_api"]),
        "distribute_weights": st.booleans(),
        "distribute_derivative": st.booleans(),
        "public_statements_about_derivative": st.booleans(),
    },
)
EDGES = st.lists(
    st.fixed_dictionaries({
        "model": st.sampled_from(["acme/m", "acme/b"]),
        "relation": st.sampled_from(RELATIONS),
        "parents": st.lists(st.sampled_from([*MODELS, "acme/b"]), unique=True, max_size=2),
    }),
    max_size=3,
)  # fmt: skip
QUESTIONS = st.fixed_dictionaries({
    "model": st.just("acme/m"),
    "licenses": st.lists(st.sampled_from(IDS), unique=True, min_size=1, max_size=3),
    "lineage": EDGES,
    "org": ORGS,
    "use": USES,
})  # fmt: skip


def verdict(question: Any) -> Verdict:
    return evaluate.evaluate(parse_request(question, today=TODAY), CATALOG).verdict


@given(QUESTIONS, st.sampled_from(IDS))
def test_another_license_never_improves(question: Any, license_id: str) -> None:
    more = {**question, "licenses": sorted({*question["licenses"], license_id})}

    assert verdict(more).rank >= verdict(question).rank


@given(QUESTIONS, st.sampled_from(MODELS), st.sampled_from(RELATIONS))
def test_another_ancestor_never_improves(question: Any, parent: str, relation: str) -> None:
    """The one exception is the license's own: Llama 2 outputs may improve a model made from Llama 2."""
    if parent == "meta-llama/Llama-2-7b-hf" and relation not in ("distillation", "synthetic_outputs"):
        relation = "synthetic_outputs"
    more = {
        **question,
        "lineage": [*question["lineage"], {"model": "acme/m", "relation": relation, "parents": [parent]}],
    }

    assert verdict(more).rank >= verdict(question).rank


@given(QUESTIONS, st.data())
def test_a_fact_made_unknown_never_permits_more(question: Any, data: st.DataObject) -> None:
    facts = [("org", key) for key in question["org"]] + [("use", key) for key in question["use"]]
    if not facts:
        return
    part, key = data.draw(st.sampled_from(facts))
    less = copy.deepcopy(question)
    del less[part][key]
    before = verdict(question)
    after = evaluate.evaluate(parse_request(less, today=TODAY), CATALOG)

    # a refusal may become a milder refusal, but then it says which fact is missing
    assert after.verdict.rank >= before.rank or (not after.verdict.permits and after.missing_facts)


@given(QUESTIONS, st.sampled_from(["military", "credit_decision", "new"]))
def test_another_tag_never_improves(question: Any, tag: str) -> None:
    more = copy.deepcopy(question)
    more["use"]["use_case_tags"] = sorted({*question["use"].get("use_case_tags", []), tag})
    if "use_case_tags" not in question["use"]:
        question = copy.deepcopy(more)
        question["use"]["use_case_tags"] = []

    assert verdict(more).rank >= verdict(question).rank


@given(QUESTIONS, st.integers())
@settings(max_examples=50)
def test_order_does_not_matter(question: Any, seed: int) -> None:
    shuffled = copy.deepcopy(question)
    for values in (shuffled["licenses"], shuffled["lineage"]):
        random.Random(seed).shuffle(values)

    first = evaluate.evaluate(parse_request(question, today=TODAY), CATALOG)
    assert evaluate.evaluate(parse_request(shuffled, today=TODAY), CATALOG).to_json() == first.to_json()


@given(QUESTIONS)
def test_an_unknown_license_is_never_permitted(question: Any) -> None:
    more = {**question, "licenses": [*question["licenses"], "nobody-knows"]}

    assert not verdict(more).permits


def test_no_question_at_all_is_never_allowed() -> None:
    for license_id in IDS:
        assert asked(license_id, {}, {}, derivative={}).verdict is not Verdict.ALLOWED


def test_what_a_registered_folder_says_never_lifts_what_a_repository_is_known_for() -> None:
    name = "meta-llama/Llama-3.1-8B-Instruct"
    question = parse_request(
        {
            "model": "acme/m",
            "lineage": [{"model": "acme/m", "parents": [name]}],
            "org": COMPANY,
            "use": INTERNAL,
        },
        today=TODAY,
    )
    known = dataclasses.replace(question, known={"acme/m": ("mit",), name: ("mit",)})

    found = evaluate.evaluate(known, CATALOG)

    assert "llama-3.1" in found.effective_licenses
    assert found.verdict is Verdict.ALLOWED_WITH_OBLIGATIONS
