"""Proves which process is which, so that only our own are ever signalled (Linux: /proc)."""

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

PROC = Path("/proc")
POLL_SECONDS = 0.05
LARGEST_LOG = 10 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    started: int
    boot: str


def identify(pid: int) -> ProcessIdentity | None:
    """Identify a living process; None where it is gone or only a zombie is left."""
    try:
        fields = _stat(PROC / str(pid))
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in {"Z", "X"}:
        return None
    return ProcessIdentity(pid=pid, started=int(fields[19]), boot=_boot())


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether exactly this process still runs."""
    return identify(identity.pid) == identity


def working_in(folder: Path) -> list[ProcessIdentity]:
    """Find the living processes whose working directory is exactly this folder."""
    try:
        wanted = folder.stat()
    except FileNotFoundError:
        return []
    return _having(lambda entry: os.path.samestat((entry / "cwd").stat(), wanted))


def carrying(variable: str) -> list[ProcessIdentity]:
    """Find the living processes that were started with this `NAME=value` in their environment."""
    wanted = variable.encode()
    return _having(lambda entry: wanted in (entry / "environ").read_bytes().split(b"\0"))


def members(group: int) -> list[ProcessIdentity]:
    """Find the living processes of a process group."""
    return _having(lambda entry: _stat(entry)[2] == str(group))


def send(number: signal.Signals, identities: Iterable[ProcessIdentity]) -> None:
    """Signal those of the processes that still are what they were."""
    for identity in identities:
        if is_alive(identity):
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, number)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for a condition for a bounded time; say whether it came."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def prepare_log(path: Path) -> Path:
    """Make room for a log: its folder, and one older copy when it has grown large."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_name(path.name + ".1"))
    return path


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may enter; refuse one that another user put there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid():
        raise PermissionError(
            f"{folder} belongs to user {status.st_uid}; remove it or choose another data folder"
        )
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _having(condition: Callable[[Path], bool]) -> list[ProcessIdentity]:
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # gone meanwhile, or another user's
                if condition(entry) and (identity := identify(int(entry.name))):
                    found.append(identity)
    return found


def _stat(entry: Path) -> list[str]:
    # The name comes before, in brackets, and may hold spaces and brackets of its own.
    return (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _boot() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
