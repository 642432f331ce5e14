"""Runs as leases: asked for, claimed by one worker, kept alive by a heartbeat, finished or given to another.

A message that gets lost, or a worker that dies, loses nothing: `sweep` sends again what nobody took and puts back
what fell silent. The same message delivered twice finds nothing to claim the second time.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from audit import log
from audit.events import Event
from governance import broker
from governance.errors import Conflict
from registry.lifecycle import Outcome, RunState, Status
from registry.models import DriftRun, LeasedRun, ModelVersion, ResolutionRun, SmokeRun, VerificationRun

logger = structlog.get_logger(__name__)
R = TypeVar("R", bound=LeasedRun)

SCHEDULE = "system:schedule"  # who asks for what is done again after a while
MAX_ATTEMPTS = 3
RETRY_AFTER = timedelta(seconds=30)
# Faults of code or surroundings, which may pass in a while; anything else is a stop that was asked for.
FAULTS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
# A message that nobody took is sent again after this long, later after as long as it has waited, up to the second.
RESEND_AFTER = timedelta(seconds=15)
RESEND_AT_LEAST = timedelta(seconds=60)
# What a run shows of its worker's doing while nobody works on it.
NOT_BUSY: Mapping[str, Any] = {"stage": "", "bytes_per_second": 0}
# Kind of run -> (the name of its table in the log and in URLs, its task, its queue).
KINDS: Mapping[type[LeasedRun], tuple[str, str, str]] = {
    ResolutionRun: ("resolution", "registry.tasks.resolve_version_task", "default"),
    VerificationRun: ("verification", "registry.tasks.verify_version_task", "verify"),
    DriftRun: ("drift", "registry.tasks.watch_version_task", "default"),
    SmokeRun: ("smoke", "registry.tasks.smoke_version_task", "smoke"),
}


class RunInProgress(Conflict):
    """A run of this kind is open for this version."""

    code = "run_in_progress"


class VersionNotResolved(Conflict):
    """Only a resolved version, neither quarantined nor revoked, can be checked."""

    code = "version_not_resolved"


class LeaseLost(Exception):
    """The run was given to another worker, or ended, while this one still worked; nothing may be written."""


def _rows(model: type[LeasedRun]) -> Any:
    return model._default_manager  # noqa: SLF001 - Django's own name for it in code that handles several models


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
        return _rows(self.model).filter(
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
            run: R = _rows(model).create(
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
    taken = (
        _rows(model)
        .filter(pk=run_id, state=RunState.QUEUED)
        .update(
            state=RunState.RUNNING,
            worker=worker,
            attempt=F("attempt") + 1,
            started_at=now,
            heartbeat_at=now,
            bytes_done=0,
            **NOT_BUSY,
        )
    )
    if not taken:
        return None
    run = _rows(model).select_related("version__registered_model").get(pk=run_id)
    return run, Lease(model=model, run_id=run_id, worker=worker, attempt=run.attempt)


def beat(lease: Lease, *, now: datetime, **progress: int | str) -> bool:
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
        **NOT_BUSY,
        **fields,
    )
    _log_finished(run, ending, now=now)


def give_up(lease: Lease, ending: Ending, *, now: datetime) -> None:
    """End a run that could not be carried through; a lost lease is left to whoever holds it."""
    try:
        finish(lease, ending, now=now)
    except LeaseLost:
        logger.info("lease_lost", run=lease.run_id, kind=KINDS[lease.model][0])


def put_back(lease: Lease, because: Ending, *, now: datetime, delay: timedelta = timedelta()) -> None:
    """Give the run back to the queue, to be sent again at once or after a while; says why it waits."""
    with transaction.atomic():
        returned = lease.rows.update(
            state=RunState.QUEUED,
            worker="",
            heartbeat_at=None,
            code=because.code[:64],
            message=because.message,
            dispatched_at=now + max(delay - RESEND_AFTER, timedelta()),
            **NOT_BUSY,
        )
        if returned and not delay:
            _send(lease.model, lease.run_id)


def retry_or_end(lease: Lease, ending: Ending, *, now: datetime, delay: timedelta = timedelta()) -> None:
    """Put the run back for another attempt, or after the last one end it so."""
    if lease.attempt < MAX_ATTEMPTS:
        put_back(lease, ending, now=now, delay=delay)
    else:
        give_up(lease, ending, now=now)


@contextmanager
def held(lease: Lease) -> Iterator[None]:
    """Guard a worker's block: a lost lease ends it quietly, anything unforeseen gives the run back."""
    try:
        yield
    except LeaseLost:
        logger.info("lease_lost", run=lease.run_id, kind=KINDS[lease.model][0])
    except BaseException as error:
        words = f"The worker was stopped by {type(error).__name__}: {str(error)[:500]}"
        is_fault = isinstance(error, FAULTS)
        retry_or_end(
            lease,
            Ending(Outcome.ERROR, "worker_failed", words),
            now=timezone.now(),
            delay=RETRY_AFTER if is_fault else timedelta(),
        )
        raise


def require_resolved(version: ModelVersion) -> None:
    """Raise `VersionNotResolved` unless the version's files are known and not barred."""
    if version.status != Status.RESOLVED:
        raise VersionNotResolved(
            f"The version is {version.status}; only a resolved one can be checked.",
            present_status=version.status,
        )


def sweep(now: datetime) -> dict[str, int]:
    """Send again what nobody took, put back what fell silent, end what failed too often; how many of each."""
    counts = {"sent": 0, "returned": 0, "ended": 0}
    silent_since = now - timedelta(seconds=settings.LEASE_SECONDS)
    for model in KINDS:
        rows = _rows(model)
        for run in rows.filter(state=RunState.RUNNING, heartbeat_at__lt=silent_since):
            counts["ended" if _recover(run, now=now) else "returned"] += 1
        waiting = Q(dispatched_at__isnull=True) | Q(dispatched_at__lte=now - RESEND_AFTER)
        for run in rows.filter(waiting, state=RunState.QUEUED):
            counts["sent"] += _send_again(run, now=now)
    return counts


def _recover(run: LeasedRun, *, now: datetime) -> bool:
    """Put a silent run back, or after the last attempt end it; whether it ended."""
    lease = Lease(model=type(run), run_id=run.pk, worker=run.worker, attempt=run.attempt)
    logger.warning(
        "worker_lost", run=run.pk, kind=KINDS[type(run)][0], worker=run.worker, attempt=run.attempt
    )
    message = f"The worker fell silent {run.attempt} times while it did this; the last one was {run.worker}."
    retry_or_end(lease, Ending(Outcome.ERROR, "worker_lost", message), now=now)
    return run.attempt >= MAX_ATTEMPTS


def _send_again(run: LeasedRun, *, now: datetime) -> int:
    if run.dispatched_at is not None:
        waited = run.dispatched_at - run.requested_at
        if now - run.dispatched_at < min(max(RESEND_AFTER, waited), RESEND_AT_LEAST):
            return 0
    with transaction.atomic():
        mine = (
            _rows(type(run))
            .filter(pk=run.pk, state=RunState.QUEUED, dispatched_at=run.dispatched_at)
            .update(dispatched_at=now)
        )
        if mine:
            _send(type(run), run.pk)
    return int(mine)


def _send(model: type[LeasedRun], run_id: int) -> None:
    """Tell a worker, once the transaction is in; a broker that is away now is no loss, the sweep tells again."""
    _, task, queue = KINDS[model]
    transaction.on_commit(lambda: broker.tell(task, queue=queue, run_id=run_id), robust=True)


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
