"""Hostile archives, made byte by byte. Nothing is ever extracted."""

import bz2
import dataclasses
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator

from tests.corpus import assembler as asm
from tests.corpus import torch_writer as torch
from tests.corpus.pickles import SYSTEM, in_tar

PLAIN = {"a.json": b"{}", "b/c.json": b"[]"}
GIF = b"GIF89a" + bytes(40) + b";"


@dataclasses.dataclass(frozen=True)
class Sample:
    """A file, and what must be said of it by C12; by C6 where it is in disguise."""

    name: str
    path: str
    data: bytes
    says: str
    check: str = "C12-containers"


def _zip(change: Callable[[zipfile.ZipInfo], None], name: str = "a.json", data: bytes = b"{}") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        member = zipfile.ZipInfo(name)
        member.create_system = 3
        change(member)
        archive.writestr(member, data)
    return out.getvalue()


def _mode(mode: int) -> Callable[[zipfile.ZipInfo], None]:
    def change(member: zipfile.ZipInfo) -> None:
        member.external_attr = (mode | 0o644) << 16

    return change


def _extra(extra: bytes) -> Callable[[zipfile.ZipInfo], None]:
    def change(member: zipfile.ZipInfo) -> None:
        member.extra = extra

    return change


def named(*names: str) -> bytes:
    """A zip with these names, whatever they are."""
    out = bytearray()
    directory = bytearray()
    for name in names:
        raw = name.encode("utf-8")
        offset = len(out)
        out += struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0x800, 0, 0, 33, 0, 0, 0, len(raw), 0) + raw
        directory += (
            struct.pack(
                "<4s6H3L5H2L",
                b"PK\x01\x02",
                20,
                20,
                0x800,
                0,
                0,
                33,
                0,
                0,
                0,
                len(raw),
                0,
                0,
                0,
                0,
                0,
                offset,
            )
            + raw
        )
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(names), len(names), len(directory), len(out), 0)
    return bytes(out + directory) + end


def patched(data: bytes, at: int, raw: bytes) -> bytes:
    return data[:at] + raw + data[at + len(raw) :]


def _central(data: bytes, offset: int, raw: bytes) -> bytes:
    """Change the first record of the directory."""
    return patched(data, data.index(b"PK\x01\x02") + offset, raw)


