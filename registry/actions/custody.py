"""Takes a version out of use: quarantine, release from it, revocation for ever.

The rows keep the reasons word for word; the log is public and gets their digests.
"""

from datetime import datetime

from django.db import transaction

from audit.events import Event
from governance.errors import InvalidInput
from registry.actions import endings, runs
from registry.actions._transition import TransitionNotAllowed, move
from registry.lifecycle import RunState, Status
from registry.models import ModelVersion, VerificationRun

MAX_REASON = 2000


class ReasonMissing(InvalidInput):
    """Who takes a version out of use, or puts it back, says why."""

    code = "reason_missing"


@transaction.atomic
def quarantine(*, version: ModelVersion, reason: str, actor: object, now: datetime) -> None:
    """Bar the version at once; approvals stay as they are and do not count meanwhile."""
    reason = _reason(reason)
    move(
        version,
        target=Status.QUARANTINED,
        event=Event.VERSION_QUARANTINED,
        actor=actor,
        now=now,
        body={"reason_sha256": endings.sha256(reason)},
        quarantined_by=str(actor),
        quarantined_at=now,
        quarantine_reason=reason,
    )


@transaction.atomic
def release(*, version: ModelVersion, reason: str, actor: object, now: datetime) -> None:
    """Lift the quarantine and ask for all checks anew.

    The row keeps when and why it was quarantined: evidence from before that time no longer counts.
    """
    reason = _reason(reason)
    if version.status == Status.DRAFT:
        raise TransitionNotAllowed(
            version.status, Status.RESOLVED
        )  # a draft becomes resolved by resolution only
    move(
        version,
        target=Status.RESOLVED,
        event=Event.VERSION_RELEASED,
        actor=actor,
        now=now,
        body={
            "reason_sha256": endings.sha256(reason),
            "quarantine_reason_sha256": endings.sha256(version.quarantine_reason or ""),
        },
    )
    if not version.verificationruns.exclude(state=RunState.FINISHED).exists():
        runs.request(VerificationRun, version=version, actor=actor, now=now)


@transaction.atomic
def revoke(*, version: ModelVersion, reason: str, actor: object, now: datetime) -> None:
    """End the version for ever, and every approval of it."""
    reason = _reason(reason)
    move(
        version,
        target=Status.REVOKED,
        event=Event.VERSION_REVOKED,
        actor=actor,
        now=now,
        body={"reason_sha256": endings.sha256(reason)},
        revoked_by=str(actor),
        revoked_at=now,
        revocation_reason=reason,
    )
    endings.end_for_version(
        version=version, reason=f"The version was revoked: {reason}", by=str(actor), now=now
    )


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason:
        raise ReasonMissing("Say why, in a sentence that others will understand later.", field="reason")
    if len(reason) > MAX_REASON:
        raise ReasonMissing(f"The reason is longer than {MAX_REASON} characters.", field="reason")
    return reason
