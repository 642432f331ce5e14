"""Alerts about where a version came from and the copy that is stored of it: raised to its owner, ended when it is well.

One alert of a kind stands for a version at a time. The same facts again change nothing; other facts put a new alert in
the place of the old one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from audit import log
from registry.actions import alerts
from registry.lifecycle import Severity
from registry.models import (
    Alert,
    AlertKind,
    DriftRun,
    ModelVersion,
    Resolution,
    SourceObservation,
    VerificationRun,
)


@dataclass(frozen=True)
class Wanted:
    """An alert that is to stand: what is wrong, what to do, and the run that found it.

    `facts` are what makes it another alert when they change: JSON, without times and without numbers of runs.
    """

    kind: AlertKind
    severity: Severity
    message: str
    remedy: str
    facts: Mapping[str, Any]
    drift_run: DriftRun | None = None
    verification_run: VerificationRun | None = None
    observation: SourceObservation | None = None


def raise_about_source(version: ModelVersion, wanted: Wanted, *, by: str, now: datetime) -> Alert:
    """The alert that stands now: the one that stood where the facts are the same, else a new one."""
    settle(version, [wanted], looked_at={wanted.kind}, by=by, now=now)
    return Alert.objects.get(
        version=version, kind=wanted.kind, approval__isnull=True, resolved_at__isnull=True
    )


def resolve(version: ModelVersion, kinds: Collection[AlertKind], *, by: str, now: datetime) -> None:
    """End what stands of these kinds, because what was wrong is well again."""
    settle(version, (), looked_at=kinds, by=by, now=now)


@transaction.atomic
def settle(
    version: ModelVersion,
    wanted: Iterable[Wanted],
    *,
    looked_at: Collection[AlertKind],
    by: str,
    now: datetime,
) -> list[Alert]:
    """Make what stands of the kinds that were looked at what is wanted; the alerts that are new.

    A kind that was not looked at, because the source did not tell, stays as it is.
    """
    # Whoever settles alerts of the version waits here for others who do.
    locked = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    open_now = {
        row.kind: row
        for row in Alert.objects.filter(
            version=locked, approval__isnull=True, resolved_at__isnull=True, kind__in=list(looked_at)
        )
    }
    over: dict[Resolution, list[Alert]] = {Resolution.RECOVERED: [], Resolution.SUPERSEDED: []}
    new = {one.kind: one for one in wanted}
    for kind, row in open_now.items():
        again = new.get(AlertKind(kind))
        if again is None:
            over[Resolution.RECOVERED].append(row)
        elif row.facts == dict(again.facts):
            del new[again.kind]
        else:
            over[Resolution.SUPERSEDED].append(row)
    decisions = [entry for how, rows in over.items() for entry in alerts.close(rows, how=how, now=now, by=by)]
    raised = [_alert(locked, one, now=now) for one in new.values()]
    Alert.objects.bulk_create(raised)
    log.append_all(decisions + [alerts.said_of(row, by=by) for row in raised])
    return raised


def _alert(version: ModelVersion, wanted: Wanted, *, now: datetime) -> Alert:
    return Alert(
        kind=wanted.kind,
        severity=wanted.severity,
        version=version,
        owner_id=version.submitted_by_id,
        message=wanted.message,
        remedy=wanted.remedy,
        facts=dict(wanted.facts),
        drift_run=wanted.drift_run,
        verification_run=wanted.verification_run,
        observation=wanted.observation,
        raised_at=now,
    )
