"""Lists a zip archive, strictly: every reader must find the same members in it. Pure.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 (records), 4.4 (fields) and 4.5 (extra fields). Refused is whatever
lets two readers disagree: a directory that is not where the end record says, bytes that belong to no member, members
that overlap, local headers that say something else than the directory, encryption, and unusual compression.
"""

import struct
import zlib
from typing import NamedTuple

from registry.formats import view
from registry.formats.archives import (
    MAX_MEMBERS,
    MAX_UNPACKED_BYTES,
    Archive,
    BadArchive,
    Fault,
    Member,
    mode_fault,
    name_faults,
    size_fault,
)

MAGIC = b"PK\x03\x04"
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 2**16 - 1
_ALL_16, _ALL_32 = 2**16 - 1, 2**32 - 1
MAX_DIRECTORY_BYTES = 16 * 1024 * 1024
_DESCRIPTOR, _UTF8, _SPEED = 0x0008, 0x0800, 0x0006
_STORED, _DEFLATED = 0, 8
_ZIP64 = 0x0001
# Zip64 sizes, times, owners, and the padding that torch and Android's tools align members with.
_KNOWN_EXTRA = frozenset({_ZIP64, 0x5455, 0x5855, 0x7875, 0x7855, 0x000A, 0x4246, 0xD935, 0xCAFE})
_UNIX = 3
_HEAD_BYTES = 64 * 1024


