"""Lists a tar archive, strictly: regular files and folders with plain names, nothing else. Pure.

Source: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU tar's manual for types L, K and S.
Older archives without the magic are read as far as the checksums of their headers are right.
"""

import dataclasses

from registry.formats import view
from registry.formats.archives import MAX_MEMBERS, Archive, BadArchive, Fault, Member, name_faults, size_fault

BLOCK = 512
MAX_EXTENSION_BYTES = 64 * 1024
MAX_PADDING_BYTES = 1024 * 1024
_KINDS = {
    b"1": ("link", "is a link"),
    b"2": ("link", "is a link"),
    b"3": ("special", "is a device"),
    b"4": ("special", "is a device"),
    b"6": ("special", "is a pipe"),
    b"S": ("sparse", "is a sparse file, whose size says nothing about its content"),
    b"K": ("link", "is a link with a long name"),
}
# What a pax header may say: nothing that makes a member something else than its header says.
_HARMLESS = frozenset({"mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment"})


@dataclasses.dataclass(slots=True)
class _Pending:
    """What extension headers say about the next member."""

    name: str = ""
    size: int | None = None


def is_header(block: bytes) -> bool:
    """Whether the first block is a tar header, with or without its magic: its checksum is right."""
    if len(block) < BLOCK or not block[0] or block[148:156].strip(b" \0") == b"":
        return False
    try:
        told = _octal(block[148:156])
    except BadArchive:
        return False
    return told == sum(block[:148]) + 8 * 0x20 + sum(block[156:BLOCK])


def read(source: view.Bytes) -> Archive:
    """List the archive; raises `BadArchive` where a header is broken, and `view.NotKept`."""
    members: list[Member] = []
    faults: list[Fault] = []
    pending, at = _Pending(), 0
    while True:
        block = source.read(at, BLOCK)
        if not block or block == bytes(BLOCK):
            break
        if not is_header(block):
            raise BadArchive("header", f"has no sound header at byte {at}: cut off or altered")
        size, kind = _size(block[124:136]), block[156:157]
        if at + BLOCK + size > source.size:
            raise BadArchive("truncated", "ends before its last member does", member=_text(block[:100]))
        if kind in {b"x", b"g", b"L"}:
            _extend(
                pending, kind, source.read(at + BLOCK, size) if size <= MAX_EXTENSION_BYTES else b"", faults
            )
        else:
            members.append(_member(block, at + BLOCK, size, pending, faults))
            pending = _Pending()
        if len(members) > MAX_MEMBERS:
            raise BadArchive("too_many", f"has more than {MAX_MEMBERS:,} members")
        at += BLOCK + -(-size // BLOCK) * BLOCK
    _check_end(source, at, faults)
    faults += name_faults(member.name.removesuffix("/") for member in members)
    return Archive("tar", tuple(members), tuple(faults))


def _check_end(source: view.Bytes, at: int, faults: list[Fault]) -> None:
    left = source.size - at
    if left < 2 * BLOCK:
        faults.append(Fault("end", "does not end with two empty blocks"))
    if left > MAX_PADDING_BYTES or source.read(at, left).strip(b"\0"):
        faults.append(Fault("end", "holds something behind its end"))


def _member(block: bytes, offset: int, size: int, pending: _Pending, faults: list[Fault]) -> Member:
    kind = block[156:157]
    name = pending.name or _header_name(block)
    if pending.size is not None and pending.size != size:
        faults.append(Fault("override", "has two sizes, which readers choose between", name))
    if kind in _KINDS:
        faults.append(Fault(*_KINDS[kind], name))
    elif kind not in {b"0", b"\0", b"5"}:
        faults.append(Fault("kind", f"is of an unknown kind {ascii(kind)[1:]}", name))
    is_folder = kind == b"5" or name.endswith("/")
    if is_folder and size:
        faults.append(Fault("folder", "is a folder with content", name))
    if (fault := size_fault(name, packed=size, size=size)) is not None:
        faults.append(fault)
    return Member(name=name, offset=offset, packed=size, size=size, is_folder=is_folder)


def _header_name(block: bytes) -> str:
    name = _text(block[:100])
    prefix = _text(block[345:500]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _extend(pending: _Pending, kind: bytes, data: bytes, faults: list[Fault]) -> None:
    if not data:
        faults.append(Fault("extension", "has an extension header that is empty or too long"))
    elif kind == b"L":
        pending.name = _text(data)
    else:
        for key, value in _records(data):
            _override(pending, key, value, faults, is_global=kind == b"g")


def _override(pending: _Pending, key: str, value: str, faults: list[Fault], *, is_global: bool) -> None:
    if key == "path" and not is_global:
        pending.name = value
    elif key == "size" and not is_global and value.isascii() and value.isdigit() and len(value) < 20:
        pending.size = int(value)
    elif key not in _HARMLESS:
        faults.append(Fault("override", f"has an extension header that sets {key[:60]!a}"))


def _records(data: bytes) -> list[tuple[str, str]]:
    """The "length key=value" records of a pax header."""
    records, at = [], 0
    while at < len(data):
        digits, _, _ = data[at : at + 8].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        key, equals, value = data[at + len(digits) + 1 : at + length].partition(b"=")
        if length <= len(digits) + 2 or at + length > len(data) or not equals or not value.endswith(b"\n"):
            raise BadArchive("extension", "has an extension header that cannot be read")
        records.append((_text(key), _text(value[:-1])))
        at += length
    return records


def _text(raw: bytes) -> str:
    try:
        return raw.partition(b"\0")[0].decode("utf-8")
    except UnicodeDecodeError:
        raise BadArchive("name", "has a name that is not UTF-8") from None


def _size(field: bytes) -> int:
    if field[0] == 0x80:  # GNU's form for large files
        return int.from_bytes(field[1:], "big")
    return _octal(field)


def _octal(field: bytes) -> int:
    digits = field.strip(b" \0")
    if not digits or not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise BadArchive("header", "has a number that is not octal")
    return int(digits, 8)
