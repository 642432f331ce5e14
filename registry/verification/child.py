"""The process that reads the files and runs the checks: confined before it looks at a byte of them."""

import faulthandler
import functools
import importlib.metadata
import os
import platform
import resource
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

from registry.confinement import calls, kernel
from registry.verification import examination, wire
from registry.verification.checks import TOOL, TOOL_VERSION

REPORT_SECONDS = 0.2
# What Python says where there is no memory for a thread's stack; it has no exception of its own for that.
NO_THREAD = "can't start new thread"
# What parses foreign bytes beside our own code.
LIBRARIES = ("jinja2", "msgspec", "cryptography")


class Reporter:
    """Tells the worker what is being done and how much was read, at most a few times a second."""

    def __init__(self, out: BinaryIO) -> None:
        self.out = out
        self._lock = threading.Lock()
        self._read = 0
        self._now: dict[int, str] = {}
        self._next = 0.0

    def advance(self, count: int) -> None:
        """Add to the bytes read."""
        with self._lock:
            self._read += count
            self._tell(is_urgent=False)

    def begin(self, kind: str, name: str) -> None:
        """Say what this thread does from now on."""
        thread = threading.get_ident()
        with self._lock:
            if kind != "file":
                self._now.clear()  # the threads that read have ended
            self._now[thread] = f"{kind} {wire.plain(name)}"
            self._tell(is_urgent=True)

    def end(self, line: wire.Line) -> None:
        """Say the last thing."""
        with self._lock:
            self.out.write(wire.encode_line(line))
            self.out.flush()

    def _tell(self, *, is_urgent: bool) -> None:
        now = time.monotonic()
        if not is_urgent and now < self._next:
            return
        line = wire.Line(read=self._read, now=tuple(sorted(self._now.values())))
        self._read, self._next = 0, now + REPORT_SECONDS
        self.out.write(wire.encode_line(line))
        self.out.flush()


def main(arguments: list[str]) -> int:
    """Confine this process, then carry out the task on stdin; the arguments are `isolated.command`'s."""
    parent, memory_bytes, cpu_seconds = (int(text) for text in arguments[:3])
    faulthandler.enable()
    network, system_calls = confine(parent, memory_bytes=memory_bytes, cpu_seconds=cpu_seconds)
    tools()  # while it is certain that files can still be opened
    task = wire.decode_task(sys.stdin.buffer.read())
    reporter = Reporter(sys.stdout.buffer)
    try:
        found = examination.examine(
            Path(task.root), task.question, progress=reporter.advance, now=reporter.begin
        )
        reporter.end(
            wire.Line(
                examination=found, surroundings=surroundings(network=network, system_calls=system_calls)
            )
        )
    except MemoryError:
        reporter.end(wire.Line(stopped="memory"))
    except RuntimeError as error:
        if NO_THREAD not in str(error):
            raise
        reporter.end(wire.Line(stopped="memory"))
    return 0


def confine(parent: int, *, memory_bytes: int, cpu_seconds: int) -> tuple[str, str]:
    """Take from this process what it does not need; returns how it was cut off, and how its calls are filtered."""
    kernel.die_with_parent()
    if os.getppid() != parent:
        sys.exit("the worker is gone")
    kernel.give_way()
    try:
        network = kernel.cut_off()
    except OSError as error:
        network = f"not possible here: {error.strerror or error}"
    kernel.gain_no_privileges()
    kernel.limit_resources(memory_bytes=memory_bytes, cpu_seconds=cpu_seconds)
    try:
        system_calls = calls.refuse_calls()
    except OSError as error:
        system_calls = f"not possible here: {error.strerror or error}"
    return network, system_calls


@functools.cache
def tools() -> dict[str, str]:
    """The versions of the checks and of what they lean on."""
    return {TOOL: TOOL_VERSION, **{name: importlib.metadata.version(name) for name in LIBRARIES}}


def surroundings(*, network: str, system_calls: str) -> wire.Surroundings:
    """What the record of the run says of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return wire.Surroundings(
        host=platform.node(),
        python=platform.python_version(),
        tools=tools(),
        network=network,
        system_calls=system_calls,
        peak_memory_bytes=_peak_memory_bytes(),
        cpu_seconds=round(used.ru_utime + used.ru_stime, 3),
    )


def _peak_memory_bytes() -> int:
    """The most memory that was resident since this program began; `getrusage` counts its parent's before that, too."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
