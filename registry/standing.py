"""What is known of registered versions at this moment, in the terms of admission; reads only."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from django.db.models import Case, Count, When
from modelcustody_client.manifest import ManifestFile, is_load_bearing

from governance.policy.signature import Signer
from registry import catalogs, evaluation, evidence, provenance, suspended
from registry.admission.axes import (
    ApprovalEvidence,
    Candidate,
    CheckEvidence,
    FoundSignature,
    LicenseEvidence,
    RunEvidence,
    SignatureEvidence,
    closest,
)
from registry.admission.offer import Offer
from registry.attestations import FactsInForce
from registry.licensing.catalog import Catalog
from registry.lifecycle import MINOR, Outcome, Status
from registry.models import (
    Approval,
    CheckResult,
    LeasedRun,
    ModelVersion,
    ServingEnvironment,
    SmokeRun,
    VerificationRun,
)

CUSTOM_CODE = "C13-custom-code"
SIGNATURE = "C4-signature"
# Which reason a failed check stands for; every other one is a finding of the scan.
CODES = {
    SIGNATURE: "signature_untrusted",
    "C6-format": "unsafe_format",
    "C7-safetensors": "unsafe_format",
    "C8-shard-index": "unsafe_format",
    "C10-gguf": "unsafe_format",
    "C11-pickle": "unsafe_format",
    CUSTOM_CODE: "remote_code_required",
    "C20-license-text": "license_unknown",
}
MOST_LIKE = 20


@dataclasses.dataclass(frozen=True)
class Gathered:
    """The rows that speak for or against a version."""

    verification: VerificationRun | None = None
    smoke: SmokeRun | None = None
    checks: tuple[CheckEvidence, ...] = ()
    formats: frozenset[str] | None = None
    approvals: tuple[Approval, ...] = ()


def versions_offered(offer: Offer) -> list[ModelVersion]:
    """The registered versions with the digest of the offer; without any, those that share its files."""
    rows = ModelVersion.objects.select_related("registered_model")
    # However many versions share the content, one that was taken out of use is always among those looked at.
    usable_last = Case(When(status__in=[Status.REVOKED, Status.QUARANTINED], then=0), default=1)
    same = list(rows.filter(model_digest=offer.model_digest).order_by(usable_last, "-pk")[:MOST_LIKE])
    if same or not offer.files:
        return same
    contents = [file.sha256 for file in offer.files if is_load_bearing(file.path)]
    alike = (
        ModelVersion.objects.filter(artifacts__sha256__in=contents, manifest_digest__isnull=False)
        .annotate(shared=Count("artifacts"))
        .order_by("-shared", "-pk")
        .values_list("pk", flat=True)[:MOST_LIKE]
    )
    found = {row.pk: row for row in rows.filter(pk__in=list(alike))}
    named = (dataclasses.replace(_bare(row), files=_files(row.pk)) for row in found.values())
    best = closest(named, offer.files)
    return [found[best.version_id]] if best else []


def candidates(
    versions: Sequence[ModelVersion],
    *,
    environment: ServingEnvironment | None,
    organization: FactsInForce | None,
    on: date,
) -> list[Candidate]:
    """Everything that admission looks at, for these versions and one environment."""
    ids = [row.pk for row in versions]
    approvals = list(suspended.marked(Approval.objects.filter(version__in=ids).select_related("environment")))
    found, terms = [], catalogs.current()
    for row in versions:
        judged = _judged(row, environment=environment, organization=organization, on=on, terms=terms)
        found.append(
            candidate(
                row,
                approvals=[item for item in approvals if item.version_id == row.pk],
                license_evidence=license_evidence(judged.result) if judged else None,
                question=judged.request if judged else None,
                terms=terms,
            )
        )
    return found


def candidate(
    version: ModelVersion,
    *,
    approvals: Iterable[Approval],
    license_evidence: LicenseEvidence | None,
    question: Mapping[str, Any] | None = None,
    terms: Catalog | None = None,
) -> Candidate:
    """One version with its newest evidence; the licence question, where one was asked, has its lineage already."""
    verification = evidence.current_verification(version)
    found = Gathered(
        verification=verification,
        smoke=evidence.current_smoke(version),
        checks=_checks(verification.pk) if verification else (),
        formats=_formats(version.pk) if version.manifest_digest else None,
        approvals=tuple(approvals),
    )
    origin = (
        provenance.of_question(question, terms=terms)
        if question
        else provenance.of_version(version, terms=terms).facts
    )
    files = _files(version.pk) if version.manifest_digest else ()
    return dataclasses.replace(
        assembled(version, found), files=files, license=license_evidence, origin=origin
    )


def assembled(version: ModelVersion, found: Gathered) -> Candidate:
    """A version with what was gathered of it; files, licence and origin are left out."""
    return dataclasses.replace(
        _bare(version),
        verification=_run(found.verification, checks=found.checks) if found.verification else None,
        smoke=_run(found.smoke) if found.smoke else None,
        approvals=tuple(_approval(item) for item in found.approvals),
        formats=found.formats,
        requires_remote_code=_remote_code(found.checks),
        signature=SignatureEvidence(
            model=str(version.registered_model),
            found=tuple(check.signature for check in found.checks if check.signature is not None),
        ),
    )


def license_evidence(result: Mapping[str, Any]) -> LicenseEvidence:
    """The answer to a licence question in the terms of admission."""
    return LicenseEvidence(
        verdict=result["verdict"],
        licenses=tuple(result["effective_licenses"]),
        reasons=tuple(item["reason"] for item in result["findings"] if item["outcome"] != "met"),
        missing_facts=tuple(result["missing_facts"]),
        obligations=tuple(result["obligations"]),
    )


def _judged(
    version: ModelVersion,
    *,
    environment: ServingEnvironment | None,
    organization: FactsInForce | None,
    on: date,
    terms: Catalog,
) -> evaluation.Judgement | None:
    if environment is None or version.manifest_digest is None:
        return None
    return evaluation.judge(
        version=version, environment=environment, organization=organization, on=on, terms=terms
    )


def _bare(version: ModelVersion) -> Candidate:
    """A version's names, without files and evidence."""
    return Candidate(
        version_id=version.pk,
        name=version.purl,
        status=version.status,
        manifest_digest=version.manifest_digest,
        model_digest=version.model_digest,
        files=(),
        status_reason=(version.revocation_reason or version.quarantine_reason or "")
        if version.status in ("revoked", "quarantined")
        else "",
    )


