"""One round of sequencing and signing, and the loop around it."""

import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import datetime

from audit import sequencer, signer
from audit.events import Log

BUSY_SECONDS = 0.1
IDLE_SECONDS = 0.25


def run_once(log: Log, *, now: datetime) -> sequencer.Sequenced:
    """Sequence what waits and publish the tree; nothing is written to a database that the signer would refuse."""
    signer.check_memory(log)
    done = sequencer.sequence(log, now=now)
    signer.publish(log, now=now)
    return done


def prepare(log: Log, *, now: datetime) -> None:
    """Make ready what a log needs before its first round."""
    signer.prepare(log)
    sequencer.ensure_head(log, now=now)


def drain(log: Log, *, clock: Callable[[], datetime]) -> int:
    """Run rounds until nothing waits; return how many leaves were sequenced."""
    prepare(log, now=clock())
    total = 0
    while (done := run_once(log, now=clock())).batches:
        total += done.leaves
    return total


def hold_locks(logs: Iterable[Log], *, stack: ExitStack, stop: threading.Event, waits: bool) -> bool:
    """Take the lock of each log, standing by while another process holds it; say whether all are ours."""
    for log in logs:
        while not sequencer.try_lock(log):
            if not waits or stop.wait(IDLE_SECONDS):
                return False
        stack.callback(sequencer.unlock, log)
    return True


def run(logs: Iterable[Log], *, clock: Callable[[], datetime], stop: threading.Event) -> None:
    """Run rounds until asked to stop; any error ends the loop, and with it the process."""
    every = list(logs)
    for log in every:
        prepare(log, now=clock())
    while not stop.is_set():
        is_busy = sum(run_once(log, now=clock()).batches for log in every) > 0
        stop.wait(BUSY_SECONDS if is_busy else IDLE_SECONDS)
