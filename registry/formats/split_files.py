"""Models whose weights come in several files, by the names of the files. Pure."""

import dataclasses
import re
from collections.abc import Iterable

# What the Hub's and llama.cpp's tools write: model-00001-of-00003.safetensors
_PART = re.compile(
    r"(?P<stem>.*)-(?P<number>[0-9]{5})-of-(?P<count>[0-9]{5})(?P<suffix>\.[A-Za-z0-9]+)", re.DOTALL
)


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """What the name of one file of several says."""

    whole: str  # the same for all parts of one model
    number: int  # from 1
    count: int


def part_of(path: str) -> Part | None:
    """What the name says; None where the file is not one of several."""
    match = _PART.fullmatch(path)
    if match is None:
        return None
    return Part(f"{match['stem']}{match['suffix']}", int(match["number"]), int(match["count"]))


def sets(paths: Iterable[str]) -> dict[tuple[str, int], list[str]]:
    """The files of each model, in order, by (name of the whole, count); a file that stands alone has the count 0."""
    found: dict[tuple[str, int], list[str]] = {}
    for path in sorted(paths):
        part = part_of(path)
        key = (part.whole, part.count) if part is not None else (path, 0)
        found.setdefault(key, []).append(path)
    return found


def missing(paths: Iterable[str]) -> list[int]:
    """The numbers of the parts that should be there and are not; of files that all belong to one model."""
    parts = [part for part in map(part_of, paths) if part is not None]
    if not parts:
        return []
    there = {part.number for part in parts}
    return [number for number in range(1, parts[0].count + 1) if number not in there]
