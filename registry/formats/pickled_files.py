"""Every pickle that loading a file could reach, whatever container it is in: what all of them would do. Pure.

Nothing is loaded. A file that is named like a pickle, or that holds one, is data only where all of it was understood.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import PurePosixPath

from registry.formats import numpy_arrays, pickles, torch_files, view, zips
from registry.formats.archives import Archive, BadArchive, Fault, Member
from registry.formats.pickle_machine import Refusal

# Loaders take files of these names for pickles, or for archives with a pickle in them.
PICKLES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".bin", ".pt", ".pth", ".ckpt"})
ARRAYS = frozenset({".npy", ".npz"})
# Of one file. Further ones are not followed, and the file is refused.
MAX_PICKLES = 64
MAX_STEPS = 1_000_000
_MEMBER_START = 256


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """Why a file is not only data. `message` continues "It ..."; `member` is the part of the archive it is about."""

    code: str
    message: str
    member: str = ""
    offset: int | None = None
    target: str = ""
    is_harmful: bool = False


_TOO_MANY = Problem("too_many", "holds more pickles than are followed")


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What a file that can hold pickles would do when it is loaded."""

    kind: str
    problems: tuple[Problem, ...] = ()
    targets: tuple[str, ...] = ()
    pickles: int = 0
    streams: tuple[bytes, ...] = ()  # the short ones among the pickles
    undecided: str = ""

    @property
    def worst(self) -> Problem | None:
        """The problem to name first: a call of what runs code, then another mention of it, then any."""
        ranked = sorted(
            self.problems,
            key=lambda found: (not found.is_harmful, found.code not in {"call", "computed_call"}),
        )
        return ranked[0] if ranked else None


def examine(path: str, source: view.Bytes) -> Verdict | None:
    """The verdict on a file, or None where it neither is nor claims to be of a kind that holds pickles."""
    suffix = PurePosixPath(path).suffix.lower()
    try:
        start = view.start_of(source)
        if start.startswith((zips.MAGIC, b"PK\x05\x06")):
            return _zip(suffix, source, start)
        if start.startswith(numpy_arrays.MAGIC) or suffix == ".npy":
            return _verdict("array", *_array(source.read(0, numpy_arrays.HEAD_BYTES), source.size, source))
        if suffix in PICKLES or (pickles.begins_like_one(start) and not _is_length(suffix, start)):
            return _pickle_file(source)
    except view.NotKept:
        return Verdict("pickle", undecided="the part of it that can run code is too large to be examined")
    return Verdict("array archive", (_unknown(),)) if suffix == ".npz" else None


def _is_length(suffix: str, start: bytes) -> bool:
    """Whether the first bytes are but the length of a safetensors header: those of some lengths begin a pickle, too.

    The brace behind the length is no instruction, so that a pickle breaks off there; it must have named nothing before.
    """
    return suffix == ".safetensors" and start[8:9] == b"{" and not pickles.follow(view.whole(start)).targets


def _unknown() -> Problem:
    return Problem("unknown", "is not what its name says, nor anything else that is understood")


def _verdict(kind: str, found: Iterable[pickles.Pickle], problems: Iterable[Problem]) -> Verdict:
    followed = list(found)
    return Verdict(
        kind=kind,
        problems=tuple(problems),
        targets=tuple(dict.fromkeys(target for pickle in followed for target in pickle.targets)),
        pickles=len(followed),
        streams=tuple(pickle.stream for pickle in followed if pickle.stream),
    )


def _problems(found: Iterable[pickles.Pickle], member: str = "") -> list[Problem]:
    return [_problem(refusal, member) for pickle in found for refusal in pickle.refusals]


def _problem(refusal: Refusal, member: str) -> Problem:
    return Problem(refusal.code, refusal.message, member, refusal.offset, refusal.target, refusal.is_harmful)


def _of_fault(fault: Fault) -> Problem:
    return Problem(fault.code, fault.message, fault.member)


def _pickle_file(source: view.Bytes) -> Verdict:
    first = pickles.follow(source)
    if torch_files.is_legacy(first):
        found = torch_files.follow_legacy(source, first)
        return _verdict("torch legacy", found, _problems(found))
    found = _row(source, first)
    return _verdict("pickle", found, _problems(found))


def _row(source: view.Bytes, first: pickles.Pickle) -> list[pickles.Pickle]:
    """The pickles of a file that should hold one: what stands behind it is refused, and followed where it is one."""
    found = [first]
    while found[-1].is_complete and found[-1].end < source.size and not _is_enough(found):
        end = found[-1].end
        found[-1] = found[-1].refused(Refusal("trailing", "is followed by something else", end))
        found.append(pickles.follow(source, end))
    return found


