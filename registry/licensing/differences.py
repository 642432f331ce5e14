"""How two records of a license differ, line by line, in an order that a lawyer can follow. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# By what the items of a list are recognised in both records; items of other lists are compared by position.
KEYS: Mapping[str, tuple[str, ...]] = {
    "conditions": ("kind", "clause"),
    "obligations": ("id",),
    "texts": ("document", "sha256_words_v1"),
    "repositories": ("pattern",),
    "grants": ("of", "reference"),
}
Lines = dict[str, str]


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
    """Every line of either record that the other has not, or has otherwise; a whole condition is one line."""
    old, new = _items(before or {}), _items(after or {})
    order = [*new, *(name for name in old if name not in new)]
    return tuple(line for name in order for line in _of_item(name, old.get(name), new.get(name)))


def _of_item(name: str, old: Lines | None, new: Lines | None) -> Iterator[Difference]:
    if old is None or new is None:
        yield Difference(name, _joined(old), _joined(new))
        return
    for path in [*new, *(path for path in old if path not in new)]:
        if old.get(path) != new.get(path):
            yield Difference(f"{name}.{path}" if path else name, old.get(path), new.get(path))


def _joined(found: Lines | None) -> str | None:
    if found is None:
        return None
    return "; ".join(f"{path}: {text}" if path else text for path, text in found.items())


def _items(record: Mapping[str, Any]) -> dict[str, Lines]:
    """A record as items in order: a member of its own, a table's member, or an item of a list of tables."""
    found: dict[str, Lines] = {}
    for key, value in record.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": dict(_lines(item, "")) for name, item in value.items()}
        elif _is_tables(value):
            found |= _named(key, value)
        else:
            found[key] = dict(_lines(value, ""))
    return found


def _named(key: str, tables: list[Any]) -> dict[str, Lines]:
    """The tables of a list by what they are recognised by; the second of the same name is told from the first."""
    found: dict[str, Lines] = {}
    for place, table in enumerate(tables):
        parts = [
            str(table[part]) for part in KEYS.get(key, ()) if isinstance(table, Mapping) and part in table
        ]
        name = f"{key}[{' '.join(parts) or place + 1}]"
        again = sum(1 for other in found if other == name or other.startswith(f"{name} #"))
        found[f"{name} #{again + 1}" if again else name] = dict(_lines(table, ""))
    return found


def _lines(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _lines(value[key], f"{path}.{key}" if path else str(key))
    elif _is_tables(value):
        for place, item in enumerate(value):
            yield from _lines(item, f"{path}[{place + 1}]")
    else:
        yield path, _text(value)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
