"""A file as far as it was kept: parsers read it by offset and never learn more than what is at hand. Pure.

What reads a large file by offset runs twice: once with a `Recorder`, which notes the ranges that it asks for, and
once with a `View` of the bytes that were kept of these ranges while the file passed through its digest. Only what
the second one finds counts, so that a finding is always about the bytes that were hashed.
"""

import bisect
from collections.abc import Callable, Mapping
from typing import Protocol

# How much of one large file may be kept for the sake of its structure.
MAX_RECORDED_BYTES = 24 * 1024 * 1024
MAX_RANGES = 250_000
START_BYTES, FEW_START_BYTES = 4096, 512


class NotKept(LookupError):
    """The bytes asked for were not kept, or more would have to be kept than is allowed."""


class Bytes(Protocol):
    """A file of `size` bytes."""

    size: int

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on: `length` of them, or fewer where the file ends; raises `NotKept`."""


class View:
    """The pieces of a file that were kept, by their offset."""

    def __init__(self, size: int, pieces: Mapping[int, bytes]) -> None:
        self.size = size
        self._pieces = pieces
        self._offsets = sorted(pieces)

    def read(self, offset: int, length: int) -> bytes:
        """See `Bytes.read`."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        place = bisect.bisect_right(self._offsets, offset) - 1
        for begin in {self._offsets[place], 0} if place >= 0 else ():
            found = self._pieces.get(begin, b"")[offset - begin : offset - begin + length]
            if len(found) == length:
                return bytes(found)
        raise NotKept(f"bytes {offset} to {offset + length} were not kept")


def whole(data: bytes) -> View:
    """A view of bytes that are all at hand."""
    return View(len(data), {0: data})


def start_of(source: Bytes) -> bytes:
    """The first bytes, by which a file's kind is told: of folders with very many files, fewer were kept."""
    try:
        return source.read(0, START_BYTES)
    except NotKept:
        return source.read(0, FEW_START_BYTES)


class Recorder:
    """Reads a file by offset and notes what was asked for."""

    def __init__(self, size: int, read_at: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._read_at = read_at
        self._ranges: list[tuple[int, int]] = []
        self._left = MAX_RECORDED_BYTES

    def read(self, offset: int, length: int) -> bytes:
        """See `Bytes.read`."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        self._left -= length
        if self._left < 0 or len(self._ranges) >= MAX_RANGES:
            raise NotKept("more of the file would have to be kept than is allowed")
        self._ranges.append((offset, offset + length))
        return self._read_at(offset, length)

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """(offset, length) of all that was asked for, ascending, none touching the next."""
        merged: list[list[int]] = []
        for begin, end in sorted(self._ranges):
            if merged and begin <= merged[-1][1]:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([begin, end])
        return tuple((begin, end - begin) for begin, end in merged)
