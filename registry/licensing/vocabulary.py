"""What the facts are called and asked for in plain words, read off the vocabulary itself. Pure.

Every field of `OrgFacts` and `UseFacts` is here, whether someone wrote words for it below or not.
"""

import dataclasses
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, auto
from typing import Any

from registry.licensing.fact_words import GROUPS, MEMBERS, ORG, SCOPES, USE, Words
from registry.licensing.facts import MonthlyUsers, OrgFacts, UseFacts


class Kind(StrEnum):
    """How a fact is asked for."""

    TEXT = auto()
    COUNTRY = auto()
    COUNTRIES = auto()
    CHOICE = auto()
    FLAG = auto()
    DATE = auto()
    AMOUNT = auto()
    LIST = auto()
    TAGS = auto()
    MONTHS = auto()
    SCOPES = auto()
    OTHER = auto()


@dataclass(frozen=True)
class Fact:
    """One fact of the vocabulary."""

    name: str
    kind: Kind
    label: str
    help: str
    group: str
    # The words that a choice is made from, or the parts that a table has.
    members: tuple[str, ...] = ()
    is_money: bool = False

    def member(self, name: str) -> str:
        """A choice or part of it, in plain words."""
        words = MEMBERS if self.kind is Kind.CHOICE else SCOPES
        return words.get(name) or plain(name)


def plain(name: str) -> str:
    """A name of the vocabulary as words."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


_SIMPLE: Mapping[Any, Kind] = {bool: Kind.FLAG, int: Kind.AMOUNT, date: Kind.DATE, str: Kind.TEXT}


def _facts(holder: type, words: Mapping[str, Words]) -> Iterator[Fact]:
    hints = typing.get_type_hints(holder)
    for one in dataclasses.fields(holder):
        said = words.get(one.name, Words(plain(one.name)))
        kind, members = _kind(hints[one.name], said)
        yield Fact(one.name, kind, said.label, said.help, said.group, members, said.is_money)


def _kind(hint: Any, words: Words) -> tuple[Kind, tuple[str, ...]]:
    """How a fact of this type is asked for, and what it is made of."""
    if words.kind:
        return Kind(words.kind), ()
    bare = _without_none(hint)
    if isinstance(bare, type) and issubclass(bare, StrEnum):
        return Kind.CHOICE, tuple(bare)
    if bare in _SIMPLE:
        return _SIMPLE[bare], ()
    return _table(bare, words)


def _table(bare: Any, words: Words) -> tuple[Kind, tuple[str, ...]]:
    arguments = typing.get_args(bare)
    if typing.get_origin(bare) is tuple:
        return Kind.LIST, ()
    if arguments[1:] == (MonthlyUsers,):
        return Kind.MONTHS, tuple(one.name for one in dataclasses.fields(MonthlyUsers))
    if arguments[1:] == (int,) and words.members:
        return Kind.SCOPES, words.members
    return Kind.OTHER, ()


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(one for one in typing.get_args(hint) if one is not type(None))
    return hint


ORG_FACTS: Mapping[str, Fact] = {fact.name: fact for fact in _facts(OrgFacts, ORG)}
USE_FACTS: Mapping[str, Fact] = {fact.name: fact for fact in _facts(UseFacts, USE)}


def groups() -> list[tuple[str, list[Fact]]]:
    """The organisation's facts under their headings, in the order in which people are asked."""
    return [
        (heading, [fact for fact in ORG_FACTS.values() if fact.group == group])
        for group, heading in GROUPS.items()
    ]


def label_of(path: str) -> str:
    """A path such as `org.annual_revenue_usd.group` in plain words."""
    names = path.removeprefix("org.").removeprefix("use.").split(".")
    facts = USE_FACTS if path.startswith("use.") else ORG_FACTS
    fact = facts.get(names[0])
    if fact is None:
        return plain(path)
    parts = [fact.label, *(fact.member(name) if not name[:1].isdigit() else name for name in names[1:])]
    return ", ".join([parts[0], *(part[:1].lower() + part[1:] for part in parts[1:])])
