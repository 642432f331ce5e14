"""Two texts side by side, line by line, around what differs. Pure."""

import dataclasses
import difflib
from collections.abc import Sequence

MAX_LINES = 4000
MAX_CHARACTERS = 400
MAX_ROWS = 600
AROUND = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One row: a line of each side with its number from 1; None where a side has none. `gap` stands for lines left out."""

    kind: str  # same, changed, removed, added or gap
    before_number: int | None = None
    before: str | None = None
    after_number: int | None = None
    after: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class TextChanges:
    """The rows; `is_cut` where a text was too long to be compared to its end, or has more rows than are listed."""

    lines: tuple[Line, ...]
    is_cut: bool = False


def compare(before: str, after: str) -> TextChanges:
    """What differs, with some lines around it; nothing where the texts are the same."""
    if before == after:
        return TextChanges(())
    left, right = before.split("\n"), after.split("\n")
    is_cut = max(len(left), len(right)) > MAX_LINES
    left, right = left[:MAX_LINES], right[:MAX_LINES]
    rows: list[Line] = []
    # `autojunk` keeps a text of many equal lines from taking time that grows with its square.
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=True)
    for place, group in enumerate(matcher.get_grouped_opcodes(AROUND)):
        if place:
            rows.append(Line("gap"))
        for tag, *span in group:
            rows += _rows(tag, left, right, span)
    return TextChanges(tuple(rows[:MAX_ROWS]), is_cut=is_cut or len(rows) > MAX_ROWS)


def _rows(tag: str, left: Sequence[str], right: Sequence[str], span: Sequence[int]) -> list[Line]:
    start, end, other_start, other_end = span
    rows = []
    for step in range(max(end - start, other_end - other_start)):
        here, there = start + step, other_start + step
        has_left, has_right = here < end, there < other_end
        kind = (
            "same"
            if tag == "equal"
            else "changed"
            if has_left and has_right
            else "removed"
            if has_left
            else "added"
        )
        rows.append(
            Line(
                kind,
                here + 1 if has_left else None,
                _shown(left[here]) if has_left else None,
                there + 1 if has_right else None,
                _shown(right[there]) if has_right else None,
            )
        )
    return rows


def _shown(line: str) -> str:
    """A line without marks that would move the words around it, cut short."""
    plain = "".join(
        mark if mark.isprintable() or mark == "\t" else f"\\u{ord(mark):04x}"
        for mark in line[: MAX_CHARACTERS + 1]
    )
    return plain if len(plain) <= MAX_CHARACTERS else f"{plain[: MAX_CHARACTERS - 1]}…"
