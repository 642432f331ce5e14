"""Reads a pickle stream opcode by opcode, strictly and within bounds; gives names and arguments, runs nothing. Pure.

The table is that of Python's `pickletools`; how arguments are written is read from there, too, so that nothing is
left to a second reader's habits: text forms that only some readers accept are refused.
"""

import pickletools
import re
import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

from registry.formats import view

WINDOW_BYTES = 16 * 1024
MAX_OPCODES = 600_000
MAX_LINE_BYTES = 4096
# Longer texts and numbers are data whose content plays no part.
MAX_KEPT_TEXT = 4096
MAX_NUMBER_BYTES = 512
_INTEGER = re.compile(rb"-?[0-9]{1,1000}")
_FLOAT = re.compile(rb"-?(nan|inf|[0-9]+\.?[0-9]*(e[-+]?[0-9]{1,4})?)", re.IGNORECASE)
_FIXED = {"uint1": "<B", "uint2": "<H", "int4": "<i", "uint4": "<I", "uint8": "<Q", "float8": ">d"}
# The form of an argument that follows its own length: the form of the length, and what the bytes are.
_COUNTED = {
    "string1": ("<B", "old"),
    "string4": ("<i", "old"),
    "bytes1": ("<B", "bytes"),
    "bytes4": ("<I", "bytes"),
    "bytes8": ("<Q", "bytes"),
    "bytearray8": ("<Q", "bytes"),
    "unicodestring1": ("<B", "text"),
    "unicodestring4": ("<I", "text"),
    "unicodestring8": ("<Q", "text"),
    "long1": ("<B", "number"),
    "long4": ("<i", "number"),
}
_TABLE = {
    ord(opcode.code): (opcode.name, opcode.arg.name if opcode.arg else "", opcode.proto)
    for opcode in pickletools.opcodes
}


class Unreadable(ValueError):
    """The stream breaks off or holds what no pickle holds; `code` names the fault, `offset` the byte."""

    def __init__(self, code: str, message: str, *, offset: int) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset


class Opaque:
    """Data whose content plays no part: `text`, `bytes`, `number`."""

    __slots__ = ("kind", "size")

    def __init__(self, kind: str, size: int = 0) -> None:
        self.kind = kind
        self.size = size


class Opcode(NamedTuple):
    """One step of the stream."""

    name: str
    argument: Any
    offset: int
    end: int
    protocol: int


class _Cursor:
    """A place in the file that only moves forward."""

    def __init__(self, source: view.Bytes, at: int, *, end: int) -> None:
        self.at = at
        self.end = end
        self._source = source
        self._window = b""
        self._begin = at

    def take(self, length: int) -> bytes:
        """The next bytes; raises `Unreadable` where the file ends before."""
        self._reserve(length)
        begin = self.at - self._begin
        if begin < 0 or begin + length > len(self._window):
            self._begin, begin = self.at, 0
            self._window = self._source.read(self.at, min(max(length, WINDOW_BYTES), self.end - self.at))
        self.at += length
        return self._window[begin : begin + length]

    def skip(self, length: int) -> None:
        """Pass over bytes whose content plays no part."""
        self._reserve(length)
        self.at += length

    def line(self) -> bytes:
        """The bytes up to the next newline, which is passed over."""
        begin, found = self.at, b""
        while b"\n" not in found:
            if len(found) > MAX_LINE_BYTES:
                raise Unreadable("line_too_long", "holds a line without an end", offset=begin)
            found += self.take(max(min(64, self.end - self.at), 1))
        line = found[: found.index(b"\n")]
        self.at = begin + len(line) + 1
        return line

    def _reserve(self, length: int) -> None:
        if length < 0 or length > self.end - self.at:
            raise Unreadable("truncated", "ends in the middle of an instruction", offset=self.at)


