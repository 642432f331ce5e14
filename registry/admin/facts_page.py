"""What the page of the facts shows: every fact with where it comes from, and users against the limits of licenses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from governance.desk import limits
from registry import attestations, catalogs
from registry.attestations import FactsInForce
from registry.licensing import asked, attested, months, vocabulary
from registry.licensing.asked import UserLimit
from registry.licensing.fact_values import lines, words
from registry.licensing.facts import MonthlyUsers
from registry.licensing.vocabulary import Fact
from registry.models import EvidenceDocument, OrganizationProfile

CHART_MONTHS = 24
WIDEST = "all_products_incl_affiliates"


@dataclass(frozen=True)
class Source:
    """An attestation behind a fact, with the documents that show this very fact."""

    profile: OrganizationProfile
    documents: list[EvidenceDocument]


@dataclass(frozen=True)
class Shown:
    """One fact of the vocabulary as the page shows it."""

    fact: Fact
    lines: list[str]
    sources: list[Source]
    asked_by: list[str]

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return bool(self.lines)


def gather(found: FactsInForce | None, *, on: date) -> dict[str, Any]:
    """The context of the page."""
    catalog = catalogs.current()
    askers = asked.asked(catalog, on=on)
    profiles = _with_documents(found)
    shown = {
        name: Shown(
            fact,
            lines(fact, found.facts.get(name) if found else None),
            _sources(found, name, profiles),
            askers.get(name, []),
        )
        for name, fact in vocabulary.ORG_FACTS.items()
    }
    known = sum(one.is_known for one in shown.values())
    users = found.facts.get("mau_by_month", {}) if found else {}
    return {
        "groups": [
            (heading, [shown[fact.name] for fact in facts]) for heading, facts in vocabulary.groups() if facts
        ],
        "known": known,
        "unknown": len(shown) - known,
        "wanted": [one.fact.label for one in shown.values() if one.asked_by and not one.is_known],
        "users": user_table(users),
        "limits": user_limits(users, asked.user_limits(catalog), on=on),
        "chart": chart(users, asked.user_limits(catalog)),
    }


def _with_documents(found: FactsInForce | None) -> dict[int, OrganizationProfile]:
    numbers = set(found.attestations.values()) if found else set()
    rows = OrganizationProfile.objects.filter(pk__in=numbers).select_related("attested_by")
    return {row.pk: row for row in attestations.with_documents(rows)}


def _sources(
    found: FactsInForce | None, name: str, profiles: Mapping[int, OrganizationProfile]
) -> list[Source]:
    """The attestations that a fact, or a part of it, comes from, the newest first."""
    sources: dict[int, Source] = {}
    for path, number in found.attestations.items() if found else ():
        if attested.covers(name, path):
            source = sources.setdefault(number, Source(profiles[number], []))
            new = [
                one for one in attestations.shown_by(profiles[number], path) if one not in source.documents
            ]
            source.documents.extend(new)
    return sorted(sources.values(), key=lambda one: (one.profile.effective_at, one.profile.pk), reverse=True)


def user_table(users: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The counts, newest month first, a column for each scope."""
    fact = vocabulary.ORG_FACTS["mau_by_month"]
    return [
        {"month": month, "counts": [users[month].get(scope) for scope in fact.members]}
        for month in sorted(users, reverse=True)
    ]


def chart(users: Mapping[str, Mapping[str, Any]], found: list[UserLimit]) -> str:
    """The widest count of each of the latest months, with the limits of licenses as lines."""
    if not users:
        return ""
    shown = sorted(users)[-CHART_MONTHS:]
    values = [
        (month, max((count for count in users[month].values() if count is not None), default=None))
        for month in shown
    ]
    named: dict[int, list[str]] = {}
    for limit in found:
        if limit.license not in named.setdefault(limit.limit, []):
            named[limit.limit].append(limit.license)
    drawn = [
        limits.Limit(
            number, f"{limits.short(number)}: {ids[0]}{f' and {len(ids) - 1} more' if len(ids) > 1 else ''}"
        )
        for number, ids in named.items()
    ]
    label = f"Monthly active users, {shown[0]} to {shown[-1]}, against {len(drawn)} limits of licences; the tables below say the same"
    return limits.chart(values, drawn, label=label)


def user_limits(
    users: Mapping[str, Mapping[str, Any]], found: list[UserLimit], *, on: date
) -> list[dict[str, Any]]:
    """Each limit with what is known of the users that it looks at."""
    fact = vocabulary.ORG_FACTS["mau_by_month"]
    rows = []
    for limit in found:
        counted = limit.months or months.ongoing(on)[:1]
        lows = [months.bounds(MonthlyUsers(**users.get(month, {})), limit.basis) for month in counted]
        rows.append(
            {
                "license": limit.license,
                "clause": limit.clause,
                "limit": limit.limit,
                "basis": fact.member(limit.basis),
                "months": ", ".join(counted),
                "is_fixed": bool(limit.months),
                "count": max((low for low, _ in lows if low is not None), default=None),
                "state": _state(lows, limit),
            }
        )
    return rows


def _state(bounds: list[tuple[int | None, int | None]], limit: UserLimit) -> str:
    """Whether users are known to be past a limit, or known not to be."""
    if any(low is not None and limit.operator.exceeded(low, limit.limit) for low, _ in bounds):
        return "above"
    certain = all(high is not None and not limit.operator.exceeded(high, limit.limit) for _, high in bounds)
    return "below" if certain else "unknown"


def changes(profile: OrganizationProfile) -> list[dict[str, Any]]:
    """What an attestation says, fact by fact, beside what held the moment before."""
    rows = OrganizationProfile.objects.exclude(pk=profile.pk)
    earlier = rows.filter(effective_at__lt=profile.effective_at) | rows.filter(
        effective_at=profile.effective_at, pk__lt=profile.pk
    )
    was = attestations.fold(attestations.from_last_complete(earlier)).facts
    before = {".".join(path): value for path, value in attested.leaves(was)}
    stated = {".".join(path): value for path, value in attested.leaves(profile.facts)}
    forgotten = set(before) - set(stated) if profile.is_complete else set()
    return [
        {
            "path": path,
            "label": vocabulary.label_of(path),
            "now": words(path, stated.get(path)),
            "was": words(path, before.get(path)),
            "is_new": before.get(path) != stated.get(path),
            "is_unknown": stated.get(path) is None,
            "documents": attestations.shown_by(profile, path) if path in stated else [],
        }
        for path in sorted(stated.keys() | forgotten)
    ]


def states(rows: list[OrganizationProfile], *, now: datetime) -> dict[int, str]:
    """Whether something of each attestation holds now, is still to come, or was replaced."""
    found = attestations.facts_in_force(at=now)
    held = {*found.attestations.values(), found.profile.pk} if found else set()
    return {
        row.pk: "in force" if row.pk in held else "pending" if row.effective_at > now else "superseded"
        for row in rows
    }
