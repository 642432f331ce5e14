"""The CycloneDX 1.6 ML-BOM of a version: what is known of it, and of each claim, whether anyone checked it."""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum, auto
from typing import Any

from cyclonedx.model import AttachedText, HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.bom_ref import BomRef
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.model.contact import OrganizationalEntity
from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement
from cyclonedx.model.tool import ToolRepository
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_supported_id
from packageurl import PackageURL

from registry import background, evidence
from registry.models import Artifact, FindingKind, LicenseFinding, LineageEdge, ModelVersion, VerificationRun
from registry.models.conclusion import NOBODY
from registry.models.version import REMOTE

SERVICE = "Model Custody"
# One identity a manifest: the same version always has the same serial number.
NAMESPACE = uuid.UUID("6f0f9f0e-1c55-5d6f-9a44-2f4f6f1f7c11")


class Claim(StrEnum):
    """How far a statement of the BOM has been checked."""

    DECLARED = auto()
    INFERRED = auto()
    UNRESOLVED = auto()
    VERIFIED = auto()


def document(version: ModelVersion, *, at: datetime) -> dict[str, Any]:
    """The BOM as it stood at a time; the same version and time give the same bytes."""
    found = evidence.current_verification(version)
    run = found if found is not None and found.outcome == "pass" else None
    model = _model(version, run=run)
    bom = Bom(
        serial_number=uuid.uuid5(NAMESPACE, f"{version.manifest_digest} {version.pk}"),
        metadata=BomMetaData(
            timestamp=at, component=_record(version), tools=ToolRepository(components=[_tool()])
        ),
        components=[model],
    )
    if bom.metadata.component is not None:
        bom.register_dependency(bom.metadata.component, [model])
    bom.register_dependency(model, [])
    return _complete(json.loads(JsonV1Dot6(bom).output_as_string()), version=version)


def dumps(bom: dict[str, Any]) -> bytes:
    """The BOM as bytes, always the same for the same content."""
    return json.dumps(bom, ensure_ascii=False, sort_keys=True, indent=1).encode() + b"\n"


def _record(version: ModelVersion) -> Component:
    return Component(
        type=ComponentType.APPLICATION,
        name=f"{version.registered_model} in custody",
        version=version.short_revision,
        bom_ref="custody",
        description=f"The record that {SERVICE} keeps of this version.",
    )


def _tool() -> Component:
    return Component(type=ComponentType.APPLICATION, name=SERVICE, version="0.1.0", bom_ref="tool")


def _model(version: ModelVersion, *, run: VerificationRun | None) -> Component:
    registered = version.registered_model
    bytes_state = Claim.VERIFIED if run else Claim.DECLARED
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=registered.name,
        group=registered.publisher,
        version=version.revision or version.short_revision,
        bom_ref="model",
        purl=PackageURL.from_string(version.purl),
        supplier=OrganizationalEntity(name=registered.publisher),
        licenses=[_license(finding) for finding in (*version.license_findings.all(), *_by_person(version))],
        pedigree=Pedigree(
            ancestors=[_ancestor(edge) for edge in (*version.lineage.all(), *_stated(version))]
        ),
        components=[_file(artifact, state=bytes_state) for artifact in version.artifacts.all()],
        properties=_model_properties(version, run=run, bytes_state=bytes_state),
    )


def _model_properties(
    version: ModelVersion, *, run: VerificationRun | None, bytes_state: Claim
) -> list[Property]:
    facts: list[tuple[str, str | None]] = [
        ("manifest_digest", version.manifest_digest),
        ("model_digest", version.model_digest),
        (
            "source",
            f"{version.source_kind}:{version.location}"
            if version.source_kind in REMOTE
            else version.source_kind,
        ),
        ("requested_revision", version.requested_revision or None),
        ("status", version.status),
        ("verification_run", f"{run.pk} passed at {_time(run.finished_at)}" if run else None),
    ]
    claims = {
        "files": bytes_state,
        "revision": Claim.VERIFIED if run and version.revision is None else bytes_state,
        "publisher": Claim.DECLARED,
        "license": _license_state(_by_person(version) or version.license_findings.all()),
        "lineage": _lineage_state(version.lineage.all()),
        "model_card": Claim.DECLARED if version.card else Claim.UNRESOLVED,
    }
    found = [Property(name=f"modelcustody:{name}", value=value) for name, value in facts if value]
    return found + [
        Property(name=f"modelcustody:claim:{name}", value=state.value) for name, state in claims.items()
    ]


def _by_person(version: ModelVersion) -> list[LicenseFinding]:
    """What a person concluded, which takes the place of what the rules concluded; one licence each."""
    row = background.newest_conclusion(version)
    method = f"concluded by user:{row.concluded_by.username}" if row else ""
    return [
        LicenseFinding(kind=FindingKind.CONCLUDED, license_id=license_id, method=method)
        for license_id in (row.licenses if row else ())
    ]


