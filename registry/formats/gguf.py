"""Reads the header of a GGUF file (version 2 or 3), strictly and within bounds. Pure.

Stricter than the format's own reader, which accepts among others text of 2**62 bytes and tensors that overlap. Long
arrays, such as the tokens of a vocabulary, are stepped over: where they are is remembered, and `texts` reads them.
Source: ggml's `gguf.md`, and what llama.cpp's own loader refuses.
"""

import math
import re
import struct
from collections.abc import Generator, Iterable, Mapping, Sequence

from registry.formats import tensor_names
from registry.formats.gguf_header import Array, BadGguf, Header, Scalar, Tensor
from registry.formats.gguf_types import ARRAY, BOOL, STRING, TENSOR_TYPES, VALUE_KINDS

MAGIC = b"GGUF"
VERSIONS = frozenset({2, 3})
MAX_HEADER_BYTES = 48 * 1024 * 1024
MAX_VALUES = 4096
MAX_KEY_BYTES = 256
MAX_TEXT_BYTES = 4 * 1024 * 1024
MAX_ITEMS = 4 * 1024 * 1024
MAX_ITEM_BYTES = 64 * 1024
MAX_TENSORS = 100_000
MAX_NAME_BYTES = 127
MAX_RANK = 4
MAX_DIMENSION = 2**40
MIN_ALIGNMENT, MAX_ALIGNMENT, ALIGNMENT = 8, 65536, 32
# How much is asked for at a time while the end of the header is not known.
STEP_BYTES = 256 * 1024
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COUNT = struct.Struct("<Q")

# Asks for so many bytes from the start of the file, and goes on when they are there.
Steps = Generator[int, None, None]


class _Cursor:
    """A place in the part of the file that has been read, which grows."""

    def __init__(self, start: bytes | bytearray, *, file_size: int) -> None:
        self.start = start
        self.size = file_size
        self.at = 0

    def have(self, count: int) -> Steps:
        """Ask for more until `count` bytes from here on are there."""
        end = self.at + count
        while len(self.start) < end:
            if end > self.size:
                raise BadGguf("cut_off", f"the header goes on past the end of the file (byte {self.size})")
            if end > MAX_HEADER_BYTES:
                raise BadGguf("header_too_large", f"the header is larger than {MAX_HEADER_BYTES} bytes")
            yield min(max(end, len(self.start) + STEP_BYTES), self.size, MAX_HEADER_BYTES)

    def take(self, count: int) -> bytes:
        self.at += count
        return bytes(self.start[self.at - count : self.at])

    def number(self, layout: str, count: int) -> Generator[int, None, int | float]:
        yield from self.have(count)
        self.at += count
        value: int | float = struct.unpack_from(layout, self.start, self.at - count)[0]
        return value

    def count(self) -> Generator[int, None, int]:
        return int((yield from self.number("<Q", 8)))

    def text(self, what: str, limit: int) -> Generator[int, None, str]:
        length = yield from self.count()
        if length > limit:
            raise BadGguf(
                "text_too_long", f"{what} at byte {self.at - 8} claims {length} bytes; at most {limit}"
            )
        yield from self.have(length)
        try:
            return self.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise BadGguf("not_utf8", f"{what} before byte {self.at} is not UTF-8") from None


def parse_header(start: bytes, *, file_size: int) -> Header:
    """The header of a file that begins with `start` and is `file_size` bytes long; raises only `BadGguf`."""
    reading = steps(start, file_size=file_size)
    try:
        next(reading)
    except StopIteration as end:
        header: Header = end.value
        return header
    raise BadGguf("header_not_read", "the header was not read in full")


