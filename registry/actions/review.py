"""Review: one person asks, another decides, and what both saw is bound to the approval for ever."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from audit.events import Event
from governance.actions import policies
from governance.actors import Actor
from governance.errors import Conflict, Forbidden, InvalidInput
from governance.permissions import Permission
from governance.policy import origin_rules
from governance.policy.document import Policy
from registry import evidence as runs
from registry import provenance
from registry.actions import endings, evaluate, obligations
from registry.actions.endings import ApprovalNotOpen, end_for_version, expire_due, revoke, withdraw
from registry.actions.evidence import listed, shortcomings
from registry.admission.question import Reason
from registry.licensing.terms import Verdict
from registry.lifecycle import ApprovalStatus, Status
from registry.models import Approval, Evaluation, ModelVersion, ServingEnvironment

__all__ = [
    "ApprovalNotOpen",
    "approve",
    "end_for_version",
    "expire_due",
    "reject",
    "request_approval",
    "revoke",
    "withdraw",
]


class FourEyesRequired(Forbidden):
    """Whoever asks for something does not decide on it."""

    code = "four_eyes_required"
    title = "Another person must decide"


class EvidenceMissing(Conflict):
    """What the policy wants to see is missing, failed or too old."""

    code = "evidence_missing"


class OriginNotAccepted(Conflict):
    """Where the model comes from does not pass the policy, or is not known well enough."""

    code = "origin_restricted"


class LicenseNotAccepted(Conflict):
    """The licence does not permit this use, or not enough is known to say so."""

    code = "license_not_accepted"


class EvidenceChanged(Conflict):
    """Since the approval was asked for, something changed to the worse; it must be asked for again."""

    code = "evidence_changed"


class VersionNotUsable(Conflict):
    """The version is a draft, quarantined or revoked."""

    code = "version_not_usable"


class ApprovalExists(Conflict):
    """An approval for the same use is open or in force."""

    code = "approval_exists"


@transaction.atomic
def request_approval(  # noqa: PLR0913 - one argument a column
    *,
    version: ModelVersion,
    environment: ServingEnvironment,
    purpose: str,
    expires_at: datetime,
    note: str,
    actor: Actor,
    now: datetime,
) -> Approval:
    """Ask a second person to approve a version for a use, with evidence, evaluation and policy as they are now."""
    actor.require(Permission.APPROVAL_REQUEST)
    evaluate.check_purpose(purpose)
    policy_row, policy = policies.in_force()
    endings.check_words(note, field="note")
    _check_end(expires_at, policy=policy, now=now)
    version = _locked(version)
    evaluation = evaluate.store(
        version=version, environment=environment, purpose=purpose, actor=actor, now=now
    )
    evidence, terms = _shortcomings(version, environment, purpose, policy, evaluation, now)
    if evidence:
        is_origin = all(reason.code == "origin_restricted" for reason in evidence)
        refused = OriginNotAccepted if is_origin else EvidenceMissing
        raise refused(f"{evidence[0].message}{_more(evidence)}", errors=listed(evidence))
    if terms:
        raise LicenseNotAccepted(terms[0].message, verdict=evaluation.verdict, errors=listed(terms))
    endings.expire(
        Approval.objects.filter(version=version, environment=environment, purpose=purpose), now=now
    )
    verification = runs.current_verification(version)
    if verification is None:  # cannot be: the evidence was looked at above
        raise EvidenceMissing("These files have not been verified.")
    try:
        with transaction.atomic():
            approval = Approval.objects.create(
                version=version,
                environment=environment,
                purpose=purpose,
                manifest_digest=version.manifest_digest or "",
                verification_run=verification,
                smoke_run=runs.current_smoke(version),
                evaluation=evaluation,
                policy=policy_row,
                note=note,
                requested_by=actor.user,
                requested_at=now,
                expires_at=expires_at,
            )
    except IntegrityError as error:
        if "registry_approval_one_live" not in str(error):
            raise
        raise ApprovalExists(
            f"An approval for {purpose} in {environment} is open or in force; withdraw it first."
        ) from error
    endings.log_approval(
        Event.APPROVAL_REQUESTED,
        approval,
        actor=actor,
        now=now,
        note_sha256=endings.sha256(note),
        origin=_origin(evaluation, policy),
    )
    obligations.open_tasks(evaluation=evaluation, actor=actor, now=now)
    return approval


@transaction.atomic
def approve(*, approval: Approval, note: str, actor: Actor, now: datetime) -> Approval:
    """Approve what another person asked for, if it still stands as it did then."""
    _check_decision(approval, note=note, actor=actor)
    version = _locked(approval.version)
    if approval.expires_at <= now:
        raise ApprovalNotOpen(
            f"The approval would have ended on {approval.expires_at:%Y-%m-%d}; ask for it again."
        )
    _, policy = policies.in_force()
    environment = approval.environment
    fresh = evaluate.store(
        version=version, environment=environment, purpose=approval.purpose, actor=actor, now=now
    )
    _check_unchanged(approval, version=version, fresh=fresh, policy=policy, now=now)
    obligations.check_done(evaluation=fresh, policy=policy)
    _decide(approval, to=ApprovalStatus.APPROVED, note=note, actor=actor, now=now)
    endings.log_approval(
        Event.APPROVAL_APPROVED,
        approval,
        actor=actor,
        now=now,
        note_sha256=endings.sha256(note),
        confirmed_by_evaluation=fresh.pk,
        origin=_origin(fresh, policy),
    )
    obligations.open_tasks(evaluation=fresh, actor=actor, now=now)
    return approval


@transaction.atomic
def reject(*, approval: Approval, note: str, actor: Actor, now: datetime) -> Approval:
    """Refuse what another person asked for; the note says why."""
    if not note.strip():
        raise InvalidInput("Say why it is refused.", field="note")
    _check_decision(approval, note=note, actor=actor)
    _decide(approval, to=ApprovalStatus.REJECTED, note=note, actor=actor, now=now)
    endings.log_approval(
        Event.APPROVAL_REJECTED, approval, actor=actor, now=now, note_sha256=endings.sha256(note)
    )
    obligations.lapse_for(approval=approval, by=str(actor), now=now)
    return approval


def _locked(version: ModelVersion) -> ModelVersion:
    """The version as it is, kept from being quarantined or revoked until this transaction ends."""
    row = (
        ModelVersion.objects.select_related("registered_model")
        .select_for_update(of=["self"])
        .get(pk=version.pk)
    )
    if row.status != Status.RESOLVED:
        raise VersionNotUsable(
            f"The version is {row.status}; only a resolved one can be approved.", status_now=row.status
        )
    return row


def _shortcomings(
    version: ModelVersion,
    environment: ServingEnvironment,
    purpose: str,
    policy: Policy,
    evaluation: Evaluation,
    now: datetime,
) -> tuple[list[Reason], list[Reason]]:
    return shortcomings(
        version=version,
        environment=environment,
        purpose=purpose,
        policy=policy,
        evaluation=evaluation,
        now=now,
    )


def _origin(evaluation: Evaluation, policy: Policy) -> dict[str, Any]:
    """Where the model comes from, in countries, as it was judged."""
    facts = provenance.of_question(evaluation.request)
    return provenance.summary(origin_rules.corrected(facts, policy.origin))


def _check_unchanged(
    approval: Approval, *, version: ModelVersion, fresh: Evaluation, policy: Policy, now: datetime
) -> None:
    evidence, terms = _shortcomings(version, approval.environment, approval.purpose, policy, fresh, now)
    reasons = evidence + terms
    if reasons:
        raise EvidenceChanged(
            f"Since this was asked for: {reasons[0].message}{_more(reasons)}", errors=listed(reasons)
        )
    was, now_is = Verdict(approval.evaluation.verdict), Verdict(fresh.verdict)
    if now_is.rank > was.rank:
        raise EvidenceChanged(
            f"The licence verdict was {was}, and is {now_is} now; ask for the approval again.",
            was=was,
            now=now_is,
        )


def _check_decision(approval: Approval, *, note: str, actor: Actor) -> None:
    actor.require(Permission.APPROVAL_DECIDE)
    endings.check_words(note, field="note")
    if actor.user.pk == approval.requested_by_id:
        raise FourEyesRequired("You asked for this approval; another person must decide on it.")


def _decide(approval: Approval, *, to: ApprovalStatus, note: str, actor: Actor, now: datetime) -> None:
    """Compare-and-set: of two reviewers exactly one decides."""
    waiting = Approval.objects.filter(pk=approval.pk, status=ApprovalStatus.REQUESTED)
    if waiting.update(status=to, decided_by=actor.user, decided_at=now, decision_note=note) != 1:
        approval.refresh_from_db()
        raise ApprovalNotOpen(f"The approval is {approval.status} already.", status_now=approval.status)
    approval.refresh_from_db()


def _check_end(expires_at: datetime, *, policy: Policy, now: datetime) -> None:
    latest = now + timedelta(days=policy.approval_max_days)
    if not now < expires_at <= latest:
        raise InvalidInput(
            f"An approval ends after now and, by the policy, within {policy.approval_max_days} days.",
            field="expires_at",
            latest=latest.isoformat(),
        )


def _more(reasons: list[Reason]) -> str:
    return f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
