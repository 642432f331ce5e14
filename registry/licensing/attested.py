"""Folds attested facts, one statement after another, into the facts that hold. Pure.

A statement is a document in the vocabulary of `facts.parse_org`. What is not a table is a leaf; a leaf that a later
statement names replaces the earlier one, `null` withdraws it, and `null` for a table withdraws all of it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Source = TypeVar("Source")
Path = tuple[str, ...]


@dataclass(frozen=True)
class _Leaf(Generic[Source]):
    """A fact that holds, and who stated it."""

    value: Any
    source: Source


_Tree = dict[str, Any]  # of leaves and of further trees


@dataclass(frozen=True)
class Statement(Generic[Source]):
    """Facts as someone stated them: all that is known, or a change of what was known."""

    source: Source
    facts: Mapping[str, Any]
    is_complete: bool


@dataclass(frozen=True)
class Folded(Generic[Source]):
    """The facts that hold, and which statement each leaf comes from, by its path with dots."""

    facts: dict[str, Any]
    sources: dict[str, Source]


def fold(statements: Iterable[Statement[Source]]) -> Folded[Source]:
    """The facts after all statements, in the order in which they took effect."""
    held: _Tree = {}
    for statement in statements:
        if statement.is_complete:
            held = {}
        for path, value in leaves(statement.facts):
            if value is None:
                _withdraw(held, path)
            else:
                _state(held, path, _Leaf(value, statement.source))
    folded: Folded[Source] = Folded({}, {})
    folded.facts.update(_plain(held, (), folded.sources))
    return folded


def leaves(facts: Mapping[str, Any], *, below: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every path that a document states or withdraws, with its value."""
    for key, value in facts.items():
        path = (*below, str(key))
        if isinstance(value, Mapping):
            yield from leaves(value, below=path)
        else:
            yield path, value


def paths(facts: Mapping[str, Any]) -> list[str]:
    """The paths of the leaves with dots, in order."""
    return sorted(".".join(path) for path, _ in leaves(facts))


def covers(name: str, path: str) -> bool:
    """Whether a name is that of a leaf, or of a table that it lies in."""
    return path == name or path.startswith(f"{name}.")


def _state(tree: _Tree, path: Path, leaf: _Leaf[Source]) -> None:
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            below = tree[key] = {}
        tree = below
    tree[path[-1]] = leaf


def _withdraw(tree: _Tree, path: Path) -> None:
    for key in path[:-1]:
        below = tree.get(key)
        if not isinstance(below, dict):
            return
        tree = below
    tree.pop(path[-1], None)


def _plain(tree: _Tree, path: Path, sources: dict[str, Source]) -> dict[str, Any]:
    """The tree as a document, without tables in which nothing is left; its leaves go into `sources`."""
    facts: dict[str, Any] = {}
    for key, below in sorted(tree.items()):
        if isinstance(below, dict):
            table = _plain(below, (*path, key), sources)
            if table:
                facts[key] = table
        else:
            facts[key] = below.value
            sources[".".join((*path, key))] = below.source
    return facts
