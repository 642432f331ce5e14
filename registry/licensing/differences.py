"""How two records of a license differ, line by line, in an order that a lawyer can follow. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# By what the items of a list are recognised in both records; a list of other names is compared by position.
KEYS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("kind", "clause"),
    "obligations": ("id",),
    "texts": ("document", "sha256_words_v1"),
    "repositories": ("pattern",),
    "grants": ("id",),
}


@dataclass(frozen=True)
class Difference:
    """One line that is not the same; `before` or `after` is None where there is none."""

    path: str
    before: str | None
    after: str | None

    @property
    def word(self) -> str:
        """What happened to the line."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def to_json(self) -> dict[str, Any]:
        """The line as the REST interface shows it."""
        return {"path": self.path, "change": self.word, "before": self.before, "after": self.after}


def differences(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Difference, ...]:
    """Every line of either record that the other has not, or has otherwise."""
    old, new = lines(before or {}), lines(after or {})
    order = [*new, *(path for path in old if path not in new)]
    return tuple(
        Difference(path, old.get(path), new.get(path)) for path in order if old.get(path) != new.get(path)
    )


def lines(record: Mapping[str, Any]) -> dict[str, str]:
    """A record as flat lines: where, and what stands there."""
    return dict(_lines(record, ""))


def _lines(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _lines(value[key], f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        seen: dict[str, int] = {}
        for place, item in enumerate(value):
            name = _name(path, item, place)
            seen[name] = seen.get(name, 0) + 1
            again = f" #{seen[name]}" if seen[name] > 1 else ""
            yield from _lines(item, f"{path}[{name}{again}]")
    else:
        yield path, _text(value)


def _name(path: str, item: Any, place: int) -> str:
    keys = KEYS.get(path.rpartition(".")[2], ())
    known = [str(item[key]) for key in keys if isinstance(item, Mapping) and key in item]
    return " ".join(known) if known else str(place + 1)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
