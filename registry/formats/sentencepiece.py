"""Walks a SentencePiece model (protocol buffers) for its pieces, within bounds. Pure.

ModelProto: field 1 repeated SentencePiece (1 piece, 2 score, 3 type), 2 TrainerSpec, 3 NormalizerSpec.
"""

import dataclasses
from collections.abc import Iterator

MAX_BYTES = 64 * 1024 * 1024
MAX_PIECES = 2_000_000
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class BadModel(ValueError):
    """The bytes are not a SentencePiece model."""


@dataclasses.dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces by id."""

    names: tuple[str, ...]

    @property
    def repeated(self) -> int:
        """How many pieces have a name that another one has."""
        return len(self.names) - len(set(self.names))


def parse(data: bytes) -> Pieces:
    """Every piece in order; raises only `BadModel`."""
    if len(data) > MAX_BYTES:
        raise BadModel(f"it is longer than {MAX_BYTES} bytes")
    names, at = _plain(data)
    for field, value in _fields(data, at, len(data)):
        if field == 1:
            if value is None:
                raise BadModel("a piece is no message")
            names.append(_name(data, *value))
            if len(names) > MAX_PIECES:
                raise BadModel(f"it has more than {MAX_PIECES} pieces")
    if not names:
        raise BadModel("it has no pieces")
    return Pieces(tuple(names))


def _plain(data: bytes) -> tuple[list[str], int]:
    """The pieces at the start as far as they are written in the usual way (name, score, maybe type), and their end."""
    names: list[str] = []
    at, end = 0, len(data) - 260
    while at < end and data[at] == 0x0A and data[at + 2] == 0x0A and len(names) < MAX_PIECES:
        size, length = data[at + 1], data[at + 3]
        rest = at + 4 + length
        # After the name come the score (a tag and 4 bytes) and perhaps the type (a tag and one byte).
        usual = size - length == 7 or (
            size - length == 9 and data[rest + 5] == 0x18 and data[rest + 6] < 0x80
        )
        if not usual or size > 0x7F or length > 0x7F or data[rest] != 0x15:
            break
        try:
            names.append(data[at + 4 : rest].decode("utf-8"))
        except UnicodeDecodeError:
            raise BadModel("a piece is not UTF-8") from None
        at += 2 + size
    return names, at


def _name(data: bytes, start: int, end: int) -> str:
    for field, value in _fields(data, start, end):
        if field == 1 and value is not None:
            try:
                return data[value[0] : value[1]].decode("utf-8")
            except UnicodeDecodeError:
                raise BadModel("a piece is not UTF-8") from None
    return ""


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, tuple[int, int] | None]]:
    """Number of each field, and where its bytes are if it has a length."""
    while at < end:
        key, at = _varint(data, at, end)
        kind = key & 7
        if kind == _BYTES:
            size, at = _varint(data, at, end)
            if size > end - at:
                raise BadModel("a field is longer than the file")
            yield key >> 3, (at, at + size)
            at += size
        elif kind == _VARINT:
            _, at = _varint(data, at, end)
            yield key >> 3, None
        elif kind in {_EIGHT, _FOUR}:
            at += 8 if kind == _EIGHT else 4
            if at > end:
                raise BadModel("it ends in the middle of a field")
            yield key >> 3, None
        else:
            raise BadModel("it has a kind of field that is not known")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise BadModel("it ends in the middle of a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise BadModel("it has a number that is too long")
