"""The doors by which Celery enters: each task names a run and calls one action."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils import timezone

from registry.actions import drift, reevaluate, reevaluations, resolve, reverify, runs, smoke, verify, what_if

HOUR = 3600
# The run goes back to its queue at the soft limit; the hard one is for code that does not listen.
GRACE_SECONDS = 60


class WorkerStopping(BaseException):
    """The worker was told to end while it was busy; nothing that goes on after an exception may swallow it."""


@shared_task(
    name="registry.tasks.resolve_version_task",
    soft_time_limit=12 * HOUR,
    time_limit=12 * HOUR + GRACE_SECONDS,
)
def resolve_version_task(*, run_id: int, **_: object) -> None:
    """Carry out a resolution run."""
    with stoppable():
        resolve.resolve_version(run_id=run_id, worker=worker_name())


@shared_task(
    name="registry.tasks.verify_version_task",
    # Its checks have a limit of their own, which ends the run; this one is for the worker itself.
    soft_time_limit=verify.LONGEST_SECONDS + HOUR,
    time_limit=verify.LONGEST_SECONDS + HOUR + GRACE_SECONDS,
)
def verify_version_task(*, run_id: int, **_: object) -> None:
    """Carry out a verification run."""
    with stoppable():
        verify.verify_version(run_id=run_id, worker=worker_name())


@shared_task(
    name="registry.tasks.watch_version_task",
    soft_time_limit=HOUR,
    time_limit=HOUR + GRACE_SECONDS,
)
def watch_version_task(*, run_id: int, **_: object) -> None:
    """Carry out a look at the source of a version."""
    with stoppable():
        drift.watch_version(run_id=run_id, worker=worker_name())


@shared_task(name="registry.tasks.watch_due_sources_task", soft_time_limit=120, time_limit=150)
def watch_due_sources_task(**_: object) -> None:
    """Have the sources looked at that nobody looked at for a while."""
    drift.request_due(timezone.now())


@shared_task(name="registry.tasks.reverify_due_task", soft_time_limit=120, time_limit=150)
def reverify_due_task(**_: object) -> None:
    """Have the stored copies read again that nobody read for a while."""
    reverify.request_due(timezone.now())


@shared_task(
    name="registry.tasks.smoke_version_task",
    soft_time_limit=settings.SMOKE_TIMEOUT_SECONDS * 2 + HOUR,
    time_limit=settings.SMOKE_TIMEOUT_SECONDS * 2 + HOUR + GRACE_SECONDS,
)
def smoke_version_task(*, run_id: int, **_: object) -> None:
    """Carry out a smoke run."""
    with stoppable():
        smoke.smoke_test_version(run_id=run_id, worker=worker_name())


@shared_task(name="registry.tasks.reevaluate_part_task", time_limit=360)
def reevaluate_part_task(*, part_id: int, **_: object) -> None:
    """Evaluate a part of what is approved again, and what else waits of the campaign."""
    with stoppable():
        reevaluate.reevaluate_from(part_id=part_id, worker=worker_name())


@shared_task(name="registry.tasks.begin_due_reevaluations_task", soft_time_limit=60, time_limit=90)
def begin_due_reevaluations_task(**_: object) -> None:
    """Have everything approved evaluated again when facts take effect, and once a day."""
    reevaluations.begin_due(timezone.now())


@shared_task(
    name="registry.tasks.what_if_task",
    soft_time_limit=what_if.LIMIT_SECONDS,
    time_limit=what_if.LIMIT_SECONDS + GRACE_SECONDS,
)
def what_if_task(*, run_id: int, **_: object) -> None:
    """Answer a question "what if"."""
    with stoppable():
        what_if.carry_out(run_id=run_id, worker=worker_name())


@shared_task(name="registry.tasks.sweep_runs_task", soft_time_limit=60, time_limit=90)
def sweep_runs_task(**_: object) -> None:
    """Send again what nobody took, and put back what fell silent."""
    runs.sweep(timezone.now())
    reevaluations.sweep(timezone.now())
    what_if.sweep(timezone.now())


@shared_task(name="registry.tasks.expire_approvals_task", soft_time_limit=120, time_limit=150)
def expire_approvals_task(**_: object) -> None:
    """End the approvals whose time is over."""
    from registry.actions import review

    review.expire_due(timezone.now())


def worker_name() -> str:
    """Which process holds a lease: `host:pid`."""
    return f"{socket.gethostname()}:{os.getpid()}"


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn SIGTERM into an exception where nobody else listens to it, so that the run goes back to its queue.

    A pool's process has no handler of its own: without this it would die, and the run would wait for the sweep.
    """
    mine = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )
    if mine:
        signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except (WorkerStopping, SoftTimeLimitExceeded):
        pass  # the action put the run back
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    raise WorkerStopping(f"signal {number}")
