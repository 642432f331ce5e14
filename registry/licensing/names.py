"""How models are named: plainly, and every model in one spelling. Pure."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

THIS_MODEL = "(this model)"
PLANNED = "(planned derivative)"
# What findings call models that have no name; nobody may give it to another.
RESERVED = frozenset({THIS_MODEL, PLANNED})

_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}"
_PLAIN = re.compile(rf"{_PART}(?:/{_PART})?")


def is_plain(name: str) -> bool:
    """Whether a name is `publisher/name` or `name` and nothing else.

    An address, a revision, a space or a letter of another alphabet would make another model of a known one.
    """
    return bool(_PLAIN.fullmatch(name)) and not name.casefold().endswith(".git")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name fits one of the patterns, in any letter case."""
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


def folded(names: Iterable[str]) -> set[str]:
    """The names in small letters."""
    return {name.casefold() for name in names}


def spellings(first: str | None, names: Iterable[str]) -> Mapping[str, str]:
    """The one spelling of each name, by the name in small letters: letter case tells no two models apart."""
    found: dict[str, str] = {}
    for name in sorted(set(names)):
        found.setdefault(name.casefold(), name)
    return found if first is None else {**found, first.casefold(): first}
