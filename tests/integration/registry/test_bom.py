import json
from datetime import timedelta
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from registry import bom, models
from tests import factories

pytestmark = pytest.mark.django_db


def version(**fields: Any) -> models.ModelVersion:
    card = {
        "license": "llama3.3",
        "pipeline_tag": "text-generation",
        "datasets": ["acme/corpus"],
        "tags": ["a", "b"],
    }
    draft = factories.draft_version(card=card, **fields)
    models.LineageEdge.objects.create(
        version=draft, relation="finetune", base_model="org/base", base_revision="main"
    )
    models.LicenseFinding.objects.create(
        version=draft, kind="declared", license_id="llama-3.3", method="model card"
    )
    models.LicenseFinding.objects.create(
        version=draft,
        kind="discovered",
        license_id="apache-2.0",
        method="sha256",
        path="LICENSE",
        statement="Apache",
    )
    return factories.resolve(draft)


def properties(component: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in component["properties"]}


def test_document_is_valid_cyclonedx_with_the_model_first() -> None:
    document = bom.document(version(), at=factories.NOW)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom.dumps(document).decode()) is None
    model = document["components"][0]
    assert model["type"] == "machine-learning-model"
    assert {part["type"] for part in model["components"]} == {"file"}
    assert model["modelCard"]["modelParameters"]["task"] == "text-generation"
    assert model["pedigree"]["ancestors"][0]["name"] == "base"


def test_document_is_the_same_bytes_for_the_same_version_and_time() -> None:
    row = version()

    first = bom.dumps(bom.document(row, at=factories.NOW))

    assert first == bom.dumps(bom.document(models.ModelVersion.objects.get(pk=row.pk), at=factories.NOW))
    assert first != bom.dumps(bom.document(row, at=factories.NOW + timedelta(seconds=1)))


def test_files_are_declared_until_a_run_has_read_them() -> None:
    row = version()

    before = bom.document(row, at=factories.NOW)["components"][0]
    factories.verification_run(row)
    after = bom.document(row, at=factories.NOW)["components"][0]

    assert {properties(part)["modelcustody:claim"] for part in before["components"]} == {"declared"}
    assert {properties(part)["modelcustody:claim"] for part in after["components"]} == {"verified"}
    assert properties(after)["modelcustody:claim:files"] == "verified"


def test_every_claim_says_how_far_it_was_checked() -> None:
    model = bom.document(version(), at=factories.NOW)["components"][0]

    licenses = [item["license"] for item in model["licenses"]]
    assert {
        (item.get("id") or item.get("name"), properties(item)["modelcustody:claim"]) for item in licenses
    } == {
        ("LicenseRef-modelcustody-llama-3.3", "declared"),
        ("Apache-2.0", "verified"),
        ("Apache-2.0", "inferred"),
    }
    assert properties(model["pedigree"]["ancestors"][0])["modelcustody:claim"] == "declared"
    assert properties(model["modelCard"])["modelcustody:card:tags"] == "a, b"
    assert json.dumps(model).count("modelcustody:claim") >= 10


def test_a_version_without_card_or_lineage_says_unresolved() -> None:
    model = bom.document(factories.resolved_version(), at=factories.NOW)["components"][0]

    found = properties(model)

    assert found["modelcustody:claim:lineage"] == "unresolved"
    assert found["modelcustody:claim:model_card"] == "unresolved"
    assert found["modelcustody:claim:license"] == "inferred"
