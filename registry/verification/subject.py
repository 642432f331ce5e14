"""What the checks look at: the manifest, what was read from disk, and what is known beside it. Pure."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from governance.policy.signature import TrustedSigner
from registry.formats import gguf, gguf_header, safetensors, strict_json
from registry.formats.view import View
from registry.observed import SourceFacts


@dataclasses.dataclass(frozen=True, slots=True)
class Expected:
    """One file of the manifest, with what the source claimed of it before it was read."""

    path: str
    size: int
    sha256: str
    role: str
    claimed_digest: str = ""
    claim_kind: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """One file as it was read, once: its digests and the bytes that the checks need.

    `start` holds the whole file where `is_whole`, else its first bytes.
    """

    path: str
    size: int
    sha256: str
    start: bytes = b""
    is_whole: bool = False
    git_oid: str = ""
    # Small pieces from the inside of a file, by their offset: what the sampling of numbers looks at.
    samples: Mapping[int, bytes] = dataclasses.field(default_factory=dict)
    # The header of a weight file, or what is wrong with it, where the reading looked at it already.
    header: object = None
    # (device, inode, size, mtime_ns, ctime_ns) while it was read.
    state: tuple[int, ...] = ()

    @property
    def view(self) -> View:
        """What was kept of the file, by offset."""
        return View(self.size, {0: self.start, **self.samples})

    @property
    def suffix(self) -> str:
        """The extension, lower case, with its dot."""
        return PurePosixPath(self.path).suffix.lower()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name


@dataclasses.dataclass(frozen=True, slots=True)
class LicenseClaim:
    """One finding about the licence: who says so, and where."""

    kind: str
    license_id: str
    path: str = ""
    by: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Ancestor:
    """A model that this one says it was made from."""

    model: str
    relation: str
    revision: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Base:
    """An ancestor that is registered here: its small files and weight headers, held against its own manifest."""

    model: str
    relation: str
    expected: Mapping[str, Expected]
    seen: Mapping[str, Seen]
    is_verified: bool = False


@dataclasses.dataclass(frozen=True)
class Subject:
    """Everything that the checks of one run may know."""

    source_kind: str
    revision: str | None
    expected: Mapping[str, Expected]
    seen: Mapping[str, Seen]
    # Why the folder or a file in it could not be read at all; by path, "" for the folder.
    unreadable: Mapping[str, str] = dataclasses.field(default_factory=dict)
    licenses: tuple[LicenseClaim, ...] = ()
    model: str = ""  # publisher/name
    examined_on: str = ""  # RFC 3339, the time that expiries are held against; empty where time plays no part
    lineage: tuple[Ancestor, ...] = ()
    bases: tuple[Base, ...] = ()
    observed: SourceFacts | None = None  # the newest look at the source
    observed_on: str = ""  # RFC 3339, when that look was taken
    earlier: SourceFacts | None = None  # the look that the version was registered from
    trusted: tuple[TrustedSigner, ...] = ()
    signature_required: bool = False
    # What was read of each file at the last complete reading: (state, sha256) by path.
    last_read: Mapping[str, tuple[tuple[int, ...], str]] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def headers(self) -> Mapping[str, safetensors.Header | safetensors.BadHeader]:
        """The header of every safetensors file, or what is wrong with it; parsed once for all checks."""
        return headers_of(self.seen)

    @functools.cached_property
    def ggufs(self) -> Mapping[str, gguf_header.Header | gguf_header.BadGguf]:
        """The header of every GGUF file, by its name or its first bytes, or what is wrong with it."""
        return {file.path: _gguf(file) for file in self.files() if is_gguf(file)}

    def files(self, *suffixes: str) -> list[Seen]:
        """The files that were read and end so, by path; all of them without a suffix."""
        return [
            self.seen[path]
            for path in sorted(self.seen)
            if not suffixes or self.seen[path].suffix in suffixes
        ]

    def role(self, path: str) -> str:
        """What the manifest says the file is for."""
        return self.expected[path].role if path in self.expected else "other"


def is_gguf(file: Seen) -> bool:
    """Whether a file is, or says that it is, of the GGUF format."""
    return file.suffix == ".gguf" or file.start.startswith(gguf.MAGIC)


def _gguf(file: Seen) -> gguf_header.Header | gguf_header.BadGguf:
    if isinstance(file.header, gguf_header.Header | gguf_header.BadGguf):
        return file.header
    try:
        return gguf.parse_header(file.start, file_size=file.size)
    except gguf_header.BadGguf as error:
        return error


def headers_of(seen: Mapping[str, Seen]) -> dict[str, safetensors.Header | safetensors.BadHeader]:
    """The header of every safetensors file among these, or what is wrong with it."""
    return {path: _header(seen[path]) for path in sorted(seen) if seen[path].suffix == ".safetensors"}


def _header(file: Seen) -> safetensors.Header | safetensors.BadHeader:
    if isinstance(file.header, safetensors.Header | safetensors.BadHeader):
        return file.header
    try:
        return safetensors.parse_header(file.start, file_size=file.size)
    except safetensors.BadHeader as error:
        return error


# Characters of the place of a member; what lies deeper has the place of where it was cut.
MAX_PLACE = 1000


class NotReadable(ValueError):
    """A file that a check must understand cannot be understood; the message says why."""


def text_of(file: Seen) -> str:
    """The whole file as text; raises `NotReadable`."""
    if not file.is_whole:
        raise NotReadable(f"{file.path} is too large ({file.size} bytes) to be examined")
    try:
        return file.start.decode("utf-8")
    except UnicodeDecodeError:
        raise NotReadable(f"{file.path} is not UTF-8 text") from None


def json_of(file: Seen) -> Any:
    """The whole file as JSON; raises `NotReadable`, also for a member that is named twice."""
    try:
        return strict_json.loads(text_of(file))
    except RecursionError:
        raise NotReadable(f"{file.path} is nested too deeply") from None
    except NotReadable:
        raise
    except ValueError as error:
        raise NotReadable(f"{file.path} is not JSON: {str(error)[:160]}") from None


def walk(value: Any, place: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every member of nested JSON as (place, name, value), without recursion; long places are cut short.

    One generator is held for each level, so that a list of millions costs no memory beside itself.
    """
    pending = [_inside(place, value)]
    while pending:
        step = next(pending[-1], None)
        if step is None:
            pending.pop()
            continue
        where, name, inner, below = step
        if name is not None:
            yield where, name, inner
        if isinstance(inner, dict | list):
            pending.append(_inside(below, inner))


def _inside(where: str, value: Any) -> Iterator[tuple[str, str | None, Any, str]]:
    """(place, name where it has one, value, place of what is in it) of each part of a group or list."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = str(key)
            below = f"{where}.{name[:MAX_PLACE]}".lstrip(".") if isinstance(inner, dict | list) else ""
            yield where, name, inner, below[:MAX_PLACE]
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, dict | list):
                yield where, None, inner, f"{where}[{index}]"[:MAX_PLACE]
