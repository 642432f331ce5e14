"""The rules of inheritance IR1 to IR12, held against every record of the catalogue."""

from datetime import date
from typing import Any

import pytest

from registry.licensing import catalog, evaluate, record_reader
from registry.licensing.answer import EvaluationResult
from registry.licensing.request import parse_request
from registry.licensing.terms import Relation, Scope

TODAY = date(2026, 11, 22)
CATALOG = catalog.load()
IDS = sorted(set(CATALOG.licenses) - {catalog.UNKNOWN})
USE = {"role": "licensee", "purpose": "internal", "commercial": True, "use_case_tags": ["chatbot"], "hosting": "none",
       "distribute_weights": False, "distribute_derivative": False, "public_statements_about_derivative": False}  # fmt: skip
# IR7, as the facts classify the licences of teachers.
BANNED = {
    "llama-2", "llama-3", "tongyi-qianwen-2023", "tongyi-qianwen-research-2023", "dbrx-2024-03-27", "exaone-1.1-nc",
    "tencent-hunyuan-community", "tencent-hunyuan-3d-2.0", "playground-v2-community", "grok-2-community",
}  # fmt: skip
BANNED_FOR_SOME = {"stability-community-2024-07-05", "flux-1-dev-nc", "bilibili-2025-09-09"}
DERIVATIVE = {
    "deepseek-model-1.0", "gemma-tou-2024-04-01", "gemma-tou-2025-03-24", "bigscience-bloom-rail-1.0",
    "bigscience-openrail-m", "creativeml-openrail-m", "openrail++-m", "bigcode-openrail-m-v1", "yi-1.0", "yi-2.0",
    "yi-2.1", "hyperclovax-seed-2025", "ltxv-owl-2025-05-05", "mistral-mrl-0.1",
}  # fmt: skip
NAMING = {"llama-3.1", "llama-3.2", "llama-3.3", "llama-4", "qwen-2024"}
FREE = {"apache-2.0", "mit", "openmdw-1.0", "kimi-k2-modified-mit", "kimi-k3", "minimax-m2-modified-mit"}


def made_from(license_id: str, relation: str, **use: Any) -> EvaluationResult:
    """A model under MIT, made in this way from one under a license."""
    question = {
        "model": "acme/m",
        "declared_metadata": {"license": "mit"},
        "lineage": [{"model": "acme/m", "relation": relation, "parents": ["acme/parent"]}],
        "use": {**USE, **use},
    }
    request = parse_request(question, today=TODAY)
    object.__setattr__(request, "known", {"acme/parent": (license_id,)})
    return evaluate.evaluate(request, CATALOG)


@pytest.mark.parametrize("license_id", IDS)
@pytest.mark.parametrize("relation", ["finetune", "adapter", "quantized", "merge"])
def test_weights_never_lose_their_license(license_id: str, relation: str) -> None:
    """IR1, IR3, IR4, IR5."""
    assert license_id in made_from(license_id, relation).effective_licenses


@pytest.mark.parametrize(
    ("licenses", "scopes"),
    [
        (BANNED, {Scope.PROHIBITED}),
        (DERIVATIVE, {Scope.COVERED}),
        (NAMING, {Scope.OUTPUTS_ONLY}),
        (FREE, {Scope.NOT_COVERED}),
    ],
)
def test_the_classes_of_teachers(licenses: set[str], scopes: set[Scope]) -> None:
    """IR7."""
    found = {
        license_id: CATALOG.licenses[license_id].scope[Relation.SYNTHETIC_OUTPUTS] for license_id in licenses
    }

    assert {license_id: scope for license_id, scope in found.items() if scope not in scopes} == {}


@pytest.mark.parametrize("license_id", sorted(BANNED))
def test_a_teacher_that_forbids_students_forbids_them_for_good(license_id: str) -> None:
    assert made_from(license_id, "synthetic_outputs").verdict == "prohibited"


@pytest.mark.parametrize("license_id", sorted(BANNED_FOR_SOME))
def test_a_teacher_that_forbids_some_students_permits_none_unseen(license_id: str) -> None:
    assert not made_from(license_id, "synthetic_outputs").verdict.permits


@pytest.mark.parametrize("license_id", sorted(IDS))
def test_a_card_never_removes_what_an_ancestor_imposes(license_id: str) -> None:
    """IR2: every license that is not permissive is a conflict with a card that says MIT."""
    result = made_from(license_id, "quantized")
    imposed = [
        item["imposed"]
        for item in result.to_json()["conflicts"]
        if item["kind"] == "declared_license_conflict"
    ]

    assert (imposed == [license_id]) == (CATALOG.licenses[license_id].category.rank > 0)


@pytest.mark.parametrize(
    "license_id",
    ["llama-3.3", "dbrx-2024-03-27", "stability-community-2024-07-05"],
)
def test_an_end_user_of_a_product_is_spared_thresholds_and_nothing_else(license_id: str) -> None:
    """IR8: the use policy stays."""
    user = {"role": "end_user_of_integrated_product", "use_case_tags": ["military"]}
    result = made_from(license_id, "finetune", **user)
    missed = {item.condition for item in result.findings if item.missing}

    assert "mau_threshold" not in missed
    assert any(
        item.condition in ("prohibited_use", "manual_review") and item.outcome != "met"
        for item in result.findings
    )


@pytest.mark.parametrize("relation", ["finetune", "adapter", "quantized", "merge"])
@pytest.mark.parametrize("scope", ["not_covered", "outputs_only"])
def test_no_record_lets_weights_go(relation: str, scope: str) -> None:
    files = {path.name: path.read_text() for path in catalog.FOLDER.glob("*.toml")}
    files["mit.toml"] = files["mit.toml"].replace(f'{relation} = "covered"', f'{relation} = "{scope}"')

    with pytest.raises(record_reader.InvalidCatalog, match=relation):
        catalog.build((name, text.encode()) for name, text in files.items())
