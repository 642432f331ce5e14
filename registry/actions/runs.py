"""Runs as leases: asked for, claimed by one worker, kept alive by a heartbeat, finished or given to another.

A message that gets lost, or a worker that dies, loses nothing: `sweep` sends again what nobody took and puts back
what fell silent. The same message delivered twice finds nothing to claim the second time.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from celery import current_app
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from audit import log
from audit.events import Event
from governance.errors import Conflict
from registry.lifecycle import Outcome, RunState
from registry.models import LeasedRun, ModelVersion, ResolutionRun, SmokeRun, VerificationRun

logger = structlog.get_logger(__name__)
R = TypeVar("R", bound=LeasedRun)

MAX_ATTEMPTS = 3
# A message that nobody took is sent again after this long, later after as long as it has waited, up to the second.
RESEND_AFTER = timedelta(seconds=15)
RESEND_AT_LEAST = timedelta(seconds=60)
# Kind of run -> (the name of its table in the log and in URLs, its task, its queue).
KINDS: Mapping[type[LeasedRun], tuple[str, str, str]] = {
    ResolutionRun: ("resolution", "registry.tasks.resolve_version_task", "default"),
    VerificationRun: ("verification", "registry.tasks.verify_version_task", "verify"),
    SmokeRun: ("smoke", "registry.tasks.smoke_version_task", "smoke"),
}


class RunInProgress(Conflict):
    """A run of this kind is open for this version."""

    code = "run_in_progress"


class LeaseLost(Exception):
    """The run was given to another worker, or ended, while this one still worked; nothing may be written."""


@dataclasses.dataclass(frozen=True, slots=True)
class Lease:
    """One worker's claim on one attempt of a run."""

    model: type[LeasedRun]
    run_id: int
    worker: str
    attempt: int

    @property
    def rows(self) -> Any:
        """The run's row, as long as the lease holds."""
        return self.model._default_manager.filter(
            pk=self.run_id, state=RunState.RUNNING, worker=self.worker, attempt=self.attempt
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends: an outcome, and for people and programs why."""

    outcome: Outcome
    code: str = ""
    message: str = ""


def request(model: type[R], *, version: ModelVersion, actor: object, now: datetime) -> R:
    """Put a run into its queue; refuses while another of its kind is open for the version."""
    kind = KINDS[model][0]
    try:
        with transaction.atomic():
            run: R = model._default_manager.create(
                version=version,
                manifest_digest=version.manifest_digest,
                requested_by=str(actor),
                requested_at=now,
                dispatched_at=now,
                bytes_total=version.size_bytes or 0,
            )
            log.append(
                event=Event.RUN_REQUESTED,
                actor=str(actor),
                subject=f"model-version:{version.pk}",
                body={"kind": kind, "run": run.pk, "manifest_digest": version.manifest_digest},
                at=now,
            )
            _send(model, run.pk)
    except IntegrityError as error:
        if f"registry_{model.__name__.lower()}_one_open" not in str(error):
            raise
        raise RunInProgress(f"A {kind} run of this version is open already; wait for it.") from None
    return run


def claim(model: type[R], *, run_id: int, worker: str, now: datetime) -> tuple[R, Lease] | None:
    """Take a queued run; None if it is not there to be taken."""
    taken = model._default_manager.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING,
        worker=worker,
        attempt=F("attempt") + 1,
        started_at=now,
        heartbeat_at=now,
        bytes_done=0,
    )
    if not taken:
        return None
    run = model._default_manager.select_related("version__registered_model").get(pk=run_id)
    return run, Lease(model=model, run_id=run_id, worker=worker, attempt=run.attempt)


def beat(lease: Lease, *, now: datetime, **progress: int) -> bool:
    """Show that the worker lives, and how far it came; False once the lease is lost."""
    return bool(lease.rows.update(heartbeat_at=now, **progress))


@transaction.atomic
def finish(lease: Lease, ending: Ending, *, now: datetime, **fields: Any) -> None:
    """End the run in the caller's transaction; raises `LeaseLost` where another worker has it."""
    run = lease.rows.select_for_update().first()
    if run is None:
        raise LeaseLost(f"{lease.model.__name__} {lease.run_id} is no longer held by {lease.worker}")
    lease.rows.update(
        state=RunState.FINISHED,
        outcome=ending.outcome,
        code=ending.code[:64],
        message=ending.message,
        finished_at=now,
        heartbeat_at=now,
        **fields,
    )
    _log_finished(run, ending, now=now)


def give_up(lease: Lease, ending: Ending, *, now: datetime) -> None:
    """End a run that could not be carried through; a lost lease is left to whoever holds it."""
    try:
        finish(lease, ending, now=now)
    except LeaseLost:
        logger.info("lease_lost", run=lease.run_id, kind=KINDS[lease.model][0])


def put_back(lease: Lease, *, now: datetime, delay: timedelta = timedelta()) -> None:
    """Give the run back to the queue, to be sent again at once or after a while."""
    with transaction.atomic():
        returned = lease.rows.update(
            state=RunState.QUEUED, worker="", heartbeat_at=None, dispatched_at=now + max(delay - RESEND_AFTER, timedelta())
        )
        if returned and not delay:
            _send(lease.model, lease.run_id)


def sweep(now: datetime) -> dict[str, int]:
    """Send again what nobody took, put back what fell silent, end what failed too often; how many of each."""
    counts = {"sent": 0, "returned": 0, "ended": 0}
    silent_since = now - timedelta(seconds=settings.LEASE_SECONDS)
    for model in KINDS:
        rows = model._default_manager
        for run in rows.filter(state=RunState.RUNNING, heartbeat_at__lt=silent_since):
            counts["ended" if _recover(run, now=now) else "returned"] += 1
        waiting = Q(dispatched_at__isnull=True) | Q(dispatched_at__lte=now - RESEND_AFTER)
        for run in rows.filter(waiting, state=RunState.QUEUED):
            counts["sent"] += _send_again(run, now=now)
    return counts


def _recover(run: LeasedRun, *, now: datetime) -> bool:
    """Put a silent run back, or after the last attempt end it; whether it ended."""
    lease = Lease(model=type(run), run_id=run.pk, worker=run.worker, attempt=run.attempt)
    logger.warning("worker_lost", run=run.pk, kind=KINDS[type(run)][0], worker=run.worker, attempt=run.attempt)
    if run.attempt < MAX_ATTEMPTS:
        put_back(lease, now=now)
        return False
    message = f"The worker fell silent {run.attempt} times while it did this; the last one was {run.worker}."
    give_up(lease, Ending(Outcome.ERROR, code="worker_lost", message=message), now=now)
    return True


def _send_again(run: LeasedRun, *, now: datetime) -> int:
    if run.dispatched_at is not None:
        waited = run.dispatched_at - run.requested_at
        if now - run.dispatched_at < min(max(RESEND_AFTER, waited), RESEND_AT_LEAST):
            return 0
    with transaction.atomic():
        mine = type(run)._default_manager.filter(
            pk=run.pk, state=RunState.QUEUED, dispatched_at=run.dispatched_at
        ).update(dispatched_at=now)
        if mine:
            _send(type(run), run.pk)
    return mine


def _send(model: type[LeasedRun], run_id: int) -> None:
    """Tell a worker, once the transaction is in; a broker that is away now is no loss, the sweep tells again."""
    _, task, queue = KINDS[model]
    transaction.on_commit(
        lambda: current_app.send_task(task, kwargs={"run_id": run_id}, queue=queue, ignore_result=True), robust=True
    )


def _log_finished(run: LeasedRun, ending: Ending, *, now: datetime) -> None:
    log.append(
        event=Event.RUN_FINISHED,
        actor=f"system:{KINDS[type(run)][0]}",
        subject=f"model-version:{run.version_id}",
        body={
            "kind": KINDS[type(run)][0],
            "run": run.pk,
            "outcome": str(ending.outcome),
            "code": ending.code,
            "message": ending.message[:2000],
            "manifest_digest": run.manifest_digest,
            "worker": run.worker,
            "attempt": run.attempt,
        },
        at=now,
    )