class _Entry(NamedTuple):
    """One record of the central directory."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    header: int  # where its local header is


def read(source: view.Bytes) -> Archive:
    """List the archive; raises `BadArchive` where there is no directory to go by, and `view.NotKept`."""
    begin, length, count = _directory(source)
    if length > MAX_DIRECTORY_BYTES or count > MAX_MEMBERS:
        raise BadArchive("too_many", f"lists {count:,} members in {length:,} bytes, which is too many")
    entries, faults = _entries(source.read(begin, length), count)
    members, at = [], 0
    for entry in sorted(entries, key=lambda entry: entry.header):
        if entry.header < at:  # read no further: many members at one place would be read over and over
            raise BadArchive("layout", "overlaps another member", member=entry.name)
        if entry.header > at:
            faults.append(Fault("layout", "does not begin where the one before it ends", entry.name))
        member, at = _local(source, entry, faults)
        members.append(member)
    if at != begin:
        faults.append(Fault("layout", "holds bytes that belong to no member"))
    faults += name_faults(entry.name.removesuffix("/") for entry in entries)
    return Archive("zip", tuple(members), tuple(faults))


def is_hidden_in(source: view.Bytes) -> bool:
    """Whether a file that begins like something else ends like a zip archive, which many readers would open."""
    length = min(source.size, _END.size + _MAX_COMMENT)
    tail = source.read(source.size - length, length)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _END.size:
        return False
    fields = _END.unpack_from(tail, place)
    directory = source.size - length + place - fields[5]
    return directory >= 0 and _begins(source, directory, b"PK\x01\x02" if fields[5] else b"PK\x05\x06")


def _begins(source: view.Bytes, offset: int, magic: bytes) -> bool:
    try:
        return source.read(offset, 4) == magic
    except view.NotKept:
        return True  # what cannot be looked at is not taken for harmless


def _directory(source: view.Bytes) -> tuple[int, int, int]:
    """(offset, length, members) of the central directory, which must end where the end records begin."""
    at = source.size - _END.size
    tail = source.read(max(at, 0), _END.size)
    if at < 0 or not tail.startswith(b"PK\x05\x06"):
        raise BadArchive(
            "end", "does not end with the end record of a zip archive: cut off, commented or extended"
        )
    _, disk, first_disk, here, count, length, begin, comment = _END.unpack(tail)
    if disk or first_disk or here != count or comment:
        raise BadArchive("end", "is one part of several, or says that a comment follows where there is none")
    locator = source.read(max(at - _LOCATOR.size, 0), _LOCATOR.size)
    if at >= _LOCATOR.size + _END_64.size and locator.startswith(b"PK\x06\x07"):
        short, at = (begin, length, count), at - _LOCATOR.size - _END_64.size
        begin, length, count = _directory_64(source, at, _LOCATOR.unpack(locator))
        limits = (_ALL_32, _ALL_32, _ALL_16)
        exact = (begin, length, count)
        if any(value not in (whole, limit) for value, whole, limit in zip(short, exact, limits, strict=True)):
            raise BadArchive("end", "has two end records that contradict each other")
    if begin + length != at:
        raise BadArchive(
            "end", "has a directory that is not where its end record says: something stands before it"
        )
    return begin, length, count


def _directory_64(source: view.Bytes, at: int, locator: tuple[bytes, int, int, int]) -> tuple[int, int, int]:
    record = source.read(at, _END_64.size)
    if locator[1:] != (0, at, 1) or not record.startswith(b"PK\x06\x06"):
        raise BadArchive("end", "has a 64-bit end record that is not where it should be")
    _, size, _, _, disk, first_disk, here, count, length, begin = _END_64.unpack(record)
    if size != _END_64.size - 12 or disk or first_disk or here != count:
        raise BadArchive("end", "has a 64-bit end record that says something unusual")
    return begin, length, count


def _entries(directory: bytes, count: int) -> tuple[list[_Entry], list[Fault]]:
    entries: list[_Entry] = []
    faults: list[Fault] = []
    at = 0
    while at < len(directory):
        if len(directory) - at < _CENTRAL.size or not directory.startswith(b"PK\x01\x02", at):
            raise BadArchive("directory", "has a directory with something else in it")
        fields = _CENTRAL.unpack_from(directory, at)
        name_length, extra_length, comment_length = fields[10:13]
        at += _CENTRAL.size
        raw_name = directory[at : at + name_length]
        extra = directory[at + name_length : at + name_length + extra_length]
        at += name_length + extra_length + comment_length
        if at > len(directory):
            raise BadArchive("directory", "has a directory that breaks off")
        entries.append(_entry(fields, raw_name, extra, faults))
        if comment_length or fields[13]:
            faults.append(Fault("comment", "has a comment, or lies on another disk", entries[-1].name))
    if len(entries) != count:
        raise BadArchive("directory", f"lists {len(entries)} members where its end record says {count}")
    return entries, faults


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes, faults: list[Fault]) -> _Entry:
    _, made_by, _, flags, method, _, _, crc, packed, size = fields[:10]
    name, fault = _name(raw_name, flags)
    faults += [fault] if fault else []
    if flags & ~(_DESCRIPTOR | _UTF8 | _SPEED):
        faults.append(Fault("flags", "is encrypted, patched or masked", name))
    if method not in {_STORED, _DEFLATED}:
        faults.append(Fault("method", f"is packed in an unusual way ({method})", name))
    header = fields[16]
    wide = _extras(extra, name, faults)
    wanted = [
        value for value, limit in ((size, _ALL_32), (packed, _ALL_32), (header, _ALL_32)) if value == limit
    ]
    if len(wide) != 8 * len(wanted):
        faults.append(Fault("extra", "has 64-bit sizes that do not fit its other ones", name))
    else:
        values = iter(struct.unpack(f"<{len(wanted)}Q", wide))
        size, packed, header = (
            next(values) if value == _ALL_32 else value for value in (size, packed, header)
        )
    if method == _STORED and size != packed:
        faults.append(Fault("size", "is stored as it is, but with two sizes", name))
    if (found := size_fault(name, packed=packed, size=size)) is not None:
        faults.append(found)
    mode = fields[15] >> 16 if made_by >> 8 == _UNIX else 0
    if (found := mode_fault(name, mode)) is not None:
        faults.append(found)
    return _Entry(name, raw_name, flags, method, crc, packed, size, header)


def _name(raw: bytes, flags: int) -> tuple[str, Fault | None]:
    try:
        name = raw.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        name = raw.decode("latin-1")
        return name, Fault("name", "has a name that readers decode in different ways", name[:200])
    return name, None


def _extras(extra: bytes, name: str, faults: list[Fault]) -> bytes:
    """The 64-bit sizes of the extra fields; notes fields that are unknown or do not fit."""
    wide, at = b"", 0
    while at < len(extra):
        kind, length = struct.unpack_from("<2H", extra, at) if len(extra) - at >= 4 else (-1, 0)
        if kind not in _KNOWN_EXTRA or at + 4 + length > len(extra):
            faults.append(Fault("extra", "has additional fields that are not known", name))
            return wide
        if kind == _ZIP64:
            wide += extra[at + 4 : at + 4 + length]
        at += 4 + length
    return wide


def _local(source: view.Bytes, entry: _Entry, faults: list[Fault]) -> tuple[Member, int]:
    """The member behind one local header, and the offset behind all that belongs to it."""
    fixed = source.read(entry.header, _LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(MAGIC):
        raise BadArchive("local", "has no local header where the directory says", member=entry.name)
    _, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack(fixed)
    variable = source.read(entry.header + _LOCAL.size, name_length + extra_length)
    begin = entry.header + _LOCAL.size + name_length + extra_length
    same = (flags, method, variable[:name_length]) == (entry.flags, entry.method, entry.raw_name)
    wide = _extras(variable[name_length:], entry.name, faults)
    if len(wide) == 16 and packed == size == _ALL_32:
        size, packed = struct.unpack("<2Q", wide)
    told, exact = (crc, packed, size), (entry.crc, entry.packed, entry.size)
    deferred = bool(flags & _DESCRIPTOR)
    if not same or (told != exact and not (deferred and told in {(0, 0, 0), (0, _ALL_32, _ALL_32)})):
        faults.append(Fault("local", "has a local header that contradicts the directory", entry.name))
    end = begin + entry.packed
    if deferred:
        end += _descriptor(source, end, entry, faults)
    member = Member(
        name=entry.name,
        offset=begin,
        packed=entry.packed,
        size=entry.size,
        is_folder=entry.name.endswith("/"),
        is_deflated=entry.method == _DEFLATED,
        crc=entry.crc,
    )
    if member.is_folder and member.size:
        faults.append(Fault("folder", "is a folder with content", entry.name))
    return member, end


def _descriptor(source: view.Bytes, at: int, entry: _Entry, faults: list[Fault]) -> int:
    """The length of the sizes that follow the packed bytes, which must be those of the directory."""
    found = source.read(at, 24)
    exact = (entry.crc, entry.packed, entry.size)
    for layout in ("<4s3L", "<4sL2Q"):
        if len(found) < struct.calcsize(layout):
            continue
        magic, *told = struct.unpack_from(layout, found)
        if magic == b"PK\x07\x08" and tuple(told) == exact:
            return struct.calcsize(layout)
    faults.append(Fault("descriptor", "is not followed by the sizes that the directory gives", entry.name))
    return 0


def head(source: view.Bytes, member: Member, length: int) -> bytes:
    """The first bytes of a member, unpacked, or fewer where it does not unpack; raises `view.NotKept`."""
    packed = source.read(
        member.offset, min(member.packed, length if not member.is_deflated else length + 1024)
    )
    if not member.is_deflated:
        return packed
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, length)
    except zlib.error:
        return b""


def unpack(source: view.Bytes, member: Member) -> bytes:
    """A whole member; raises `BadArchive` where it is too large or not what the directory says, and `view.NotKept`."""
    if max(member.size, member.packed) > MAX_UNPACKED_BYTES:
        raise BadArchive(
            "too_large", f"is too large ({member.size:,} bytes) to be examined", member=member.name
        )
    data = source.read(member.offset, member.packed)
    if member.is_deflated:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(data, member.size + 1)
        except zlib.error:
            raise BadArchive("deflate", "cannot be unpacked", member=member.name) from None
        if not inflater.eof or inflater.unused_data:
            raise BadArchive(
                "deflate", "unpacks to something else than the directory says", member=member.name
            )
    if len(data) != member.size or zlib.crc32(data) != member.crc:
        raise BadArchive(
            "checksum", "has another size or checksum than the directory says", member=member.name
        )
    return data