# What is remembered below never changes once written: the files of a resolved version, the results of a finished run.
@functools.lru_cache(maxsize=512)
def _files(version_id: int) -> tuple[ManifestFile, ...]:
    rows = (
        ModelVersion.objects.get(pk=version_id)
        .artifacts.order_by("path")
        .values_list("path", "size", "sha256")
    )
    return tuple(ManifestFile(*row) for row in rows)


@functools.lru_cache(maxsize=512)
def _formats(version_id: int) -> frozenset[str]:
    paths = (
        ModelVersion.objects.get(pk=version_id).artifacts.filter(role="weight").values_list("path", flat=True)
    )
    return frozenset(format_of(path) for path in paths)


def format_of(path: str) -> str:
    """The format of a weight file, by the end of its name."""
    return PurePosixPath(path).suffix.removeprefix(".").lower() or "unknown"


@functools.lru_cache(maxsize=512)
def _checks(run_id: int) -> tuple[CheckEvidence, ...]:
    rows = CheckResult.objects.filter(run_id=run_id).order_by("check_id", "path")
    return tuple(
        check_evidence(row, signed=row.evidence if row.check_id == SIGNATURE else None) for row in rows
    )


def check_evidence(row: CheckResult, *, signed: Mapping[str, Any] | None) -> CheckEvidence:
    """What one check found, in the terms of admission; `signed` is the evidence of the check of signatures."""
    return CheckEvidence(
        check_id=row.check_id,
        outcome=row.outcome,
        message=f"{row.message} ({row.path})" if row.path else row.message,
        code=CODES.get(row.check_id),
        counts=row.severity not in MINOR,
        signature=_signature(signed) if signed else None,
    )


def _run(run: LeasedRun, *, checks: tuple[CheckEvidence, ...] = ()) -> RunEvidence:
    return RunEvidence(
        id=run.pk,
        outcome=run.outcome,
        finished_at=run.finished_at,
        manifest_digest=run.manifest_digest,
        checks=checks,
        message=run.message,
    )


def _approval(row: Approval) -> ApprovalEvidence:
    return ApprovalEvidence(
        id=row.pk,
        environment=row.environment.name,
        purpose=row.purpose,
        status=row.status,
        manifest_digest=row.manifest_digest,
        decided_at=row.decided_at,
        expires_at=row.expires_at,
        suspended=suspended.words(row),
    )


def _remote_code(checks: Sequence[CheckEvidence]) -> bool | None:
    """Whether the model needs code of its own; None where no check has said so, or one could not decide."""
    outcomes = {check.outcome for check in checks if check.check_id == CUSTOM_CODE and _decides(check)}
    if Outcome.FAIL in outcomes:
        return True
    return False if outcomes == {Outcome.PASS} else None


def _decides(check: CheckEvidence) -> bool:
    """A finding that is only told, such as a file that serving never reads, does not make a model need code."""
    return check.counts or check.outcome != Outcome.FAIL


def _signature(signed: Mapping[str, Any]) -> FoundSignature | None:
    """What evidence says of one signature; None where it says nothing of one."""
    state, signer = signed.get("signature"), signed.get("signer")
    if state in (None, "missing"):
        return None
    if signer is None:
        return FoundSignature(state)
    return FoundSignature(state, Signer(**{**signer, "identities": tuple(signer["identities"])}))
