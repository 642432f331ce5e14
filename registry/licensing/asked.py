"""Which facts of the organisation the licenses of a catalogue ask for, and where their limits of users lie. Pure."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from registry.licensing.catalog import Catalog
from registry.licensing.facts import DerivativePlan, OrgFacts, UseFacts
from registry.licensing.gate import Business, Gate
from registry.licensing.situation import Situation
from registry.licensing.terms import License
from registry.licensing.thresholds import MauThreshold, Operator

_BUSINESSES = {
    Business.MODEL_AS_A_SERVICE: "operates_maas",
    Business.AI_ASSISTANT: "operates_ai_assistant",
}


@dataclass(frozen=True)
class UserLimit:
    """A number of monthly users that a license reacts to; without months it looks at the last full one."""

    license: str
    limit: int
    basis: str
    months: tuple[str, ...]
    clause: str
    operator: Operator


def asked(catalog: Catalog, *, on: date) -> dict[str, list[str]]:
    """The ids of the licenses that ask for each fact, by the fact's name; of two names for a table the first."""
    found: dict[str, set[str]] = defaultdict(set)
    for terms in catalog.licenses.values():
        for name in _names(terms, on=on):
            found[name].add(terms.id)
    return {name: sorted(ids) for name, ids in found.items()}


def user_limits(catalog: Catalog) -> list[UserLimit]:
    """Every limit of monthly users, the lowest first."""
    found = [
        UserLimit(terms.id, one.limit, one.basis, _months(one), clause, one.operator)
        for terms in catalog.licenses.values()
        for one, clause in _thresholds(terms)
        if isinstance(one, MauThreshold)
    ]
    return sorted(set(found), key=lambda one: (one.limit, one.license, one.basis, one.months))


def _months(one: MauThreshold) -> tuple[str, ...]:
    named = {item.month for item in one.months}
    return tuple(sorted(named | {one.month} if one.month else named))


def _thresholds(terms: License) -> Iterator[tuple[Any, str]]:
    for condition in terms.conditions:
        yield condition.parameters, condition.clause
    for obligation in terms.obligations:
        for one in obligation.above:
            yield one, obligation.clause


def _names(terms: License, *, on: date) -> Iterator[str]:
    """The facts that a license misses where nothing is known at all."""
    blank = Situation(
        org=OrgFacts(), use=UseFacts(), plan=DerivativePlan(), on=on, model=None, license=terms.id, models=(), learned=False, derived=False
    )  # fmt: skip
    for one, _ in _thresholds(terms):
        if isinstance(one, MauThreshold):
            yield "mau_by_month"
        for name in one.check(blank).missing:
            if name.startswith("org."):
                yield name.removeprefix("org.").split(".")[0]
    for gate in (*(one.applies for one in terms.conditions), *(one.applies for one in terms.obligations)):
        yield from _gated(gate)


def _gated(gate: Gate) -> Iterator[str]:
    if gate.entity_types:
        yield "entity_type"
    for business in gate.operates:
        yield _BUSINESSES[Business(business)]
