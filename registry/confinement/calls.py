"""A filter of system calls (seccomp): no sockets, no programs, no change to any file or other process.

Needs no rights, and holds for every thread that is started later. Standard library only.
"""

import ctypes
import errno
import os
import platform
import struct

PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
# linux/filter.h, linux/seccomp.h: load a word, compare, return.
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW = 0x7FFF0000
REFUSE = 0x00050000
NUMBER_AT, MACHINE_AT, ARGUMENTS_AT = 0, 4, 16
X32_CALLS = 0x40000000  # on x86-64 the same calls a second time, under other numbers
CLONE_THREAD = 0x00010000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# AUDIT_ARCH_* of each machine, and its numbers (asm/unistd.h); a machine has some calls under newer names only.
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
REFUSED = {
    # network, and what goes past a filter
    "socket": (41, 198),
    "socketpair": (53, 199),
    "io_uring_setup": (425, 425),
    # programs and processes
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "kill": (62, 129),
    "tkill": (200, 130),
    "pidfd_open": (434, 434),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    # files
    "creat": (85, None),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    # the surroundings of the process
    "mount": (165, 40),
    "chroot": (161, 51),
    "pivot_root": (155, 41),
    "setns": (308, 268),
    "unshare": (272, 97),
    "bpf": (321, 280),
}
# What libraries try first and do without: their arguments lie in memory, where a filter cannot look.
MISSING = {"clone3": (435, 435), "openat2": (437, 437)}
# Call -> its numbers, which argument is looked at; refused with any of the bits, or without.
REFUSED_WITH = {"open": ((2, None), 1, WRITING), "openat": ((257, 56), 2, WRITING)}
REFUSED_WITHOUT = {"clone": ((56, 220), 0, CLONE_THREAD)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_calls() -> str:
    """Put the filter in place, after `kernel.gain_no_privileges`; raises OSError where there is none."""
    machine = platform.machine()
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no filter is known for {machine}")
    code = program(machine)
    kept = ctypes.create_string_buffer(code, len(code))
    libc = ctypes.CDLL(None, use_errno=True)
    given = _Program(len(code) // 8, ctypes.addressof(kept))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(given), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "filtered"


def program(machine: str) -> bytes:
    """The filter for a machine, in the kernel's own instructions."""
    place = list(MACHINES).index(machine)
    steps = [
        _step(LOAD, MACHINE_AT),
        _step(EQUAL, MACHINES[machine], no=0, yes=1),
        _step(RETURN, REFUSE | errno.EPERM),
        _step(LOAD, NUMBER_AT),
    ]
    if machine == "x86_64":
        steps += [_step(AT_LEAST, X32_CALLS, no=1), _step(RETURN, REFUSE | errno.EPERM)]
    for calls, answer in ((REFUSED, errno.EPERM), (MISSING, errno.ENOSYS)):
        for numbers in calls.values():
            if (number := numbers[place]) is not None:
                steps += [_step(EQUAL, number, no=1), _step(RETURN, REFUSE | answer)]
    for conditions, refuses_set in ((REFUSED_WITH, True), (REFUSED_WITHOUT, False)):
        for numbers, argument, bits in conditions.values():
            if (number := numbers[place]) is not None:
                steps += [
                    _step(EQUAL, number, no=4),
                    _step(LOAD, ARGUMENTS_AT + 8 * argument),
                    _step(ANY_BIT, bits, yes=0 if refuses_set else 1, no=1 if refuses_set else 0),
                    _step(RETURN, REFUSE | errno.EPERM),
                    _step(RETURN, ALLOW),
                ]
    return b"".join([*steps, _step(RETURN, ALLOW)])


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """One instruction (struct sock_filter); `yes` and `no` say how many are skipped."""
    return struct.pack("=HBBI", code, yes, no, value)
