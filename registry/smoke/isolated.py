"""Runs a command cut off from the network; started as a script by the engine's own interpreter.

Arguments: a file for the report, then the command. The new network namespace has a loopback of its own and nothing
else, so the command can be reached through a Unix socket only. Where the kernel does not permit that, the command runs
all the same, and the report says so.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x41


def cut_off() -> str:
    """Enter a new network namespace; return what was done, for the report."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return f"offline_settings: {os.strerror(ctypes.get_errno())}"
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - one write, as the kernel wants it
                file.write(text)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))
    return "namespace"


def die_with_parent(number: int) -> None:
    """Ask the kernel for this signal when the parent dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def end_all(_number: int, _frame: object) -> None:
    """Kill the whole process group, this process too."""
    os.killpg(0, signal.SIGKILL)


def run_guarded(command: list[str]) -> int:
    """Run the command and wait for it; when the worker dies, even by kill -9, nothing of the engine is left."""
    worker = os.getppid()
    child = os.fork()
    if child == 0:
        die_with_parent(signal.SIGKILL)
        os.execv(command[0], command)  # noqa: S606 - no shell, and that is meant
    signal.signal(signal.SIGUSR1, end_all)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the command gets it too, and decides
    die_with_parent(signal.SIGUSR1)
    if os.getppid() != worker:
        end_all(signal.SIGUSR1, None)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    report, *arguments = sys.argv[1:]
    try:
        result = cut_off()
    except OSError as error:
        result = f"offline_settings: {error}"
    with open(report, "w") as out:  # noqa: PTH123
        out.write(result)
    sys.exit(run_guarded(arguments))
