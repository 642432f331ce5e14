"""Tar archives with one spelling: sorted plain files, no times, no owners, no slack. Pure.

The bytes are those of Python's `tarfile` in its ustar format with default `TarInfo`s. Reading accepts these bytes
and no others, so that every bit of an archive means something and a changed one is seen.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from modelcustody_client import errors

BLOCK = 512
RECORD = 20 * BLOCK
MAX_ARCHIVE_BYTES = 4 * 1024**3
MAX_MEMBER_BYTES = 64 * 1024**2
MAX_MEMBERS = 500_000
_READ_SIZE = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


class ArchiveInvalid(errors.Refused):
    """The archive is not in the one form that is accepted, or is over a limit."""

    code = "archive_invalid"


@dataclasses.dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: where its bytes lie, and their SHA-256."""

    name: str
    offset: int
    size: int
    sha256: str


class Archive:
    """An archive that was read through once; members are fetched by name."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.members = {member.name: member for member in _scan(stream)}

    def read(self, name: str) -> bytes:
        """Return the bytes of a member; they are what was hashed when the archive was opened."""
        member = self.members.get(name)
        if member is None:
            raise ArchiveInvalid(f"{name} is not in the archive")
        self._stream.seek(member.offset)
        data = _read_exactly(self._stream, member.size)
        if hashlib.sha256(data).hexdigest() != member.sha256:
            raise ArchiveInvalid(f"{name} changed while the archive was read")
        return data


def write_archive(files: Iterable[tuple[str, bytes]], *, stream: BinaryIO) -> None:
    """Write name and bytes of each file; names must come in ascending order."""
    written, previous = 0, ""
    for name, data in files:
        if name <= previous:
            raise ArchiveInvalid(f"{name!a} does not come after {previous!a}")
        if len(data) > MAX_MEMBER_BYTES:
            raise ArchiveInvalid(f"{name} is larger than {MAX_MEMBER_BYTES} bytes")
        stream.write(header(name, size=len(data)) + data + b"\0" * (-len(data) % BLOCK))
        written += BLOCK + len(data) + -len(data) % BLOCK
        previous = name
    stream.write(b"\0" * _trailer_size(written))


def header(name: str, *, size: int) -> bytes:
    """Return the one header block that a file of this name and size has."""
    if not _NAME.fullmatch(name) or len(name) > 100:
        raise ArchiveInvalid(f"{name[:120]!a} is no name for a member")
    fields = (
        (name.encode("ascii"), 100),
        (b"0000644\0", 8),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (b"%011o\0" % size, 12),
        (b"00000000000\0", 12),
        (b" " * 8, 8),
        (b"0", 1),
        (b"", 100),
        (b"ustar\x0000", 8),
        (b"", BLOCK - 265),
    )
    block = b"".join(value.ljust(width, b"\0") for value, width in fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _trailer_size(written: int) -> int:
    end = written + 2 * BLOCK
    return end + -end % RECORD - written


def _scan(stream: BinaryIO) -> Iterator[Member]:
    length = stream.seek(0, 2)
    stream.seek(0)
    if length > MAX_ARCHIVE_BYTES:
        raise ArchiveInvalid(f"the archive is larger than {MAX_ARCHIVE_BYTES} bytes")
    previous, count = "", 0
    while True:
        start = stream.tell()
        block = _read_exactly(stream, BLOCK)
        if not any(block):
            break
        name, size = _parse_header(block)
        count += 1
        if name <= previous:
            raise ArchiveInvalid(f"{name} is in the archive twice, or out of order")
        if count > MAX_MEMBERS or size > MAX_MEMBER_BYTES:
            raise ArchiveInvalid(f"{name} is too large, or there are more than {MAX_MEMBERS} members")
        offset = stream.tell()
        yield Member(name, offset, size, _hash(stream, size))
        if any(_read_exactly(stream, -size % BLOCK)):
            raise ArchiveInvalid(f"there are bytes hidden after {name}")
        previous = name
    rest = _read_exactly(stream, _trailer_size(start) - BLOCK)
    if any(rest) or stream.read(1):
        raise ArchiveInvalid("there are bytes after the end of the archive")


def _parse_header(block: bytes) -> tuple[str, int]:
    """Read name and size, then hold the whole block against the one that they must have."""
    name = block[:100].rstrip(b"\0").decode("ascii", "replace")
    digits = block[124:135]
    if not (digits.isdigit() and all(digit < ord("8") for digit in digits)):
        raise ArchiveInvalid(f"{name!a} has no proper size")
    size = int(digits, 8)
    if header(name, size=size) != block:
        raise ArchiveInvalid(
            f"{name!a} is not a plain file of an evidence pack (a link, an owner, a time, another format)"
        )
    return name, size


def _hash(stream: BinaryIO, size: int) -> str:
    digest, left = hashlib.sha256(), size
    while left:
        chunk = _read_exactly(stream, min(left, _READ_SIZE))
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise ArchiveInvalid("the archive is cut short")
    return data
