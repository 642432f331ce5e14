"""Verification at rest: every copy that could be served is read again after a while, those in use first."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from registry.actions import runs, verify
from registry.lifecycle import ApprovalStatus, RunState, Status
from registry.models import Admission, Approval, ModelVersion, VerificationRun

logger = structlog.get_logger(__name__)


def request_due(now: datetime) -> int:
    """Ask for the copies to be read again that were not for a while, longest ago first; how many were asked for.

    No more of them wait than a few at a time, so that whoever waits for a verification does not wait for these.
    """
    if not settings.REVERIFY_EVERY_DAYS:
        return 0
    room = settings.REVERIFY_AT_ONCE - _waiting()
    asked = 0
    for version in due(now)[: max(room, 0)]:
        try:
            verify.request_verification(version=version, actor=runs.SCHEDULE, now=now)
        except (runs.RunInProgress, runs.VersionNotResolved):
            continue  # somebody was faster
        asked += 1
    if asked:
        logger.info("copies_to_be_read_again", asked=asked)
    return asked


def due(now: datetime) -> QuerySet[ModelVersion]:
    """The versions whose copy was not read for too long: those in use first, then the others, longest ago first."""
    since = now - timedelta(days=settings.REVERIFY_EVERY_DAYS)
    newest = VerificationRun.objects.filter(version=OuterRef("pk")).order_by("-pk")
    approved = Approval.objects.filter(
        version=OuterRef("pk"), status=ApprovalStatus.APPROVED, expires_at__gt=now
    )
    admitted = Admission.objects.filter(version=OuterRef("pk"), decision="allow", expires_at__gt=now)
    return (
        ModelVersion.objects.filter(status=Status.RESOLVED, resolved_at__lte=since)
        .annotate(
            read_at=Subquery(newest.values("requested_at")[:1]),
            read_state=Subquery(newest.values("state")[:1]),
            in_use=Exists(approved) | Exists(admitted),
        )
        .filter(read_at__lte=since, read_state=RunState.FINISHED)
        .order_by("-in_use", "read_at", "pk")
    )


def _waiting() -> int:
    return VerificationRun.objects.filter(requested_by=runs.SCHEDULE).exclude(state=RunState.FINISHED).count()