def opcodes(source: view.Bytes, start: int = 0, *, end: int | None = None) -> Iterator[Opcode]:
    """The opcodes from `start` up to and with the first STOP; raises `Unreadable`, and `view.NotKept`."""
    cursor = _Cursor(source, start, end=source.size if end is None else end)
    frame_end = 0
    for _ in range(MAX_OPCODES):
        offset = cursor.at
        code = cursor.take(1)[0]
        if code not in _TABLE:
            raise Unreadable("unknown_opcode", f"holds an unknown instruction ({code:#04x})", offset=offset)
        name, form, protocol = _TABLE[code]
        argument: Any = _argument(cursor, form) if form else None
        if offset < frame_end < cursor.at:
            raise Unreadable("frame", "holds an instruction that leaves its frame", offset=offset)
        if name == "FRAME":
            if offset < frame_end or argument > cursor.end - cursor.at:
                raise Unreadable("frame", "holds a frame that does not fit", offset=offset)
            frame_end = cursor.at + argument
        yield Opcode(name, argument, offset, cursor.at, protocol)
        if name == "STOP":
            if cursor.at < frame_end:
                raise Unreadable("frame", "ends before its last frame does", offset=offset)
            return
    raise Unreadable("too_many", f"holds more than {MAX_OPCODES} instructions", offset=cursor.at)


def _argument(cursor: _Cursor, form: str) -> Any:
    if form in _FIXED:
        layout = struct.Struct(_FIXED[form])
        return layout.unpack(cursor.take(layout.size))[0]
    if form in _COUNTED:
        return _counted(cursor, *_COUNTED[form])
    offset = cursor.at
    line = cursor.line()
    if form == "stringnl_noescape_pair":
        return _plain(line, offset), _plain(cursor.line(), offset)
    return _LINES[form](line, offset) if form in _LINES else _number(line, form, offset)


def _number(line: bytes, form: str, offset: int) -> Any:
    if form == "floatnl" and _FLOAT.fullmatch(line):
        return float(line)
    if form == "decimalnl_long" and line.endswith(b"L"):
        line = line[:-1]
    if form == "decimalnl_short" and line in {b"00", b"01"}:
        return line == b"01"
    if form != "floatnl" and _INTEGER.fullmatch(line):
        return int(line)
    raise Unreadable("number", f"holds {line[:40]!a} where a number belongs", offset=offset)


def _counted(cursor: _Cursor, layout: str, kind: str) -> Any:
    offset = cursor.at
    (length,) = struct.unpack(layout, cursor.take(struct.calcsize(layout)))
    limit = {"number": MAX_NUMBER_BYTES, "bytes": 0}.get(kind, MAX_KEPT_TEXT)
    if not 0 <= length <= limit:
        cursor.skip(length)
        return Opaque("text" if kind == "old" else kind, length)
    data = cursor.take(length)
    if kind == "bytes":
        return Opaque("bytes")
    if kind == "number":
        return int.from_bytes(data, "little", signed=True)
    if kind == "old" and not data.isascii():
        return Opaque("text", length)  # bytes of Python 2, read as text or as bytes
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise Unreadable("text", "holds a text that is not UTF-8", offset=offset) from None


def _plain(line: bytes, offset: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("text", "holds a name that is not UTF-8", offset=offset) from None


def _quoted(line: bytes, offset: int) -> Any:
    inner = line[1:-1]
    if len(line) < 2 or line[:1] not in {b"'", b'"'} or line[-1:] != line[:1]:
        raise Unreadable("text", "holds a text without quotes", offset=offset)
    plain = b"\\" not in inner and line[:1] not in inner and inner.isascii()
    return inner.decode("ascii") if plain else Opaque("text", len(inner))


def _unescaped(line: bytes, offset: int) -> Any:
    return Opaque("text", len(line)) if b"\\" in line else line.decode("latin-1")


_LINES = {"stringnl_noescape": _plain, "stringnl": _quoted, "unicodestringnl": _unescaped}
