"""The process that examines, with one more check that does what a text file says; started as a script."""

import functools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

NOTHING = Path("/tmp/nothing-of-this-name")


def attempt(deed: Callable[[], object]) -> str:
    try:
        return f"possible: {deed()!r}"
    except OSError as error:
        return type(error).__name__


def probe() -> dict[str, str]:
    """What this process could still do that it should not; each attempt with what came of it."""
    return {
        "environment": ",".join(sorted(os.environ.keys() - {"LC_CTYPE"})),
        "working_folder": str(Path.cwd()),
        "socket": attempt(socket.socket),
        "local_socket": attempt(socket.socketpair),
        "program": attempt(lambda: subprocess.run(["/bin/true"], check=False)),
        "fork": attempt(lambda: os._exit(0) if os.fork() == 0 else None),
        "write": attempt(NOTHING.touch),
        "cut_off": attempt(lambda: os.truncate(__file__, 0)),
        "remove": attempt(NOTHING.unlink),
        "rename": attempt(lambda: NOTHING.rename("/tmp/nothing-else")),
        "kill": attempt(lambda: os.kill(os.getppid(), 0)),
        "many_files": attempt(lambda: os.dup2(0, 1000)),
        "nice": str(os.nice(0)),
    }


def spin() -> None:
    while True:
        pass


def say_for_ever(data: bytes) -> None:
    while True:
        sys.stdout.buffer.write(data)


def babble() -> None:
    sys.stdout.buffer.write(b"all is well\n")
    sys.stdout.flush()
    time.sleep(3600)


def fall_silent() -> None:
    os.close(1)
    os.close(2)
    time.sleep(3600)


DEEDS: dict[str, Callable[[], object]] = {
    "hang": lambda: time.sleep(3600),
    "spin": spin,
    "eat": lambda: [bytearray(1024**2) for _ in range(100_000)],
    "die": lambda: signal.raise_signal(signal.SIGSEGV),
    "leave": lambda: os._exit(3),
    "fall silent": fall_silent,
    "babble": babble,
    "flood": lambda: say_for_ever(b"x" * 1024**2),
    "chatter": lambda: say_for_ever(b'{"now": ["check T1-poison"]}\n' * 10_000),
    "probe": probe,
}


def poison(subject) -> Iterator[object]:
    from registry.verification import outcomes

    for file in subject.files(".txt"):
        found = DEEDS[file.start.decode()]()
        yield outcomes.passed("It did what it was told.", found=found)


def main() -> int:
    from registry.lifecycle import Severity
    from registry.verification import checks, child, examination

    added = checks.Check("T1-poison", "Poison", Severity.CRITICAL, poison)
    examination.run_checks = functools.partial(checks.run_checks, checks=(*checks.CHECKS, added))
    return child.main(sys.argv[2:])


if __name__ == "__main__":
    sys.path[:0] = sys.argv[1].split(":")
    sys.exit(main())
