"""Moves of facts in plain words: what an officer asks "what if" about most. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from registry.licensing import countries, months
from registry.licensing.catalog import Catalog
from registry.licensing.changes import Step
from registry.licensing.terms import License
from registry.licensing.thresholds import MauThreshold

MANY_USERS = 700_000_001
HIGH_REVENUE = 20_000_001
SEAT = "DE"
# Whose users are counted, from the narrowest count to the widest, which holds the others.
SCOPES = ("product_using_model", "licensee_only", "all_products_incl_affiliates")


@dataclass(frozen=True)
class Ground:
    """What a preset may look at: the facts as they are, and which months the licences count."""

    org: Mapping[str, Any]
    months: tuple[str, ...]
    country: str = SEAT


@dataclass(frozen=True)
class Preset:
    """One move, as it is offered and as it is carried out."""

    name: str
    label: str
    help: str
    step: Callable[[Ground], Step]


def counted_months(catalog: Catalog, licenses: Iterable[str] | None, *, on: date) -> tuple[str, ...]:
    """The months in which these licences count users, or all licences: those of release, and those of this moment."""
    records = catalog.licenses.values() if licenses is None else [catalog.get(item) for item in licenses]
    found = {month for terms in records for month in _months_of(terms, on=on)}
    return tuple(sorted(month for month in found if month <= f"{on:%Y-%m}"))


def _months_of(terms: License, *, on: date) -> Iterator[str]:
    """The months that the conditions of a licence, and the thresholds of its duties, look at."""
    thresholds = [condition.parameters for condition in terms.conditions]
    thresholds += [limit for duty in terms.obligations for limit in duty.above]
    for item in thresholds:
        if isinstance(item, MauThreshold):
            named = [item.month] if item.month else [dated.month for dated in item.months]
            yield from named or months.ongoing(on)


def users(
    number: int, *, scope: str, months_counted: Iterable[str], org: Mapping[str, Any]
) -> dict[str, Any]:
    """A patch that sets one count in each month; known counts that contradict it become unknown."""
    known = org.get("mau_by_month")
    table = known if isinstance(known, Mapping) else {}
    return {
        "mau_by_month": {month: _counts(table.get(month), number, scope=scope) for month in months_counted}
    }


def _counts(known: Any, number: int, *, scope: str) -> dict[str, Any]:
    place, patch = SCOPES.index(scope), {scope: number}
    for position, name in enumerate(SCOPES):
        count = known.get(name) if isinstance(known, Mapping) else None
        if not isinstance(count, int):
            continue
        if (position < place and count > number) or (position > place and count < number):
            patch[name] = None  # type: ignore[assignment]
    return patch


def _many_users(ground: Ground) -> Step:
    return Step(org=users(MANY_USERS, scope=SCOPES[-1], months_counted=ground.months, org=ground.org))


def _revenue(ground: Ground) -> Step:
    year = 12 * HIGH_REVENUE
    return Step(
        org={
            "annual_revenue_usd": _wider(ground.org, "annual_revenue_usd", "licensee", group=year),
            "monthly_revenue_usd": _wider(
                ground.org, "monthly_revenue_usd", "product", group_consolidated=HIGH_REVENUE
            ),
            "trailing_12m_revenue_group": year,
        }
    )


def _wider(org: Mapping[str, Any], table: str, narrow: str, **wide: int) -> dict[str, int | None]:
    """A patch of the wide amount; a narrow one that is known to be larger becomes unknown."""
    known = org.get(table)
    part = known.get(narrow) if isinstance(known, Mapping) else None
    is_larger = isinstance(part, int) and part > max(wide.values())
    return {**wide, **({narrow: None} if is_larger else {})}


def _seat(ground: Ground) -> Step:
    return Step(org={"entity_type": "company", "principal_place_of_business": ground.country})


def _subsidiary(ground: Ground) -> Step:
    """The present licensee becomes an affiliate of the subsidiary."""
    parent = ground.org.get("licensee_entity")
    named = parent if isinstance(parent, str) else "the present licensee"
    others = ground.org.get("affiliates")
    listed = [item for item in others if isinstance(item, str)] if isinstance(others, list) else []
    return Step(
        org={
            "licensee_entity": f"a subsidiary in {ground.country}",
            "entity_type": "company",
            "principal_place_of_business": ground.country,
            "affiliates": list(dict.fromkeys([*listed, named])),
        }
    )


def _always(**parts: Mapping[str, Any]) -> Callable[[Ground], Step]:
    return lambda _ground: Step(**parts)


PRESETS = (
    Preset(
        "many_users",
        "More than 700 million monthly users",
        "The whole group, in every month in which one of the licences counts.",
        _many_users,
    ),
    Preset(
        "high_revenue",
        "More than 20 million dollars revenue a month",
        "The whole group, in the month before and over the last twelve.",
        _revenue,
    ),
    Preset(
        "eu_seat",
        "Our principal place of business is in the EU",
        "The seat of the licensee. A branch or a shop there is not enough.",
        _seat,
    ),
    Preset(
        "eu_subsidiary",
        "A subsidiary in the EU uses it",
        "The subsidiary is then the licensee, and the present licensee its affiliate.",
        _subsidiary,
    ),
    Preset(
        "sell_api",
        "We sell an API",
        "Others reach the model over a public API, for money: a model as a service.",
        _always(use={"hosting": "public_api", "commercial": True}, org={"operates_maas": True}),
    ),
    Preset(
        "assistant",
        "We offer an AI assistant",
        "The organisation, or an affiliate, makes a business of it.",
        _always(org={"operates_ai_assistant": True}),
    ),
    Preset(
        "commercial",
        "The use becomes commercial",
        "In production, as part of the business.",
        _always(use={"commercial": True, "purpose": "production", "environment": "production"}),
    ),
    Preset(
        "distribute_weights",
        "We hand out the weights",
        "The files as they are, to anyone outside the organisation.",
        _always(use={"distribute_weights": True}),
    ),
    Preset(
        "distribute_derivative",
        "We fine-tune it and hand out the result",
        "A derivative under a name of its own.",
        _always(use={"distribute_derivative": True}, derivative={"relation": "finetune"}),
    ),
    Preset(
        "train_on_outputs",
        "We train another model with its outputs",
        "What it answers becomes training data.",
        _always(derivative={"relation": "synthetic_outputs"}),
    ),
)
BY_NAME = {preset.name: preset for preset in PRESETS}
EU = tuple(sorted(countries.EUROPEAN_UNION))