def zips() -> Iterator[Sample]:
    """Zip archives on which readers disagree, or that are not what they say."""
    good = torch.plain_zip(PLAIN)
    end = good.index(b"PK\x05\x06")
    samples = (
        ("prefix", b"#!/bin/sh\n" + good, "C6-format:but a zip archive is behind it"),
        ("prefix-zip", good + good, "something stands before it"),
        ("suffix", good + b"x", "does not end with the end record"),
        ("comment", good[:-2] + b"\x05\0hello", "does not end with the end record"),
        ("comment-claimed", good[:-2] + b"\x05\0", "comment follows"),
        ("behind-a-gif", GIF + good, "C6-format:but a zip archive is behind it"),
        ("cut", good[:-30], "does not end with the end record"),
        ("empty-header", b"PK\x03\x04", "does not end with the end record"),
        ("count", patched(good, end + 10, b"\x03\0"), "one part of several"),
        ("count-both", patched(good, end + 8, b"\x03\0\x03\0"), "where its end record says 3"),
        ("directory-elsewhere", patched(good, end + 16, b"\0\0\0\0"), "not where its end record says"),
        ("encrypted", patched(_central(good, 8, b"\x01\0"), 6, b"\x01\0"), "encrypted"),
        ("encrypted-in-one-place", _central(good, 8, b"\x01\0"), "encrypted"),
        ("method", patched(_central(good, 10, b"\x0c\0"), 8, b"\x0c\0"), "packed in an unusual way"),
        ("checksum-of-config", patched(torch.plain_zip({"config.json": b"{}"}), 30 + 11, b"[]"), "checksum"),
        ("local-name", patched(good, 30, b"z"), "contradicts the directory"),
        ("local-size", patched(good, 18, b"\x01"), "contradicts the directory"),
        ("local-missing", patched(good, 0, b"QK\x03\x04"), ""),
        ("hole", good[:end].replace(b"PK\x01\x02", b"hole!PK\x01\x02", 1)[:0] + _with_hole(), "belong to no member"),
        ("overlap", _overlapping(), "overlaps another member"),
        ("descriptor", patched(_streamed(), _streamed().index(b"PK\x07\x08") + 4, b"\0\0\0\0"), "not followed by the sizes"),
        ("two-names", named("a", "a"), "one file"),
        ("case-collision", named("Model.json", "model.json"), "one file"),
        ("unicode-collision", named("\u00e9.json", "e\u0301.json"), "one file"),
        ("file-and-folder", named("a", "a/b"), "a folder of"),
        ("parent", named("../evil"), "plain relative path"),
        ("parent-inside", named("a/../../evil"), "plain relative path"),
        ("absolute", named("/etc/passwd"), "plain relative path"),
        ("drive", named("C:evil"), "drive letter"),
        ("backslash", named("..\\evil"), "plain relative path"),
        ("control-character", named("a\u202ejson.exe"), "plain relative path"),
        ("long-name", named("a" * 300), "plain relative path"),
        ("link", _zip(_mode(stat.S_IFLNK), data=b"/etc/passwd"), "is a link"),
        ("device", _zip(_mode(stat.S_IFCHR)), "is a device"),
        ("pipe", _zip(_mode(stat.S_IFIFO)), "is a pipe"),
        ("socket", _zip(_mode(stat.S_IFSOCK)), "is a socket"),
        ("other-name-field", _zip(_extra(struct.pack("<2H", 0x7075, 4) + b"evil")), "additional fields"),
        ("broken-field", _zip(_extra(struct.pack("<2H", 0x5455, 400))), "additional fields"),
        ("folder-with-content", _zip(_mode(0), name="a/", data=b"x"), "a folder with content"),
        ("bomb-declared", _bomb(), "would unpack"),
        ("too-many", _too_many(), "too many"),
        ("nested", torch.plain_zip({"inner.zip": good}), "not opened"),
        ("nested-disguised", torch.plain_zip({"inner.json": good}), "not opened"),
        ("program", torch.plain_zip({"run": b"\x7fELF" + bytes(60)}), "code or a program"),
        ("script", torch.plain_zip({"handler.py": b"import os"}), "code or a program"),
        ("pickle-inside", torch.plain_zip({"weights.ckpt": asm.pickle(SYSTEM)}), "can run code"),
        ("zip64-liar", _zip64(), "contradict each other"),
    )  # fmt: skip
    for name, data, says in samples:
        check, _, words = says.rpartition(":")
        path = f"{name}.gif" if data.startswith(b"GIF") else f"{name}.mar" if not check else f"{name}.dat"
        yield Sample(name, path, data, words, check or "C12-containers")


def _with_hole() -> bytes:
    good = torch.plain_zip(PLAIN)
    begin, end = good.index(b"PK\x01\x02"), good.index(b"PK\x05\x06")
    return good[:begin] + b"hidden" + good[begin : end + 16] + struct.pack("<L", begin + 6) + good[end + 20 :]


def _overlapping() -> bytes:
    """Two members of which the second is inside the first."""
    inner = torch.plain_zip({"b.json": b"{}"})
    outer = named("a.json", "b.json")
    local = inner[: inner.index(b"PK\x01\x02")]
    directory, out = bytearray(), bytearray()
    for name, data, offset in (("a.json", local, 0), ("b.json", b"{}", 36)):
        raw, crc = name.encode(), zlib.crc32(data)
        if not out:
            out += (
                struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 33, crc, len(data), len(data), 6, 0)
                + raw
                + data
            )
        directory += (
            struct.pack(
                "<4s6H3L5H2L",
                b"PK\x01\x02",
                20,
                20,
                0,
                0,
                0,
                33,
                crc,
                len(data),
                len(data),
                6,
                0,
                0,
                0,
                0,
                0,
                offset,
            )
            + raw
        )
    assert outer
    return bytes(out + directory) + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, 2, 2, len(directory), len(out), 0
    )


