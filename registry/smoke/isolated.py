"""Runs a command cut off from the network; started as a script by the engine's own interpreter.

Arguments: a file for the report, then the command. The new network namespace has a loopback of its own and nothing
else, so the command can be reached through a Unix socket only. Where the kernel does not permit that, the command runs
all the same, and the report says so.
"""

import os
import signal
import sys
from pathlib import Path


def cut_off() -> str:
    """Enter a new network namespace; return what was done, for the report."""
    from registry.confinement import kernel

    try:
        return kernel.cut_off()
    except OSError as error:
        return f"offline_settings: {error.strerror or error}"


def end_all(_number: int, _frame: object) -> None:
    """Kill the whole process group, this process too."""
    os.killpg(0, signal.SIGKILL)


def run_guarded(command: list[str]) -> int:
    """Run the command and wait for it; when the worker dies, even by kill -9, nothing of the engine is left."""
    from registry.confinement import kernel

    worker = os.getppid()
    child = os.fork()
    if child == 0:
        kernel.die_with_parent(signal.SIGKILL)
        os.execv(command[0], command)  # noqa: S606 - no shell, and that is meant
    signal.signal(signal.SIGUSR1, end_all)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the command gets it too, and decides
    kernel.die_with_parent(signal.SIGUSR1)
    if os.getppid() != worker:
        end_all(signal.SIGUSR1, None)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for this script alone, not for the command
    report, *arguments = sys.argv[1:]
    Path(report).write_text(cut_off(), encoding="utf-8")
    sys.exit(run_guarded(arguments))