def _is_enough(found: list[pickles.Pickle]) -> bool:
    return len(found) >= MAX_PICKLES or sum(pickle.steps for pickle in found) > MAX_STEPS


def _array(
    head: bytes, size: int, source: view.Bytes | None, member: str = ""
) -> tuple[list[pickles.Pickle], list[Problem]]:
    """An array file, of which `source` is only needed where its elements are objects."""
    try:
        array = numpy_arrays.parse(head)
    except numpy_arrays.BadArray as error:
        return [], [Problem("array", str(error), member)]
    if array.has_objects and source is not None:
        first = pickles.follow(source, array.begin)
        found = _row(source, first)
        return found, _problems(found, member)
    if array.begin + array.size != size:
        return [], [Problem("array", "is not as long as its header says", member)]
    return [], []


def _zip(suffix: str, source: view.Bytes, start: bytes) -> Verdict | None:
    try:
        archive = zips.read(source)
    except BadArchive as error:
        if suffix in PICKLES | ARRAYS or b".pkl" in start:
            return Verdict("archive", (_of_fault(Fault(error.code, str(error), error.member)),))
        return None  # no more is known than that it is a broken archive, which another check says
    if torch_files.main_pickle(archive.files):
        return _torch(source, archive)
    if suffix in PICKLES:
        return _members(
            "archive", source, archive, [Fault("torch_layout", "holds no data.pkl, which torch would load")]
        )
    if suffix == ".npz":
        strange = [
            Fault("array", "is no array", member.name)
            for member in archive.files
            if not member.name.endswith(".npy")
        ]
        return _members("array archive", source, archive, strange)
    verdict = _members("archive", source, archive, [])
    return verdict if verdict.pickles or verdict.problems[len(archive.faults) :] else None


def _torch(source: view.Bytes, archive: Archive) -> Verdict:
    main = torch_files.main_pickle(archive.files)
    found: list[pickles.Pickle] = []
    problems = [_of_fault(fault) for fault in (*archive.faults, *torch_files.layout_faults(archive.files))]
    for member in (member for member in archive.files if member.name.endswith(".pkl")):
        if _is_enough(found):
            problems.append(_TOO_MANY)
            break
        try:
            data = view.whole(zips.unpack(source, member))
        except BadArchive as error:
            if error.code == "too_large":
                raise view.NotKept from None
            problems.append(Problem(error.code, str(error), member.name))
            continue
        row = _row(data, pickles.follow(data, with_storages=True))
        found += row
        problems += _problems(row, member.name)
        if member is main:
            missing = torch_files.storage_faults(row[0].storages, archive.files)
            problems += [_of_fault(fault) for fault in missing]
    return _verdict("torch archive", found, problems)


def _members(kind: str, source: view.Bytes, archive: Archive, faults: list[Fault]) -> Verdict:
    """Each member that is a pickle or an array, by its name or by its first bytes."""
    found: list[pickles.Pickle] = []
    problems = [_of_fault(fault) for fault in (*archive.faults, *faults)]
    for member in archive.files:
        if _is_enough(found):
            problems.append(_TOO_MANY)
            break
        try:
            row, more = _member(source, member)
        except BadArchive as error:
            if error.code == "too_large":
                raise view.NotKept from None
            row, more = [], [Problem(error.code, str(error), member.name)]
        found += row
        problems += more
    return _verdict(kind, found, problems)


def _member(source: view.Bytes, member: Member) -> tuple[list[pickles.Pickle], list[Problem]]:
    name = member.name.lower()
    start = zips.head(source, member, _MEMBER_START)
    if start.startswith(numpy_arrays.MAGIC) or name.endswith(".npy"):
        head = zips.head(source, member, numpy_arrays.HEAD_BYTES)
        try:
            is_pickled = numpy_arrays.parse(head).has_objects
        except numpy_arrays.BadArray:
            is_pickled = False  # what is wrong is said below
        whole = view.whole(zips.unpack(source, member)) if is_pickled else None
        return _array(head, member.size, whole, member.name)
    if PurePosixPath(name).suffix in {".pkl", ".pickle", ".joblib", ".dill"} or pickles.begins_like_one(
        start
    ):
        data = view.whole(zips.unpack(source, member))
        row = _row(data, pickles.follow(data))
        return row, _problems(row, member.name)
    return [], []
