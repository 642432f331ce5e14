"""How approvals end: withdrawn, revoked, expired; and what the log says of any step of theirs."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput
from governance.permissions import Permission
from registry.actions import alerts, obligations
from registry.actions.words import check_words, sha256
from registry.lifecycle import ApprovalStatus
from registry.models import Approval, ModelVersion

__all__ = [
    "check_words",
    "end_for_version",
    "expire",
    "expire_due",
    "log_approval",
    "revoke",
    "sha256",
    "withdraw",
]

ENDING = {
    ApprovalStatus.WITHDRAWN: ((ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED), Event.APPROVAL_WITHDRAWN),
    ApprovalStatus.REVOKED: ((ApprovalStatus.APPROVED,), Event.APPROVAL_REVOKED),
    ApprovalStatus.EXPIRED: ((ApprovalStatus.APPROVED,), Event.APPROVAL_EXPIRED),
}


class ApprovalNotOpen(Conflict):
    """The approval is not in a state that permits this, or someone else was faster."""

    code = "approval_not_open"


@transaction.atomic
def withdraw(*, approval: Approval, reason: str, actor: Actor, now: datetime) -> Approval:
    """Take back a request, or an approval that is no longer needed."""
    actor.require(Permission.APPROVAL_WITHDRAW)
    _end(approval, to=ApprovalStatus.WITHDRAWN, reason=reason, by=str(actor), now=now)
    return approval


@transaction.atomic
def revoke(*, approval: Approval, reason: str, actor: Actor, now: datetime) -> Approval:
    """End an approval because something is wrong; the next admission is denied."""
    if not actor.may(Permission.APPROVAL_DECIDE):
        actor.require(Permission.VERSION_REVOKE)
    _end(approval, to=ApprovalStatus.REVOKED, reason=reason, by=str(actor), now=now)
    return approval


@transaction.atomic
def end_for_version(*, version: ModelVersion, reason: str, by: str, now: datetime) -> int:
    """End every approval of a version that was revoked; how many. Open requests count as withdrawn."""
    live = Approval.objects.filter(
        version=version, status__in=[ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED]
    )
    rows = list(live.select_related("environment", "evaluation", "policy", "version"))
    for approval in rows:
        is_given = approval.status == ApprovalStatus.APPROVED
        to = ApprovalStatus.REVOKED if is_given else ApprovalStatus.WITHDRAWN
        _end(approval, to=to, reason=reason, by=by, now=now)
    return len(rows)


def expire_due(now: datetime) -> int:
    """End what is past its date; how many. Admission does not wait for this: it looks at the date itself."""
    return expire(Approval.objects.all(), now=now)


def expire(rows: QuerySet[Approval], *, now: datetime) -> int:
    """End those of the rows that are past their date; how many."""
    ended = 0
    live = rows.filter(expires_at__lte=now, status__in=[ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED])
    for approval in live.select_related("environment", "evaluation", "policy", "version"):
        is_given = approval.status == ApprovalStatus.APPROVED
        to = ApprovalStatus.EXPIRED if is_given else ApprovalStatus.WITHDRAWN
        reason = "Its time is over." if is_given else "Nobody decided before its time was over."
        try:
            with transaction.atomic():
                _end(approval, to=to, reason=reason, by="system:expiry", now=now)
        except ApprovalNotOpen:
            continue  # someone else ended it meanwhile
        ended += 1
    return ended


def _end(approval: Approval, *, to: ApprovalStatus, reason: str, by: str, now: datetime) -> None:
    sources, event = ENDING[to]
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")
    check_words(reason, field="reason")
    live = Approval.objects.filter(pk=approval.pk, status__in=sources)
    if live.update(status=to, ended_by=by, ended_at=now, end_reason=reason) != 1:
        approval.refresh_from_db()
        raise ApprovalNotOpen(
            f"The approval is {approval.status}; it cannot become {to}.", status_now=approval.status
        )
    approval.refresh_from_db()
    log_approval(event, approval, actor=by, now=now, reason_sha256=sha256(reason))
    alerts.resolve_ended(Approval.objects.filter(pk=approval.pk), now=now)
    obligations.lapse_for(approval=approval, by=by, now=now)


def log_approval(event: Event, approval: Approval, *, actor: object, now: datetime, **more: Any) -> None:
    """One step of an approval, with the digests that it binds. The log is public: free words go in by their digest."""
    log.append(
        event=event,
        actor=str(actor),
        subject=f"approval:{approval.pk}",
        body={
            "version": approval.version_id,
            "environment": approval.environment.name,
            "purpose": approval.purpose,
            "manifest_digest": approval.manifest_digest,
            "model_digest": approval.version.model_digest,
            "verification_run": approval.verification_run_id,
            "smoke_run": approval.smoke_run_id,
            "evaluation_digest": approval.evaluation.evaluation_digest,
            "verdict": approval.evaluation.verdict,
            "policy_digest": approval.policy.policy_digest,
            "expires_at": approval.expires_at.isoformat(),
            **more,
        },
        at=now,
    )
