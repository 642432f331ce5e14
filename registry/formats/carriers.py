"""What travels with a file of another kind: scripts in pages, and whatever lies behind the end of a picture. Pure."""

import re
from collections.abc import Iterator

from registry.formats import magic
from registry.formats.sign import Level, Sign

PICTURES = frozenset({"png", "jpeg", "gif", "webp"})
PAGES = (".html", ".htm", ".xhtml", ".svg", ".mht", ".mhtml")
MAX_CHUNKS = 10_000
_SCRIPT = re.compile(
    rb"(?i)<script\b|javascript:|<(?:iframe|object|embed|foreignobject)\b|\son(?:load|error|click|mouseover)\s{0,5}="
)
_PDF = re.compile(rb"/(?:JavaScript|JS|Launch|OpenAction|EmbeddedFile)\b")
_START_LINE = re.compile(rb"(?m)^import[ \t;]")


def signs(path: str, data: bytes) -> Iterator[Sign]:
    """What a file of this name carries beside what it is; `data` is all of it."""
    name, kind = path.lower(), magic.kind_of(data)
    if kind in PICTURES:
        yield from _behind(data, kind)
    elif name.endswith(PAGES):
        if _SCRIPT.search(data):
            yield Sign(Level.WARNING, "script", "is a page that holds a script or loads another page")
    elif kind == "pdf":
        active = sorted({match[0].decode() for match in _PDF.finditer(data)} - {"/OpenAction"})
        if active:
            yield Sign(
                Level.WARNING,
                "script",
                f"is a PDF that does something when it is opened ({', '.join(active)})",
            )
    elif name.endswith(".pth") and not kind and b"\x00" not in data and _START_LINE.search(data):
        yield Sign(
            Level.DANGER,
            "start-line",
            "has lines that Python runs at every start if the file lies among its packages",
        )


def _behind(data: bytes, kind: str) -> Iterator[Sign]:
    """What follows the end of a picture."""
    rest = data[_end(data, kind) :].lstrip(b"\x00\r\n ")
    found = magic.kind_of(rest)
    if found in magic.PROGRAMS | magic.ARCHIVES or _SCRIPT.search(rest):
        yield Sign(
            Level.DANGER,
            "polyglot",
            f"is a picture with something else behind its end ({found or 'a script'})",
        )
    elif len(rest) > 64:
        yield Sign(Level.DOUBT, "behind", f"is a picture with {len(rest):,} bytes behind its end")


def _end(data: bytes, kind: str) -> int:
    """Where the picture ends; the end of the data where that cannot be said."""
    if kind == "png":
        place = 8
        for _ in range(MAX_CHUNKS):
            if place + 12 > len(data):
                break
            length = int.from_bytes(data[place : place + 4], "big")
            ends, place = data[place + 4 : place + 8] == b"IEND", place + 12 + length
            if ends:
                return min(place, len(data))
        return len(data)
    if kind == "jpeg":
        found = data.rfind(b"\xff\xd9")
        return found + 2 if found >= 0 else len(data)
    if kind == "webp" and len(data) >= 8:
        return min(len(data), 8 + int.from_bytes(data[4:8], "little") + 1)
    return len(data)
