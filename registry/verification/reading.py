"""Reads a folder of model files: every byte once, for all checks together. Pure, but for the files."""

import dataclasses
import os
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from pathlib import Path

from modelcustody_client import folder, manifest

from registry.formats import numbers, roles
from registry.verification import one_file
from registry.verification.one_file import Progress, Task
from registry.verification.pieces import Budget
from registry.verification.plans import is_weights
from registry.verification.subject import Expected, Seen

# Files up to this size are kept whole for the checks, as long as all together stay within the total.
KEEP_BYTES = 40 * 1024 * 1024
KEEP_TOTAL_BYTES = 64 * 1024 * 1024
# Headers and other pieces of files that are not kept whole; some 300,000 tensors.
PLAN_TOTAL_BYTES = 80 * 1024 * 1024
SAMPLE_TOTAL_BYTES = 16 * 1024 * 1024
# Of every file so many first bytes are kept; of very many files, fewer.
FIRST_BYTES, FEW_FIRST_BYTES, MANY_FILES = 4096, 512, 4096
# A file of more than this that is most of the work is read ahead by a thread of its own.
AHEAD_BYTES = 16 * 1024 * 1024
# Two more than there are processors: while some wait for the disk, others digest.
WORKERS = min(8, len(os.sched_getaffinity(0)) + 2)
# What the checks read most closely is kept first.
_KEPT_FIRST = {role: rank for rank, group in enumerate((
    ("config", "tokenizer", "template", "code"), ("license", "doc"), ("other", "weight"),
)) for role in group}  # fmt: skip


# Is told what is begun: "file" and its path, "base" and its model, "check" and its id. May come from several threads.
Now = Callable[[str, str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Reading:
    """What was read, and what could not be."""

    seen: Mapping[str, Seen]
    unreadable: Mapping[str, str]

    @property
    def bytes_read(self) -> int:
        """How many bytes passed through the digests."""
        return sum(file.size for file in self.seen.values())


def unwatched(kind: str, name: str) -> None:
    """Nobody asks what is being done."""


def read_folder(
    root: Path,
    expected: Mapping[str, Expected],
    *,
    progress: Progress,
    now: Now = unwatched,
    keep_bytes: int = KEEP_TOTAL_BYTES,
) -> Reading:
    """Stream every file below `root`; what `progress` raises ends the reading."""
    try:
        found = list_files(root)
    except manifest.BadManifest as error:
        return Reading(seen={}, unreadable={"": str(error)})
    tasks = _tasks(found, expected, keep_bytes=keep_bytes)
    budget, stop = Budget(PLAN_TOTAL_BYTES), threading.Event()

    def read(task: Task) -> Seen | str:
        now("file", task.path)
        if fault := _size_fault(task, expected):
            return fault
        try:
            return one_file.read(task, budget=budget, step=step)
        except OSError as error:
            return f"{task.path} cannot be read: {error.strerror or error}"

    def step(count: int) -> None:
        if stop.is_set():
            raise InterruptedError(0, "the reading was stopped")
        progress(count)

    with futures.ThreadPoolExecutor(max_workers=WORKERS) as pool:
        try:
            results = {task.path: result for task, result in zip(tasks, pool.map(read, tasks), strict=True)}
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    every = [(path, results[path]) for path in found]
    return Reading(
        seen={path: result for path, result in every if isinstance(result, Seen)},
        unreadable={path: result for path, result in every if isinstance(result, str)},
    )


def _size_fault(task: Task, expected: Mapping[str, Expected]) -> str:
    """Why a file is not read at all: it is far larger than it may be, as a sparse one can be for nothing."""
    listed = expected.get(task.path)
    if not expected or task.size <= (listed.size if listed else 0) + KEEP_BYTES:
        return ""
    wanted = f"the manifest says {listed.size:,}" if listed else "the manifest does not list it"
    return f"{task.path} has {task.size:,} bytes, but {wanted}, so that it was not read"


def list_files(root: Path) -> dict[str, Path]:
    """Each file below a folder by its path; of a single file, the file by its name. Raises `BadManifest`."""
    if root.is_file() and not root.is_symlink():
        manifest.check_paths([root.name])
        return {root.name: root}
    return folder.list_files(root)


def read_heads(root: Path, expected: Mapping[str, Expected]) -> dict[str, Seen]:
    """The small files of a folder, whole, as far as they are the manifest's; of weight files only their headers.

    A weight file is not read through, so that its digest is taken from the manifest; all that is claimed of it is
    what its header says. A manifest without digests (of a loose folder) holds nothing against what is read.
    """
    try:
        found = list_files(root)
    except manifest.BadManifest:
        return {}
    budget = Budget(PLAN_TOTAL_BYTES)
    tasks = _tasks(found, expected, keep_bytes=KEEP_TOTAL_BYTES)
    read = (_read_head(task, expected[task.path], budget=budget) for task in tasks if task.path in expected)
    return {file.path: file for file in sorted(filter(None, read), key=lambda file: file.path)}


def _read_head(task: Task, listed: Expected, *, budget: Budget) -> Seen | None:
    try:
        if not task.is_kept:
            seen = one_file.read_start(task, sha256=listed.sha256, budget=budget)
            return seen if seen.size == listed.size else None
        seen = one_file.read(task, budget=budget, step=lambda _: None)
    except OSError:
        return None
    return seen if listed.sha256 in ("", seen.sha256) else None


def _tasks(found: Mapping[str, Path], expected: Mapping[str, Expected], *, keep_bytes: int) -> list[Task]:
    """What to do with each file, the largest first, so that no thread is left alone with it at the end.

    A file that cannot be looked at here has the size 0, and says why when it is read.
    """
    sizes = {path: _size(target) for path, target in found.items()}
    kept = _kept(sizes, keep_bytes)
    total = sum(sizes.values())
    weight = sum(size for path, size in sizes.items() if is_weights(path))
    return [
        Task(
            path=path,
            target=found[path],
            size=sizes[path],
            first=FIRST_BYTES if len(found) <= MANY_FILES else FEW_FIRST_BYTES,
            is_kept=path in kept,
            with_oid=path in expected and expected[path].claim_kind == "git-oid",
            is_ahead=2 * sizes[path] > total and sizes[path] > AHEAD_BYTES,
            sampling=numbers.Share(SAMPLE_TOTAL_BYTES * sizes[path] // max(weight, 1)),
        )
        for path in sorted(found, key=lambda path: -sizes[path])
    ]


def _kept(sizes: Mapping[str, int], total: int) -> set[str]:
    """The files that are kept whole: what is read most closely first, then the smallest."""
    kept = set()
    for path in sorted(sizes, key=lambda path: (_KEPT_FIRST[roles.role_of(path)], sizes[path], path)):
        size = sizes[path]
        if size <= min(total, KEEP_BYTES) and not is_weights(path):
            total -= size
            kept.add(path)
    return kept


def _size(target: Path) -> int:
    try:
        return target.lstat().st_size
    except OSError:
        return 0