def _streamed() -> bytes:
    return torch.padded_zip(PLAIN)


def _bomb() -> bytes:
    data = torch.plain_zip({"a.json": b" " * 2**20}, deflated=True)
    return patched(_central(data, 24, struct.pack("<L", 2**31)), 22, struct.pack("<L", 2**31))


def _too_many() -> bytes:
    end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2**40, 2**40, 0, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 4, 1)
    short = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2**16 - 1, 2**16 - 1, 0, 4, 0)
    return b"PK\x03\x04" + patched(end, 48, struct.pack("<Q", 4)) + locator + short


def _zip64() -> bytes:
    data = _streamed()
    end = data.index(b"PK\x05\x06")
    return patched(data, end + 16, struct.pack("<L", 7))


def tar(*members: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"{}" if member.isreg() else b""))
    return out.getvalue()


def member(name: str = "a.json", kind: bytes = tarfile.REGTYPE, **headers: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, 2 if kind == tarfile.REGTYPE else 0
    member.linkname = "/etc/passwd" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else ""
    member.pax_headers = headers
    return member


def rechecked(header: bytes) -> bytes:
    """A tar header with its checksum set right."""
    return header[:148] + b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:512])) + header[156:]


def tars() -> Iterator[Sample]:
    """Tar archives with what is no plain file, or with two answers to one question."""
    good = tar(member())
    sparse = rechecked(patched(good, 156, b"S"))
    samples = (
        ("symbolic-link", tar(member(kind=tarfile.SYMTYPE)), "is a link"),
        ("hard-link", tar(member(kind=tarfile.LNKTYPE)), "is a link"),
        ("character-device", tar(member(kind=tarfile.CHRTYPE)), "is a device"),
        ("block-device", tar(member(kind=tarfile.BLKTYPE)), "is a device"),
        ("fifo", tar(member(kind=tarfile.FIFOTYPE)), "is a pipe"),
        ("sparse", sparse, "sparse file"),
        ("contiguous", rechecked(patched(good, 156, b"7")), "unknown kind"),
        ("sparse-by-header", tar(member(**{"GNU.sparse.realsize": "1000000000000"})), "sets 'GNU.sparse.realsize'"),
        ("size-by-header", tar(member(size="512")), "two sizes"),
        ("link-by-header", tar(member(linkpath="/etc/passwd")), "sets 'linkpath'"),
        ("charset-by-header", tar(member(hdrcharset="BINARY")), "sets 'hdrcharset'"),
        ("path-by-header", tar(member(path="../../evil")), "plain relative path"),
        ("parent-name", tar(member("../evil")), "plain relative path"),
        ("absolute-name", tar(member("/etc/cron.d/evil")), "plain relative path"),
        ("drive-name", tar(member("C:/evil")), "drive letter"),
        ("case-names", tar(member("A"), member("a")), "one file"),
        ("checksum", patched(good, 0, b"b"), ""),
        ("no-end", good[:1024], "two empty blocks"),
        ("behind-the-end", good + b"hidden", "behind its end"),
        ("giant", rechecked(patched(good, 124, b"\x80" + (10 * 2**40).to_bytes(11, "big"))), "ends before its last member"),
        ("octal", rechecked(patched(good, 124, b"0000000009z\0")), "not octal"),
        ("broken-extension", rechecked(patched(good, 156, b"x")), "cannot be read"),
        ("pickle-in-tar", in_tar(), "can run code"),
        ("old-tar", rechecked(patched(tar(member(kind=tarfile.SYMTYPE), form=tarfile.USTAR_FORMAT), 257, bytes(8))), "is a link"),
    )  # fmt: skip
    for name, data, says in samples:
        yield Sample(name, f"{name}.nemo" if says else f"{name}.tar", data, says)
    for packed, suffix in (
        (gzip.compress(good), "gz"),
        (bz2.compress(good), "bz2"),
        (lzma.compress(good), "xz"),
    ):
        yield Sample(f"compressed-{suffix}", f"model.tar.{suffix}", packed, "not opened")
