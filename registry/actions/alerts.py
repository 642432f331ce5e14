"""Alerts: raised when something that is in use changed, acknowledged by a person, resolved when it is well again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict
from governance.permissions import Permission
from registry.actions import words
from registry.lifecycle import Severity
from registry.models import Alert, AlertKind, Approval, Evaluation, Reevaluation, Resolution
from registry.models.alert import ABOUT_APPROVALS

RAISED_BY = "system:reevaluation"


class AlertAcknowledged(Conflict):
    """Somebody has acknowledged the alert already."""

    code = "alert_acknowledged"


@dataclass(frozen=True)
class Wanted:
    """An alert that is to stand; `facts` are what makes it another alert when they change."""

    kind: AlertKind
    severity: Severity
    message: str
    facts: Mapping[str, Any]
    evaluation: Evaluation | None = None


@dataclass(frozen=True)
class Settled:
    """What one approval's alerts are to be: those wanted, and none of the other kinds that were looked at."""

    approval: Approval
    wanted: tuple[Wanted, ...] = ()
    looked_at: frozenset[AlertKind] = field(default_factory=lambda: frozenset(ABOUT_APPROVALS))


def settle(
    items: Iterable[Settled], *, reevaluation: Reevaluation | None, now: datetime
) -> tuple[list[Alert], list[log.Decision]]:
    """Raise what is new, resolve what is over, leave what stands; the alerts raised, and what the log is to say.

    The caller holds the approvals' turn, so that nobody settles the same ones meanwhile.
    """
    items = list(items)
    open_now: dict[tuple[int | None, str], Alert] = {
        (row.approval_id, row.kind): row
        for row in Alert.objects.filter(
            approval__in=[item.approval.pk for item in items], resolved_at__isnull=True
        )
    }
    raised: list[Alert] = []
    over: dict[Resolution, list[Alert]] = {Resolution.RECOVERED: [], Resolution.SUPERSEDED: []}
    for item in items:
        wanted = {one.kind: one for one in item.wanted}
        for kind in item.looked_at:
            stands = open_now.get((item.approval.pk, kind))
            new = wanted.get(kind)
            if stands is not None and new is not None and stands.facts == new.facts:
                continue
            if stands is not None:
                over[Resolution.SUPERSEDED if new else Resolution.RECOVERED].append(stands)
            if new is not None:
                raised.append(_alert(item.approval, new, reevaluation=reevaluation, now=now))
    decisions = [entry for how, rows in over.items() for entry in close(rows, how=how, now=now)]
    Alert.objects.bulk_create(raised)
    return raised, decisions + [said_of(row) for row in raised]


def _alert(approval: Approval, wanted: Wanted, *, reevaluation: Reevaluation | None, now: datetime) -> Alert:
    return Alert(
        kind=wanted.kind,
        severity=wanted.severity,
        version_id=approval.version_id,
        environment_id=approval.environment_id,
        approval=approval,
        evaluation=wanted.evaluation,
        reevaluation=reevaluation,
        message=wanted.message,
        facts=dict(wanted.facts),
        raised_at=now,
    )


def said_of(row: Alert, *, by: str = RAISED_BY) -> log.Decision:
    """What the public log gets: the message may name facts of the organisation, and goes in by its digest."""
    return log.Decision(
        event=Event.ALERT_RAISED,
        actor=by,
        subject=f"model-version:{row.version_id}",
        body={
            "alert": row.pk,
            "kind": str(row.kind),
            "severity": str(row.severity),
            "approval": row.approval_id,
            "reevaluation": row.reevaluation_id,
            "drift_run": row.drift_run_id,
            "verification_run": row.verification_run_id,
            "evaluation_digest": row.evaluation.evaluation_digest if row.evaluation else None,
            "message_sha256": words.sha256(row.message),
        },
        at=row.raised_at,
    )


def close(rows: list[Alert], *, how: Resolution, now: datetime, by: str = RAISED_BY) -> list[log.Decision]:
    """End these alerts in the caller's transaction; what the log is to say of it."""
    if not rows:
        return []
    Alert.objects.filter(pk__in=[row.pk for row in rows], resolved_at__isnull=True).update(
        resolved_at=now, resolution=how
    )
    return [
        log.Decision(
            event=Event.ALERT_RESOLVED,
            actor=by,
            subject=f"model-version:{row.version_id}",
            body={"alert": row.pk, "kind": row.kind, "approval": row.approval_id, "resolution": str(how)},
            at=now,
        )
        for row in rows
    ]


@transaction.atomic
def resolve_ended(approvals: QuerySet[Approval], *, now: datetime) -> int:
    """Resolve the alerts of approvals that ended: nothing is served under them any more."""
    rows = list(Alert.objects.filter(approval__in=approvals, resolved_at__isnull=True).select_for_update())
    log.append_all(close(rows, how=Resolution.APPROVAL_ENDED, now=now))
    return len(rows)


@transaction.atomic
def acknowledge(*, alert: Alert, note: str, actor: Actor, now: datetime) -> Alert:
    """State that a person has seen it and looks after it; what is wrong stays open until it is well again."""
    actor.require(Permission.ALERT_ACKNOWLEDGE)
    words.check_words(note, field="note")
    waiting = Alert.objects.filter(pk=alert.pk, acknowledged_at__isnull=True)
    if waiting.update(acknowledged_by=actor.user, acknowledged_at=now, acknowledged_note=note) != 1:
        raise AlertAcknowledged("Somebody has acknowledged this alert already.")
    alert.refresh_from_db()
    log.append(
        event=Event.ALERT_ACKNOWLEDGED,
        actor=str(actor),
        subject=f"model-version:{alert.version_id}",
        body={
            "alert": alert.pk,
            "kind": alert.kind,
            "approval": alert.approval_id,
            "note_sha256": words.sha256(note),
        },
        at=now,
    )
    return alert