def _stated(version: ModelVersion) -> list[LineageEdge]:
    """The ancestors that people stated, beside those that files declare."""
    declared = {(edge.relation, edge.base_model) for edge in version.lineage.all()}
    stated = {
        (row.relation, row.base_model): row
        for row in background.standing_statements(version)
        if row.relation != NOBODY and (row.relation, row.base_model) not in declared
    }
    return [
        LineageEdge(
            relation=row.relation,
            base_model=row.base_model,
            base_revision=row.base_revision,
            path=f"stated by user:{row.stated_by.username}",
        )
        for row in stated.values()
    ]


def _license_state(findings: Iterable[LicenseFinding]) -> Claim:
    """The state of the conclusion: it is never more than inferred, because only a court verifies a licence."""
    concluded = [finding for finding in findings if finding.kind == FindingKind.CONCLUDED]
    return Claim.UNRESOLVED if not concluded or concluded[0].license_id == "unknown" else Claim.INFERRED


def _lineage_state(edges: Iterable[LineageEdge]) -> Claim:
    return Claim.DECLARED if list(edges) else Claim.UNRESOLVED


def _license(finding: LicenseFinding) -> DisjunctiveLicense:
    unknown = finding.license_id == "unknown"
    state = Claim.INFERRED if finding.kind == FindingKind.CONCLUDED else Claim.DECLARED
    if finding.kind == FindingKind.DISCOVERED and not unknown:
        state = Claim.VERIFIED  # the text in the manifest is the known text, by its digest
    spdx = next(
        (name for name in (finding.license_id, *_spellings(finding.license_id)) if is_supported_id(name)),
        None,
    )
    return DisjunctiveLicense(
        id=spdx,
        name=None if spdx else f"LicenseRef-modelcustody-{finding.license_id}",
        text=None if spdx or not finding.statement else AttachedText(content=finding.statement[:2000]),
        acknowledgement=LicenseAcknowledgement.CONCLUDED
        if finding.kind == FindingKind.CONCLUDED
        else LicenseAcknowledgement.DECLARED,
        properties=[
            Property(name="modelcustody:claim", value=(Claim.UNRESOLVED if unknown else state).value),
            Property(name="modelcustody:finding", value=finding.kind),
            Property(name="modelcustody:method", value=finding.method),
            *([Property(name="modelcustody:path", value=finding.path)] if finding.path else []),
        ],
    )


def _spellings(license_id: str) -> tuple[str, ...]:
    """The catalogue writes ids in small letters; SPDX does not."""
    return (license_id.upper(), license_id.title(), license_id.replace("apache", "Apache"))


def _ancestor(edge: LineageEdge) -> Component:
    group, _, name = edge.base_model.rpartition("/")
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=name,
        group=group or None,
        version=edge.base_revision or None,
        bom_ref=f"ancestor:{edge.relation}:{edge.base_model}",
        properties=[
            Property(name="modelcustody:claim", value=Claim.DECLARED.value),
            Property(name="modelcustody:relation", value=edge.relation),
            *([Property(name="modelcustody:path", value=edge.path)] if edge.path else []),
        ],
    )


def _file(artifact: Artifact, *, state: Claim) -> Component:
    return Component(
        type=ComponentType.FILE,
        name=artifact.path,
        bom_ref=BomRef(f"file:{artifact.path}").value,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=artifact.sha256)],
        properties=[
            Property(name="modelcustody:claim", value=state.value),
            Property(name="modelcustody:role", value=artifact.role),
            Property(name="modelcustody:size", value=str(artifact.size)),
        ],
    )


def _complete(bom: dict[str, Any], *, version: ModelVersion) -> dict[str, Any]:
    """Add what the library does not model: the model card, and empty dependency lists."""
    model = bom["components"][0]
    card = version.card
    parameters: dict[str, Any] = {}
    if isinstance(card.get("pipeline_tag"), str):
        parameters["task"] = card["pipeline_tag"]
    datasets = card.get("datasets")
    names = [
        name for name in (datasets if isinstance(datasets, list) else [datasets]) if isinstance(name, str)
    ]
    if names:
        parameters["datasets"] = [{"type": "dataset", "name": name} for name in names]
    model["modelCard"] = {
        "bom-ref": "model-card",
        "modelParameters": parameters,
        "properties": [
            {"name": "modelcustody:claim", "value": (Claim.DECLARED if card else Claim.UNRESOLVED).value},
            *({"name": f"modelcustody:card:{key}", "value": value} for key, value in _plain(card)),
        ],
    }
    for dependency in bom.get("dependencies", []):
        dependency.setdefault("dependsOn", [])
    return bom


def _plain(card: dict[str, Any]) -> list[tuple[str, str]]:
    """The members of the card that are a text or a list of texts, as its author wrote them."""
    found = []
    for key, value in sorted(card.items()):
        items = value if isinstance(value, list) else [value]
        if items and all(isinstance(item, str) for item in items):
            found.append((key, ", ".join(items)))
    return found


def _time(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else "unknown"
