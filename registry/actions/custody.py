"""Takes a version out of use: quarantine, revocation for ever.

The rows keep the reasons word for word; the log is public and gets their digests.
"""

from datetime import datetime

from django.db import transaction

from audit.events import Event
from governance.actors import Actor
from governance.errors import InvalidInput
from registry.actions import endings, release_log
from registry.actions._transition import move
from registry.lifecycle import Status
from registry.models import ModelVersion, QuarantineRelease, ReleaseDecision

MAX_REASON = 2000


class ReasonMissing(InvalidInput):
    """Who takes a version out of use, or asks to put it back, says why."""

    code = "reason_missing"


@transaction.atomic
def quarantine(*, version: ModelVersion, reason: str, actor: object, now: datetime) -> None:
    """Bar the version at once; approvals stay as they are and do not count meanwhile."""
    reason = reason_of(reason)
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
def revoke(*, version: ModelVersion, reason: str, actor: object, now: datetime) -> None:
    """End the version for ever, and every approval of it."""
    reason = reason_of(reason)
    _close_release(version, actor=actor, now=now)
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


def _close_release(version: ModelVersion, *, actor: object, now: datetime) -> None:
    """What is revoked is not released any more: a request for it ends with the version."""
    if not isinstance(actor, Actor):
        return  # the service itself revokes drafts only, and a draft is never quarantined
    release = (
        QuarantineRelease.objects.select_for_update(of=["self"])
        .select_related("requested_by")
        .filter(version=version, decision="")
        .first()
    )
    if release is None:
        return
    release.decision, release.note = ReleaseDecision.REFUSED, "The version was revoked for good."
    release.decided_by, release.decided_at = actor.user, now
    release.save(update_fields=["decision", "note", "decided_by", "decided_at"])
    note = endings.sha256(release.note)
    release_log.append(Event.RELEASE_REFUSED, release, actor=actor, now=now, note_sha256=note)


def reason_of(text: str) -> str:
    """Why, as it is kept; raises `ReasonMissing` where it is empty or too long."""
    reason = text.strip()
    if not reason:
        raise ReasonMissing("Say why, in a sentence that others will understand later.", field="reason")
    if len(reason) > MAX_REASON:
        raise ReasonMissing(f"The reason is longer than {MAX_REASON} characters.", field="reason")
    return reason
