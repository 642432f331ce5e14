"""Paths of C2SP tlog-tiles: `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`. Pure."""

import re
from dataclasses import dataclass

WIDTH = 256
TILE_HEIGHT = 8
HIGHEST_LEVEL = 7  # 2^63 leaves have no more
_FORM = re.compile(r"(entries|[0-7])/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_LONGEST = 64


class TilePathMalformed(ValueError):
    """The text is not the one spelling of a tile's path."""

    code = "tile_path_malformed"


@dataclass(frozen=True, slots=True)
class TilePath:
    """One tile: a level of hashes, or None for leaves; a number; how many of its 256 places are filled."""

    level: int | None
    number: int
    width: int = WIDTH

    def __str__(self) -> str:
        level = "entries" if self.level is None else str(self.level)
        groups = [f"{self.number % 1000:03d}"]
        rest = self.number // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03d}")
            rest //= 1000
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{level}/{'/'.join(groups)}{partial}"

    @property
    def end(self) -> int:
        """How many leaves a tree needs for this tile to exist."""
        return (self.number * WIDTH + self.width) << (TILE_HEIGHT * (self.level or 0))


def parse(text: str) -> TilePath:
    """Read what follows `tile/`; every tile has exactly one path."""
    match = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise TilePathMalformed("not the path of a tile")
    level, groups, last, width = match.groups()
    number = int(groups.replace("x", "").replace("/", "") + last)
    path = TilePath(None if level == "entries" else int(level), number, int(width or WIDTH))
    if str(path) != text:
        raise TilePathMalformed("not the one path of this tile")
    return path
