"""Starts and watches the processes of one data folder, restarts what dies, and stops all of it in order."""

import contextlib
import dataclasses
import fcntl
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from governance.embedded import children, processes
from governance.embedded.children import ProcessSpec

TICK_SECONDS = 0.2
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
HEALTHY_SECONDS = 60.0


class DataFolderInUse(Exception):
    """Another supervisor works on the same data folder."""

    code = "data_folder_in_use"


@dataclasses.dataclass
class _Seat:
    """The place of one specification: its child, or when the next one is due."""

    spec: ProcessSpec
    child: children.Child | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    failures: int = 0


class Supervisor:
    """Keeps processes running; use it as a context manager, then `wait()`."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        run: Path,
        logs: Path,
        directory: Path,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._run = run
        self._logs = logs
        self._directory = directory
        self._say = say
        self._seats = {spec.name: _Seat(spec) for spec in sorted(specs, key=lambda each: each.layer)}
        self._records = run / "children"
        self._guard = threading.RLock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Start everything; what an earlier run left is ended first."""
        self._lock = _hold(processes.private_folder(self._run) / "up.lock")
        try:
            processes.private_folder(self._records)
            for name in children.end_orphans(self._records):
                self._say(f"ended {name}, left by an earlier run")
            with self._guard:
                for seat in self._seats.values():
                    self._start(seat)
            self._watcher.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, whatever happened."""
        self.stop()

    def launch(self, spec: ProcessSpec) -> None:
        """Add one more process while running."""
        with self._guard:
            if spec.name in self._seats:
                raise ValueError(f"{spec.name} runs already")
            self._seats[spec.name] = _Seat(spec)
            self._start(self._seats[spec.name])

    def dismiss(self, name: str) -> None:
        """Stop one process for good."""
        with self._guard:
            seat = self._seats.pop(name)
        self._stop_together([seat])

    def pid(self, name: str) -> int | None:
        """Say which process fills a place; None while it is between two."""
        child = self._seats[name].child
        return child.process.pid if child and child.exit_code() is None else None

    def wait(self) -> None:
        """Wait until somebody asks to stop: returns after Ctrl-C or SIGTERM under `stop_on_signals`."""
        while not self._stopping.wait(1.0):
            pass

    def stop(self) -> None:
        """Stop the layers from the highest down, within bounded time, and give the data folder free."""
        self._stopping.set()
        if self._watcher.is_alive():
            self._watcher.join()
        by_layer = sorted(self._seats.values(), key=lambda seat: -seat.spec.layer)
        for _, layer in itertools.groupby(by_layer, key=lambda seat: seat.spec.layer):
            self._stop_together(list(layer))
        if self._lock is not None:
            children.end_orphans(self._records)  # what was being started as the signal came
            os.close(self._lock)
            self._lock = None

    def check(self) -> None:
        """Restart what has died and is due; the watcher calls this all the time."""
        with self._guard:
            now = time.monotonic()
            for seat in self._seats.values():
                if seat.child is not None and (code := seat.child.exit_code()) is not None:
                    self._note_death(seat, code=code, now=now)
                if seat.child is None and seat.spec.restart and now >= seat.due_at:
                    self._start(seat)

    def _watch(self) -> None:
        while not self._stopping.wait(TICK_SECONDS):
            try:
                self.check()
            except OSError as problem:  # no process or no disk to be had: try again at the next tick
                self._say(f"could not restart: {problem}")

    def _start(self, seat: _Seat) -> None:
        seat.started_at = time.monotonic()
        try:
            seat.child = children.Child(
                seat.spec, logs=self._logs, records=self._records, directory=self._directory
            )
        except OSError:
            seat.failures += 1
            seat.due_at = seat.started_at + delay(seat.failures)
            raise

    def _note_death(self, seat: _Seat, *, code: int, now: float) -> None:
        if seat.child is not None:
            seat.child.clear()
            seat.child = None
        seat.failures = 0 if now - seat.started_at > HEALTHY_SECONDS else seat.failures + 1
        seat.due_at = now + delay(seat.failures)
        again = f"; starting again in {delay(seat.failures):g} s" if seat.spec.restart else ""
        self._say(f"{seat.spec.name} {describe(code)}{again} (log: {self._logs / seat.spec.name}.log)")

    def _stop_together(self, seats: Sequence[_Seat]) -> None:
        running = [seat.child for seat in seats if seat.child is not None]
        for step in range(max((len(child.spec.stop_steps) for child in running), default=0)):
            asked = [
                child for child in running if child.exit_code() is None and step < len(child.spec.stop_steps)
            ]
            for child in asked:
                child.ask_to_stop(child.spec.stop_steps[step][0])
            patience = max((child.spec.stop_steps[step][1] for child in asked), default=0.0)
            processes.wait_until(
                lambda: all(child.exit_code() is not None for child in running), seconds=patience
            )
        for child in running:
            child.clear()
        for seat in seats:
            seat.child = None


def delay(failures: int) -> float:
    """Say how long to wait before the next start, after so many deaths in a row."""
    return 0.0 if failures == 0 else min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (failures - 1))


def describe(code: int) -> str:
    """Put an exit code into words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Turn Ctrl-C, SIGTERM and a closed terminal into KeyboardInterrupt once; later ones are not heard."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hold(path: Path) -> int:
    """Hold a lock that ends with this process, however it ends."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise DataFolderInUse(
            f"process {holder} already runs on {path.parent.parent}; stop it first, or choose another data folder"
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock
