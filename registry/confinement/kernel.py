"""What a process asks of the Linux kernel to be kept from harm, and to keep others from it. Standard library only.

Every function acts on the calling process, and on what it starts later.
"""

import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x41
# Address space beside the memory that may be used: libraries, stacks of threads, arenas that are never touched.
ADDRESS_MARGIN_BYTES = 2 * 1024**3
OPEN_FILES = 256


def cut_off() -> str:
    """Enter a new network namespace with nothing but a loopback; raises OSError, also where it is not permitted.

    Must come before the first thread is started.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(CLONE_NEWNET) != 0:
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
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


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Ask the kernel for this signal when the thread that started this process ends."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)


def gain_no_privileges() -> None:
    """Have no program that is started from here on bring rights with it; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def limit_resources(*, memory_bytes: int, cpu_seconds: int) -> None:
    """Bound memory and processor time; no file may grow, no core may be left."""
    for kind, value in (
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_AS, memory_bytes + ADDRESS_MARGIN_BYTES),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        wanted = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(kind, (wanted, wanted))


def give_way() -> None:
    """Work at low priority, and be the first to go where the machine runs out of memory."""
    os.nice(10)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - one write, as the kernel wants it
            file.write("1000")
    except OSError:
        pass  # without it the kernel chooses for itself
