"""What a condition may look at, and what it answers. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from governance.fields import Fields
from registry.licensing.facts import DerivativePlan, Hosting, OrgFacts, UseFacts
from registry.licensing.logic import Truth
from registry.licensing.terms import State


@dataclass(frozen=True)
class Situation:
    """Everything a condition may look at: the facts, and the models that carry the license."""

    org: OrgFacts
    use: UseFacts
    plan: DerivativePlan
    on: date
    model: str | None
    license: str
    models: tuple[str, ...]
    # Whether the license came from another model than the one in use, and whether through a teacher.
    derived: bool
    learned: bool


@dataclass(frozen=True)
class Outcome:
    """What a condition found: its state, the facts it used and the facts it misses."""

    state: State
    reason: str
    missing: tuple[str, ...] = ()
    facts_used: Mapping[str, Any] = field(default_factory=dict)


def outcome(violated: Truth, *, met: str, broken: str, facts: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a condition that is violated when an expression holds."""
    used = {name: value for name, value in facts.items() if value is not None}
    if violated.value is None:
        names = ", ".join(sorted(violated.missing))
        return Outcome(
            State.UNKNOWN, f"cannot be decided without {names}", tuple(sorted(violated.missing)), used
        )
    if violated.value:
        return Outcome(State.VIOLATED, broken, (), used)
    return Outcome(State.MET, met, (), used)


def hosts(use: UseFacts) -> bool | None:
    """Whether the model is made available to others in any way, or None."""
    return None if use.hosting is None else use.hosting is not Hosting.NONE


def member(fields: Fields, key: str, kind: type[StrEnum], name: str) -> str:
    """Return a name that is in an enumeration, or raise."""
    if name not in list(kind):
        raise fields.fail(key, f"must be among {', '.join(kind)}")
    return name
