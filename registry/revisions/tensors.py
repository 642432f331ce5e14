"""What differs between the tensors of two revisions. Pure."""

import dataclasses
from collections.abc import Mapping

MAX_LISTED = 200


@dataclasses.dataclass(frozen=True, slots=True)
class TensorEntry:
    """One tensor as a header describes it; `pieces` is a digest over some of its bytes, empty where none were read."""

    dtype: str
    shape: tuple[int, ...]
    path: str
    pieces: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class TensorChange:
    """One tensor whose type, shape, bytes or place differ."""

    name: str
    what: str  # added, removed, reshaped, retyped, values or moved
    before: str | None
    after: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class TensorChanges:
    """How many tensors changed in which way, and the first of each kind.

    `same` are in files with the same digest. `alike` have the same bytes in every piece that was looked at: that is no
    proof that all of their bytes are the same.
    """

    counts: Mapping[str, int]
    changes: tuple[TensorChange, ...]
    is_cut: bool = False


def compare(
    before: Mapping[str, TensorEntry], after: Mapping[str, TensorEntry], *, same_files: frozenset[str]
) -> TensorChanges:
    """Tensor by tensor; `same_files` are the paths whose digest is the same on both sides."""
    counts = dict.fromkeys(("same", "alike", "values", "retyped", "reshaped", "moved", "added", "removed"), 0)
    listed: dict[str, list[TensorChange]] = {}
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        what = _what(one, other, same_files=same_files)
        counts[what] += 1
        if what not in {"same", "alike"} and len(listed.setdefault(what, [])) < MAX_LISTED:
            listed[what].append(TensorChange(name, what, _words(one, what), _words(other, what)))
    changes = tuple(change for what in counts for change in listed.get(what, ()))
    changed = sum(count for what, count in counts.items() if what not in {"same", "alike"})
    return TensorChanges(counts, changes, is_cut=changed > len(changes))


def _what(one: TensorEntry | None, other: TensorEntry | None, *, same_files: frozenset[str]) -> str:
    if one is None or other is None:
        return "added" if one is None else "removed"
    if one.shape != other.shape:
        return "reshaped"
    if one.dtype != other.dtype:
        return "retyped"
    if one.path == other.path and one.path in same_files:
        return "same"
    if not one.pieces or one.pieces != other.pieces:
        return "values"
    return "alike" if one.path == other.path else "moved"


def _words(entry: TensorEntry | None, what: str) -> str | None:
    if entry is None:
        return None
    return entry.path if what in {"moved", "values"} else f"{entry.dtype} {list(entry.shape)}"
