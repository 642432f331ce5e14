"""The named checks of an admission; each returns the reasons why it does not pass, and none when it passes. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelcustody_client import manifest

from governance.policy import origin_rules
from governance.policy.document import RemoteCode
from registry.admission import approvals
from registry.admission.axes import Candidate, RunEvidence
from registry.admission.offer import Offer, differences
from registry.admission.question import Question, Reason

MAX_FILES_NAMED = 50
MAX_ORIGINS_NAMED = 20


def _status(question: Question) -> list[Reason]:
    status, why = question.candidate.status, question.candidate.status_reason
    if status == "resolved":
        return []
    code, words = {
        "quarantined": ("quarantined", "The version is quarantined"),
        "revoked": ("revoked", "The version is revoked"),
    }.get(status, ("not_registered", "The registration of the version is not finished"))
    return [Reason(code, f"{words}: {why}." if why else f"{words}.", question.page)]


FILE_CODES = ("digest_mismatch", "file_missing", "file_extra", "not_registered")
_FILE_WORDS = {
    "digest_mismatch": "differs from the registered file",
    "file_missing": "is missing at the node",
    "file_extra": "is not part of the registered version",
}


def _files(question: Question) -> list[Reason]:
    offer, candidate = question.offer, question.candidate
    found = differences(offer.files, candidate.files) if offer.files is not None else []
    reasons = [
        Reason(kind, f"{path} {_FILE_WORDS[kind]}.", question.page) for kind, path in found[:MAX_FILES_NAMED]
    ]
    if len(found) > MAX_FILES_NAMED:
        more = len(found) - MAX_FILES_NAMED
        reasons.append(Reason("digest_mismatch", f"{more} more files differ.", question.page))
    if candidate.model_digest != offer.model_digest:
        if not reasons:
            text = "The digest of the offered files is not that of the registered version."
            reasons.append(Reason("digest_mismatch", text, question.page))
        if not _mostly_same(offer, candidate):
            reasons.append(Reason("not_registered", "No registered version has these files."))
    return reasons


def _mostly_same(offer: Offer, candidate: Candidate) -> bool:
    """Whether the offer is the version with something changed, rather than another model."""
    bearing = [file for file in candidate.files if manifest.is_load_bearing(file.path)]
    contents = {file.sha256 for file in offer.files or ()}
    return bool(bearing) and 2 * sum(file.sha256 in contents for file in bearing) >= len(bearing)


def _verification(question: Question) -> list[Reason]:
    run, page = question.candidate.verification, question.page
    if run is None or run.manifest_digest != question.candidate.manifest_digest:
        return [Reason("evidence_stale", "These files have not been verified.", page)]
    page = f"/verification-runs/{run.id}"
    failed = [
        Reason(
            check.code or "scan_finding", f"The check {check.check_id} did not pass: {check.message}", page
        )
        for check in run.checks
        if check.counts and check.outcome == "fail"
    ]
    if failed:
        return failed
    open_checks = [check.check_id for check in run.checks if check.counts and check.outcome != "pass"]
    if run.outcome == "fail":
        return [Reason("scan_finding", f"The verification failed: {run.message}", page)]
    if run.outcome != "pass" or open_checks or not run.checks:
        named = f" ({', '.join(open_checks)})" if open_checks else ""
        return [Reason("evidence_stale", f"The verification did not decide every check{named}.", page)]
    return _age(run, question.now, question.policy.verification_max_age_days, what="verification", page=page)


def _age(run: RunEvidence, now: datetime, days: int, *, what: str, page: str) -> list[Reason]:
    if run.finished_at is None or run.finished_at > now:
        return [Reason("evidence_stale", f"The {what} has no believable time.", page)]
    if now - run.finished_at > timedelta(days=days):
        text = (
            f"The {what} of {run.finished_at:%Y-%m-%d} is older than the {days} days that the policy permits."
        )
        return [Reason("evidence_stale", text, page)]
    return []


def _smoke(question: Question) -> list[Reason]:
    run, policy = question.candidate.smoke, question.policy
    if not policy.smoke_required:
        return []
    if run is None or run.manifest_digest != question.candidate.manifest_digest:
        return [Reason("evidence_stale", "These files have not passed a smoke inference.", question.page)]
    page = f"/smoke-runs/{run.id}"
    if run.outcome != "pass":
        return [
            Reason("smoke_failed", f"The smoke inference did not pass ({run.outcome}): {run.message}", page)
        ]
    return _age(run, question.now, policy.smoke_max_age_days, what="smoke inference", page=page)


def _formats(question: Question) -> list[Reason]:
    formats = question.candidate.formats
    if not formats:
        return [Reason("unsafe_format", "The format of the weights is not known.", question.page)]
    refused = sorted(formats - question.policy.formats)
    text = f"Weights in a format that the policy does not permit: {', '.join(refused)}."
    return [Reason("unsafe_format", text, question.page)] if refused else []


def _remote_code(question: Question) -> list[Reason]:
    needs = question.candidate.requires_remote_code
    if needs is False or (needs is True and question.policy.remote_code is RemoteCode.ALLOWED):
        return []
    text = (
        "The model needs code from its repository." if needs else "Whether the model needs code is not known."
    )
    return [Reason("remote_code_required", text, question.page)]


def _signature(question: Question) -> list[Reason]:
    """Judged by the policy of this moment: trust that was withdrawn or ran out since the verification is gone."""
    evidence, policy = question.candidate.signature, question.policy.signature
    if evidence is None:
        return [Reason("signature_missing", "Whether the model is signed is not known.", question.page)]
    if evidence.is_wrong:
        text = "A signature of the model is wrong: the files or the signature are not what its signer made."
        return [Reason("signature_untrusted", text, question.page)]
    if not policy.is_required(evidence.model):
        return []
    if not evidence.found:
        return [
            Reason("signature_missing", "The model carries no signature that was checked.", question.page)
        ]
    doubts = [policy.doubt(signer, model=evidence.model, at=question.now) for signer in evidence.signers] or [
        "nobody whom the policy knows could be found to have made it"
    ]
    if "" in doubts:
        return []
    return [Reason("signature_untrusted", f"The signature does not count: {doubts[0]}.", question.page)]


def _license(question: Question) -> list[Reason]:
    evaluated = question.candidate.license
    page = f"{question.page}/evaluations"
    if evaluated is None or not evaluated.licenses or "unknown" in evaluated.licenses:
        return [Reason("license_unknown", "No license of the model is known for its whole lineage.", page)]
    if evaluated.verdict in question.policy.accepted_verdicts:
        return []
    why = "; ".join(evaluated.reasons) or f"missing facts: {', '.join(evaluated.missing_facts) or 'none'}"
    text = f"The license evaluation says {evaluated.verdict.replace('_', ' ')}: {why}"
    return [Reason("license_condition_failed", text, page)]


def _origin(question: Question) -> list[Reason]:
    found = origin_rules.refusals(
        question.candidate.origin, question.policy.origin, environment=question.offer.environment
    )
    page = f"{question.page}/origin"
    reasons = [Reason("origin_restricted", one.text, page) for one in found[:MAX_ORIGINS_NAMED]]
    if len(found) > MAX_ORIGINS_NAMED:
        more = len(found) - MAX_ORIGINS_NAMED
        reasons.append(Reason("origin_restricted", f"{more} more rules on origin do not pass.", page))
    return reasons


def _place(question: Question) -> list[Reason]:
    environment, region = question.environment, question.offer.region
    if environment is None or environment.name != question.offer.environment:
        text = f"There is no environment {question.offer.environment}."
        return [Reason("out_of_scope_environment", text)]
    limits = [environment.regions] if environment.regions else []
    if environment.name in question.policy.regions:
        limits.append(question.policy.regions[environment.name])
    if all(region in limit for limit in limits):
        return []
    text = f"The region {region or '(not stated)'} is not one of the environment {environment.name}."
    return [Reason("out_of_scope_region", text)]


@dataclass(frozen=True)
class Check:
    """One named check, with the code that stands when it cannot be carried out."""

    name: str
    code: str
    reasons: Callable[[Question], object]


CHECKS = (
    Check("status", "not_registered", _status),
    Check("files", "digest_mismatch", _files),
    Check("verification", "evidence_stale", _verification),
    Check("smoke inference", "smoke_failed", _smoke),
    Check("weight formats", "unsafe_format", _formats),
    Check("remote code", "remote_code_required", _remote_code),
    Check("signature", "signature_missing", _signature),
    Check("license", "license_unknown", _license),
    Check("origin", "origin_restricted", _origin),
    Check("environment and region", "out_of_scope_environment", _place),
    Check("approval", "not_approved", approvals.approved),
    Check("suspension", "license_condition_failed", approvals.unsuspended),
)
