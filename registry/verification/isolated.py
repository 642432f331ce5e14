"""Has a version examined by a process of its own, which the files can do no more than break.

It has no database, no secrets, no network and bounded memory and time. Whatever it does, the worker lives on, and can
say which file was being read, or which check was being run, when it ended.
"""

import contextlib
import dataclasses
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import modelcustody_client

from registry.verification import wire
from registry.verification.checks import CHECKS
from registry.verification.examination import Examination, Question
from registry.verification.one_file import Progress
from registry.verification.reading import WORKERS

SCRIPT = Path(__file__).with_name("__main__.py")
TICK_SECONDS = 0.25
PIPE_BYTES = 1024 * 1024
LAST_WORDS_BYTES = 4096
MAPPED_BYTES = 64 * 1024 * 1024  # programs and libraries, which its own limits do not count
MOST_NAMED = 5
LAST_SECONDS = 2.0  # between the end of its output and its own


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """What one examination may take."""

    seconds: float
    memory_bytes: int


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What was found, and where and with what."""

    examination: Examination
    surroundings: wire.Surroundings


class NoAnswer(Exception):
    """The process ended without an answer; `str` is for people, `details` what it said last on stderr."""

    code = ""

    def __init__(self, words: str, *, details: str = "") -> None:
        super().__init__(words)
        self.details = details


class LimitReached(NoAnswer):
    """It took more time or memory than it may; the same again would end the same way."""

    code = "check_limit"


class Crashed(NoAnswer):
    """It was killed, broke down, or answered what is no answer."""

    code = "check_crashed"


def examine(root: Path, question: Question, *, limits: Limits, progress: Progress) -> Answer:
    """Examine a folder in a process of its own; raises `LimitReached`, `Crashed`, and what `progress` raises.

    `progress` is called a few times a second, also where nothing is read: with 0.
    """
    with tempfile.TemporaryFile() as given:
        given.write(wire.encode_task(wire.Task(str(root), question)))
        given.seek(0)
        process = _start(given, limits)
    try:
        return _Talk(process, limits).listen(progress)
    finally:
        _end(process)


def command(limits: Limits) -> list[str]:
    """How the process is started: no site of the user's, no `PYTHON…` variables, no bytecode written."""
    folders = {Path(__file__).parents[2], Path(modelcustody_client.__file__).parents[1]}
    numbers = (os.getpid(), limits.memory_bytes, int(limits.seconds * (WORKERS + 1)) + 1)
    return [
        sys.executable,
        "-I",
        "-B",
        str(SCRIPT),
        ":".join(sorted(str(folder) for folder in folders)),
        *(str(number) for number in numbers),
    ]


def _start(given: BinaryIO, limits: Limits) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(limits),
        stdin=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,  # a group of its own, to be killed as one
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    process.wait()


class _Talk:
    """Listens to one process until it has answered, has ended, or must be ended."""

    def __init__(self, process: "subprocess.Popen[bytes]", limits: Limits) -> None:
        self.process = process
        self.limits = limits
        self.deadline = time.monotonic() + limits.seconds
        self.now: tuple[str, ...] = ()
        self.last_words = bytearray()

    def listen(self, progress: Progress) -> Answer:
        """Hand progress on until the answer is there."""
        for line in self._lines():
            progress(line.read if line else 0)
            if line is None:
                self._check_limits()
            elif line.stopped:
                raise self._limit("memory")
            elif line.examination is not None and line.surroundings is not None:
                self._check_complete(line.examination)
                return Answer(line.examination, line.surroundings)
            elif line.now is not None:
                self.now = line.now
        raise self._crash()

    def _lines(self) -> Iterator[wire.Line | None]:
        """What it says, line by line, and None at least every `TICK_SECONDS`; ends with its output."""
        tick, begun, size = time.monotonic(), [], 0
        for data in self._pieces():
            begun.append(data)
            size += len(data)
            if b"\n" in data:
                *whole, rest = b"".join(begun).split(b"\n")
                begun, size = [rest], len(rest)
                yield from (self._line(text) for text in whole)
            if size > wire.ANSWER_BYTES:
                raise self._crash("it answered with more than an answer can be")
            if time.monotonic() - tick >= TICK_SECONDS:
                tick = time.monotonic()
                yield None

    def _check_complete(self, found: Examination) -> None:
        """No answer counts that leaves a check out: what was not asked has not passed."""
        missing = {check.check_id for check in CHECKS} - {outcome.check_id for outcome in found.outcomes}
        if missing:
            raise self._crash(f"its answer says nothing of {', '.join(sorted(missing)[:MOST_NAMED])}")

    def _line(self, text: bytes) -> wire.Line:
        try:
            return wire.decode_line(text)
        except wire.Nonsense as error:
            raise self._crash(f"it answered what is no answer ({error})") from None

    def _pieces(self) -> Iterator[bytes]:
        """Its output as it comes, and nothing at least every `TICK_SECONDS`; what it says on stderr is kept aside."""
        with selectors.DefaultSelector() as selector:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    selector.register(pipe, selectors.EVENT_READ)
            while selector.get_map():
                ready = selector.select(TICK_SECONDS)
                for key, _ in ready:
                    data = os.read(key.fd, PIPE_BYTES)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is self.process.stdout:
                        yield data
                    else:
                        self.last_words = (self.last_words + data)[-LAST_WORDS_BYTES:]
                yield b""

    def _check_limits(self) -> None:
        if time.monotonic() > self.deadline:
            raise self._limit("time")
        if _resident_bytes(self.process.pid) > self.limits.memory_bytes + MAPPED_BYTES:
            raise self._limit("memory")

    def _limit(self, what: str) -> LimitReached:
        allowed = (
            f"{self.limits.seconds:.0f} seconds"
            if what == "time"
            else f"{self.limits.memory_bytes // 1024**2} MiB of memory"
        )
        return LimitReached(
            f"The checks were ended: they took more than the {allowed} that they may take, {self._place()}.",
            details=self._details(),
        )

    def _crash(self, how: str = "") -> NoAnswer:
        if how:
            return Crashed(f"The checks broke down: {how}, {self._place()}.", details=self._details())
        try:
            code = self.process.wait(timeout=LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return self._crash("it closed its output and went on")
        if code == -signal.SIGXCPU:
            return self._limit("time")
        ended = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return Crashed(
            f"The checks broke down: their process {ended} before it had answered, {self._place()}.",
            details=self._details(),
        )

    def _place(self) -> str:
        """What it was at, as it said itself."""
        if not self.now:
            return "before they had begun"
        words = {"file": "reading", "base": "reading the copy of", "check": "running"}
        parts = (item.partition(" ") for item in self.now)
        return "while " + " and ".join(f"{words.get(kind, 'at')} {name}" for kind, _, name in parts)

    def _details(self) -> str:
        return self.last_words.decode("utf-8", "replace")


def _resident_bytes(pid: int) -> int:
    """How much memory a process holds; 0 where that cannot be told any more."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0
    return int(fields[1]) * os.sysconf("SC_PAGESIZE")
