"""What differs between two JSON documents, member by member. Pure."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

MAX_CHANGES = 500
MAX_SHOWN = 300
MAX_MEMBERS = 200_000
# Stands for a member that one side does not have; `null` is a value.
_ABSENT = object()


@dataclasses.dataclass(frozen=True, slots=True)
class MemberChange:
    """One member; `before` is None where it was added, `after` where it was removed. Values as JSON, cut short."""

    member: str
    before: str | None
    after: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class MemberChanges:
    """The changes in order of their place; `is_cut` where there are more than are listed."""

    changes: tuple[MemberChange, ...]
    is_cut: bool = False


def compare(before: Any, after: Any) -> MemberChanges:
    """Every member with another value. Lists of plain values are one value; lists of objects are gone into."""
    found: list[MemberChange] = []
    for looked_at, change in enumerate(_changes(before, after), start=1):
        if len(found) == MAX_CHANGES or looked_at == MAX_MEMBERS:
            return MemberChanges(_sorted(found), is_cut=True)
        if change is not None:
            found.append(change)
    return MemberChanges(_sorted(found))


def _sorted(found: list[MemberChange]) -> tuple[MemberChange, ...]:
    return tuple(sorted(found, key=lambda change: change.member))


def _changes(before: Any, after: Any) -> Iterator[MemberChange | None]:
    """A change, or None for something that was looked at and is the same; no recursion."""
    pending: list[tuple[str, Any, Any]] = [("", before, after)]
    while pending:
        place, one, other = pending.pop()
        inner = _inner(one, other)
        if inner is not None:
            pending.extend((_join(place, name), left, right) for name, left, right in inner)
            yield None
        elif one is _ABSENT or other is _ABSENT or not _same(one, other):
            yield MemberChange(place, _shown(one), _shown(other))
        else:
            yield None


def _inner(one: Any, other: Any) -> list[tuple[str | int, Any, Any]] | None:
    """The members of both sides side by side; None where they are compared as they are."""
    if isinstance(one, dict) and isinstance(other, dict):
        names = [*one, *(name for name in other if name not in one)]
        return [(str(name), one.get(name, _ABSENT), other.get(name, _ABSENT)) for name in names]
    if isinstance(one, list) and isinstance(other, list) and any(map(_is_nested, (*one, *other))):
        longest = max(len(one), len(other))
        pad = [_ABSENT]
        left, right = one + pad * (longest - len(one)), other + pad * (longest - len(other))
        return [(index, left[index], right[index]) for index in range(longest)]
    return None


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one type: 1, 1.0 and true are different things to a loader."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _join(place: str, name: str | int) -> str:
    if isinstance(name, int):
        return f"{place}[{name}]"
    return f"{place}.{name}" if place else name


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"
