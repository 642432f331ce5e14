"""Reads the attributes of an HDF5 file's root, within bounds: where Keras keeps the description of a model. Pure.

Source: HDF5 File Format Specification 3.0, sections II.A (superblock), IV.A.1 (object headers), IV.A.2 (messages
0x0C attribute, 0x10 continuation, 0x15 attribute info) and III.E (global heap). Weights are never read.
"""

import dataclasses
import struct

from registry.formats import view

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_HEADER_BYTES = 1024 * 1024
MAX_BLOCKS = 256
MAX_HEAP_BYTES = 8 * 1024 * 1024
_ATTRIBUTE, _CONTINUATION, _ATTRIBUTE_INFO = 0x0C, 0x10, 0x15
# Of the texts that are kept elsewhere, only these are looked for.
_FOLLOWED = frozenset({"model_config"})
_NOWHERE = b"\xff" * 8
_VARIABLE_LENGTH = 9


class BadFile(ValueError):
    """The root cannot be read: broken, too large, or of a form that is not known here."""


@dataclasses.dataclass(slots=True)
class _Block:
    """A piece of the root's object header."""

    offset: int
    length: int
    is_first: bool = False


def root_attributes(source: view.Bytes) -> dict[str, bytes]:
    """Name -> the bytes of the value, whatever they mean; raises `BadFile`, and `view.NotKept`."""
    try:
        begin = _root(source)
        if source.read(begin, 4) == b"OHDR":
            return _attributes(source, _second(source, begin), version=2)
        version, _, _, _, length = struct.unpack("<BBHII", source.read(begin, 12))
        if version != 1:
            raise BadFile("has a root of an unknown form")
        return _attributes(source, _Block(begin + 16, length, is_first=True), version=1)
    except (struct.error, IndexError, UnicodeDecodeError):
        raise BadFile("has a root that breaks off") from None


def _root(source: view.Bytes) -> int:
    """Where the object header of the root begins."""
    start = source.read(0, 96)
    version = start[8]
    at = {0: 24, 1: 28, 2: 12, 3: 12}.get(version)
    sizes = start[13:15] if version < 2 else start[9:11]
    if not start.startswith(MAGIC) or at is None or sizes != b"\x08\x08":
        raise BadFile("is of an unknown version")
    base = struct.unpack_from("<Q", start, at)[0]
    # behind the base: free space, end and driver, then the root's entry with its name; newer: extension and end
    root = struct.unpack_from("<Q", start, at + (40 if version < 2 else 24))[0]
    if base:
        raise BadFile("does not begin where the file does")
    return int(root)


def _second(source: view.Bytes, begin: int) -> _Block:
    """The first block of a header of version 2."""
    version, flags = source.read(begin + 4, 2)
    at = begin + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    length = int.from_bytes(source.read(at, width), "little")
    if version != 2 or flags & 0x04:
        raise BadFile("has a root of an unknown form")
    return _Block(at + width, length, is_first=True)


def _attributes(source: view.Bytes, first: _Block, *, version: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    pending, count, left = [first], 0, MAX_HEADER_BYTES
    while pending:
        block, count = pending.pop(), count + 1
        left -= block.length
        if left < 0 or count > MAX_BLOCKS:
            raise BadFile("has a root that is too large")
        data = source.read(block.offset, block.length)
        if version == 2 and not block.is_first:
            data = data[4:-4]  # its signature and its checksum
        for kind, message in _messages(data, version):
            if kind == _ATTRIBUTE:
                name, value = _attribute(source, message)
                found[name] = value
            elif kind == _CONTINUATION:
                pending.append(_Block(*struct.unpack_from("<2Q", message)))
            elif kind == _ATTRIBUTE_INFO and _NOWHERE not in message[2:]:
                raise BadFile("keeps the attributes of its root in a form that is not known here")
    return found


def _messages(data: bytes, version: int) -> list[tuple[int, bytes]]:
    head = 8 if version == 1 else 4
    found, at = [], 0
    while at + head <= len(data):
        kind, size = struct.unpack_from("<2H" if version == 1 else "<BH", data, at)
        if at + head + size > len(data):
            raise BadFile("has a root that breaks off")
        found.append((kind, data[at + head : at + head + size]))
        at += head + size
    return found


def _attribute(source: view.Bytes, message: bytes) -> tuple[str, bytes]:
    version, flags, name, datatype, dataspace = struct.unpack_from("<BBHHH", message)
    at, unit = (9, 1) if version == 3 else (8, 8 if version == 1 else 1)
    if version not in {1, 2, 3} or (version > 1 and flags):
        raise BadFile("has an attribute of an unknown form")
    name_text = message[at : at + name].rstrip(b"\0").decode("utf-8")
    kind_at = at + -(-name // unit) * unit
    value_at = kind_at + -(-datatype // unit) * unit + -(-dataspace // unit) * unit
    value = message[value_at:]
    if message[kind_at] & 0x0F == _VARIABLE_LENGTH:
        value = _heap_object(source, value[:16]) if name_text in _FOLLOWED else b""
    return name_text, value


def _heap_object(source: view.Bytes, reference: bytes) -> bytes:
    """A text of variable length, from its collection in the global heap."""
    length, address, wanted = struct.unpack("<IQI", reference)
    head = source.read(address, 16)
    size = int.from_bytes(head[8:16], "little")
    if not address or not head.startswith(b"GCOL") or size > MAX_HEAP_BYTES:
        raise BadFile("has a text that is not where it should be")
    heap, at = source.read(address, size), 16
    while at + 16 <= len(heap):
        index, _, _, taken = struct.unpack_from("<HHIQ", heap, at)
        if index == wanted and length <= taken:
            return heap[at + 16 : at + 16 + length]
        if not index:
            break
        at += 16 + -(-taken // 8) * 8
    raise BadFile("has a text that is not where it should be")