def steps(start: bytes | bytearray, *, file_size: int) -> Generator[int, None, Header]:
    """Read the header while `start` grows: yields how many bytes it needs next; raises only `BadGguf`."""
    cursor = _Cursor(start, file_size=file_size)
    version, tensor_count, value_count = yield from _opening(cursor)
    values: dict[str, Scalar | Array] = {}
    for _ in range(value_count):
        key = yield from _key(cursor)
        if key in values:
            raise BadGguf("duplicate_key", f"the key {key!a} appears twice, so readers may disagree on it")
        values[key] = yield from _value(cursor, key)
    alignment = _alignment(values)
    _check_architecture(values)
    if not tensor_count and "split.count" not in values:
        raise BadGguf("no_tensors", "the file names no tensors")
    tensors: list[Tensor] = []
    while len(tensors) < tensor_count:
        tensor = yield from _tensor(cursor, alignment)
        tensors.append(tensor)
    data_begin = cursor.at + -cursor.at % alignment
    if data_begin > file_size and tensors:
        raise BadGguf("cut_off", f"the data should begin at byte {data_begin}, past the end of the file")
    yield from cursor.have(min(data_begin, file_size) - cursor.at)
    if any(cursor.take(min(data_begin, file_size) - cursor.at)):
        raise BadGguf("bad_padding", f"the bytes before the data (byte {data_begin}) are not zero")
    _check_names(tensors)
    _check_cover(tensors, alignment=alignment, data_bytes=max(file_size - data_begin, 0))
    return Header(version, alignment, values, tuple(tensors), data_begin)


def _opening(cursor: _Cursor) -> Generator[int, None, tuple[int, int, int]]:
    """The version, how many tensors there are, and how many values."""
    if cursor.size < 24:
        raise BadGguf("too_small", "the file is too small to hold a header")
    yield from cursor.have(24)
    if cursor.take(4) != MAGIC:
        raise BadGguf("not_gguf", "the file does not begin with GGUF")
    version, tensor_count, value_count = struct.unpack("<IQQ", cursor.take(20))
    if version in VERSIONS:
        pass
    elif version & 0xFFFF == 0:
        raise BadGguf("big_endian", "the file is written for big-endian machines, which is not supported")
    else:
        raise BadGguf("bad_version", f"the file is of GGUF version {version}; 2 and 3 are supported")
    if tensor_count > MAX_TENSORS:
        raise BadGguf(
            "too_many_tensors", f"{tensor_count} tensors are claimed; at most {MAX_TENSORS} are accepted"
        )
    if value_count > MAX_VALUES:
        raise BadGguf(
            "too_many_values", f"{value_count} values are claimed; at most {MAX_VALUES} are accepted"
        )
    return version, tensor_count, value_count


def _key(cursor: _Cursor) -> Generator[int, None, str]:
    key = yield from cursor.text("a key", MAX_KEY_BYTES)
    if not _KEY.fullmatch(key):
        raise BadGguf(
            "bad_key", f"the key {key!a} before byte {cursor.at} has other characters than letters and digits"
        )
    return key


def _value(cursor: _Cursor, key: str) -> Generator[int, None, Scalar | Array]:
    kind = int((yield from cursor.number("<I", 4)))
    if kind not in VALUE_KINDS:
        raise BadGguf(
            "unknown_kind", f"the value of {key} at byte {cursor.at - 4} is of the unknown kind {kind}"
        )
    if kind == ARRAY:
        return (yield from _array(cursor, key))
    if kind == STRING:
        return (yield from cursor.text(f"the text of {key}", MAX_TEXT_BYTES))
    _, layout, width = VALUE_KINDS[kind]
    yield from cursor.have(width)
    if kind == BOOL and cursor.start[cursor.at] > 1:
        raise BadGguf("bad_bool", f"the value of {key} at byte {cursor.at} is neither true nor false")
    return (yield from cursor.number(layout, width))


def _array(cursor: _Cursor, key: str) -> Generator[int, None, Array]:
    kind = int((yield from cursor.number("<I", 4)))
    if kind == ARRAY:
        raise BadGguf(
            "nested_array", f"the list {key} at byte {cursor.at - 4} holds lists, which no model needs"
        )
    if kind not in VALUE_KINDS:
        raise BadGguf("unknown_kind", f"the list {key} at byte {cursor.at - 4} is of the unknown kind {kind}")
    name, _, width = VALUE_KINDS[kind]
    count = yield from cursor.count()
    if count > MAX_ITEMS:
        raise BadGguf(
            "array_too_long", f"the list {key} claims {count} items; at most {MAX_ITEMS} are accepted"
        )
    array = Array(name, count, cursor.at)
    if kind == STRING:
        yield from _skip_texts(cursor, key, count)
    else:
        yield from cursor.have(count * width)
        cursor.at += count * width
        if kind == BOOL and bytes(cursor.start[array.offset : cursor.at]).strip(b"\x00\x01"):
            raise BadGguf("bad_bool", f"the list {key} at byte {array.offset} holds more than true and false")
    return array


