"""Looks at the source of a version again, and raises what changed since it was registered to its owner."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from audit import log
from audit.events import Event
from registry import drift, origin
from registry.actions import runs, source_alerts
from registry.actions.heartbeat import beating
from registry.lifecycle import MINOR, Outcome, RunState, Status
from registry.models import AlertKind, DriftRun, ModelVersion, SourceObservation
from registry.observed import SourceFacts, from_json
from registry.sources import base

ACTOR = "system:drift"
# How many looks one turn of the schedule asks for; the next turn goes on with those that waited longest.
MOST_AT_ONCE = 50


def request_drift(*, version: ModelVersion, actor: object, now: datetime) -> DriftRun:
    """Ask for a look at the source."""
    if version.manifest_digest is None or version.status == Status.REVOKED:
        raise runs.VersionNotResolved(
            f"The version is {version.status}; the source of one whose files are known, and that is not revoked, is watched.",
            present_status=version.status,
        )
    return runs.request(DriftRun, version=version, actor=actor, now=now)


def request_due(now: datetime) -> int:
    """Ask for a look at every source that nobody looked at for a while, longest ago first; how many were asked for."""
    since = now - timedelta(hours=settings.DRIFT_EVERY_HOURS)
    due = (
        ModelVersion.objects.filter(status__in=[Status.RESOLVED, Status.QUARANTINED], resolved_at__lte=since)
        .annotate(looked_at=Max("driftruns__requested_at"))
        .filter(Q(looked_at__isnull=True) | Q(looked_at__lte=since))
        .exclude(driftruns__state__in=[RunState.QUEUED, RunState.RUNNING])
        .order_by(F("looked_at").asc(nulls_first=True), "pk")
    )
    asked = 0
    for version in due[:MOST_AT_ONCE]:
        try:
            request_drift(version=version, actor=runs.SCHEDULE, now=now)
        except (runs.RunInProgress, runs.VersionNotResolved):
            continue  # somebody was faster
        asked += 1
    return asked


def watch_version(*, run_id: int, worker: str) -> None:
    """Carry out a look at a source; does nothing if it is not waiting."""
    claimed = runs.claim(DriftRun, run_id=run_id, worker=worker, now=timezone.now())
    if claimed is None:
        return
    run, lease = claimed
    with runs.held(lease):
        try:
            with beating(lease):
                facts = origin.source_of(run.version).observe()
        except base.SourceUnavailable as error:
            ending = runs.Ending(Outcome.ERROR, error.code, error.detail)
            runs.retry_or_end(lease, ending, now=timezone.now(), delay=runs.RETRY_AFTER)
        except (base.SourceRefused, base.InvalidSource) as error:
            if error.code not in drift.GONE:
                runs.give_up(lease, runs.Ending(Outcome.ERROR, error.code, error.detail), now=timezone.now())
                return
            looked = drift.gone(_registered(run.version), code=error.code, why=error.detail)
            _write(run, looked, None, lease=lease, now=timezone.now())
        else:
            before = _first_look(run.version)
            looked = drift.compare(_registered(run.version), before or facts, facts)
            _write(run, looked, facts, lease=lease, now=timezone.now())


@transaction.atomic
def _write(
    run: DriftRun, looked: drift.Looked, facts: SourceFacts | None, *, lease: runs.Lease, now: datetime
) -> None:
    """The look, what it raised and the end of the run, together."""
    # First of all, so that a worker that lost its lease writes nothing.
    # News rather than trouble is raised as well, and the run still says that all is well.
    trouble = [one for one in looked.drifts if one.severity not in MINOR]
    runs.finish(
        lease,
        runs.Ending(Outcome.FAIL, "source_drifted", _summary(trouble))
        if trouble
        else runs.Ending(Outcome.PASS),
        now=now,
    )
    observation = _observation(run, facts, now=now) if facts is not None else None
    source_alerts.settle(
        run.version,
        [_wanted(one, run, observation) for one in looked.drifts],
        looked_at={AlertKind(kind) for kind in looked.kinds},
        by=ACTOR,
        now=now,
    )


def _observation(run: DriftRun, facts: SourceFacts, *, now: datetime) -> SourceObservation:
    row = SourceObservation.objects.create(
        version=run.version,
        drift_run=run,
        observed_at=now,
        facts=facts.to_json(),
        facts_digest=facts.digest,
    )
    log.append(
        event=Event.SOURCE_OBSERVED,
        actor=ACTOR,
        subject=f"model-version:{run.version_id}",
        body={"run": run.pk, "observation": row.pk, "facts_digest": row.facts_digest},
        at=now,
    )
    return row


def _wanted(one: drift.Drift, run: DriftRun, observation: SourceObservation | None) -> source_alerts.Wanted:
    return source_alerts.Wanted(
        kind=AlertKind(one.kind),
        severity=one.severity,
        message=one.message,
        remedy=one.remedy,
        facts=one.facts,
        drift_run=run,
        observation=observation,
    )


def _registered(version: ModelVersion) -> drift.Registered:
    return drift.Registered(version.location, version.requested_revision, version.revision)


def _first_look(version: ModelVersion) -> SourceFacts | None:
    """What the source said when the version was registered, or at the first look since."""
    row = version.observations.order_by("pk").first()
    return from_json(row.facts) if row is not None else None


def _summary(found: list[drift.Drift]) -> str:
    more = f" And {len(found) - 1} more." if len(found) > 1 else ""
    return f"{found[0].message}{more}"