def _skip_texts(cursor: _Cursor, key: str, count: int) -> Steps:
    """Step over text after text; the hot loop of a large vocabulary."""
    start, at, there = cursor.start, cursor.at, len(cursor.start)
    length_at = _COUNT.unpack_from
    for _ in range(count):
        if at + 8 > there:
            cursor.at = at
            yield from cursor.have(8)
            there = len(start)
        length = length_at(start, at)[0]
        if length > MAX_ITEM_BYTES:
            raise BadGguf(
                "text_too_long",
                f"an item of {key} at byte {at} claims {length} bytes; at most {MAX_ITEM_BYTES}",
            )
        at += 8 + length
    cursor.at = at
    yield from cursor.have(0)


def _alignment(values: Mapping[str, Scalar | Array]) -> int:
    value = values.get("general.alignment", ALIGNMENT)
    if type(value) is not int or not MIN_ALIGNMENT <= value <= MAX_ALIGNMENT or value & (value - 1):
        shown = f"{value!r:.40}"
        raise BadGguf(
            "bad_alignment",
            f"general.alignment is {shown}, no power of two from {MIN_ALIGNMENT} to {MAX_ALIGNMENT}",
        )
    return value


def _check_architecture(values: Mapping[str, Scalar | Array]) -> None:
    """The file says what it is; the later parts of a split model leave that to the first, and measurements have none."""
    value, part = values.get("general.architecture"), values.get("split.no")
    if value is None and (values.get("general.type") == "imatrix" or (type(part) is int and part > 0)):
        return
    if not isinstance(value, str) or not _ARCHITECTURE.fullmatch(value):
        raise BadGguf("no_architecture", "the file does not name the architecture of its model")


def _tensor(cursor: _Cursor, alignment: int) -> Generator[int, None, Tensor]:
    name = yield from cursor.text("a tensor's name", MAX_NAME_BYTES)
    rank = int((yield from cursor.number("<I", 4)))
    if not 1 <= rank <= MAX_RANK:
        raise BadGguf("bad_rank", f"tensor {name!a} has {rank} dimensions; 1 to {MAX_RANK} are accepted")
    yield from cursor.have(8 * rank + 12)
    *shape, kind, offset = struct.unpack(f"<{rank}QIQ", cursor.take(8 * rank + 12))
    if any(not 0 < size <= MAX_DIMENSION for size in shape):
        raise BadGguf("bad_shape", f"tensor {name!a} has no sensible shape: {shape}")
    packing = TENSOR_TYPES.get(kind)
    if packing is None:
        raise BadGguf("unknown_dtype", f"tensor {name!a} is of the unknown type {kind}")
    if shape[0] % packing.block:
        raise BadGguf(
            "bad_block",
            f"tensor {name!a} has rows of {shape[0]}; {packing.name} packs {packing.block} at a time",
        )
    if offset % alignment:
        raise BadGguf("unaligned", f"tensor {name!a} begins at {offset}, which is no multiple of {alignment}")
    size = math.prod(shape) // packing.block * packing.block_bytes
    return Tensor(name, packing.name, tuple(shape), offset, offset + size)


def _check_names(tensors: Sequence[Tensor]) -> None:
    for tensor in tensors:
        if not tensor.name.isascii():
            raise BadGguf("bad_name", f"tensor {tensor.name!a} has other characters than ASCII in its name")
    if fault := tensor_names.fault_of(tensor.name for tensor in tensors):
        raise BadGguf(*fault)


def _check_cover(tensors: Iterable[Tensor], *, alignment: int, data_bytes: int) -> None:
    """The tensors fill the data part: no overlap, and no hole but what the alignment needs, also at the end."""
    ends = 0
    for tensor in sorted(tensors, key=lambda item: (item.begin, item.end)):
        expected = ends + -ends % alignment
        if tensor.begin != expected:
            fault = "overlaps the one before it" if tensor.begin < ends else "leaves a hole before it"
            raise BadGguf(
                "not_contiguous", f"tensor {tensor.name!a} at {tensor.begin} {fault} (expected at {expected})"
            )
        ends = tensor.end
    if not ends <= data_bytes <= ends + -ends % alignment:
        raise BadGguf(
            "wrong_length",
            f"the tensors need {ends} bytes of data, the file has {data_bytes}: cut off or appended to",
        )
