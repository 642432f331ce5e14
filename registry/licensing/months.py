"""Which months a count of users is taken from, and what a count of one scope says about another. Pure."""

from datetime import date, timedelta

from registry.licensing.facts import MonthlyUsers, OrgFacts

_SCOPES = ("product_using_model", "licensee_only", "all_products_incl_affiliates")


def ongoing(on: date) -> tuple[str, str]:
    """Return the months of a test that never ends: the full month before, then the month that runs."""
    before = on.replace(day=1) - timedelta(days=1)
    return f"{before:%Y-%m}", f"{on:%Y-%m}"


def bounds(users: MonthlyUsers, scope: str) -> tuple[int | None, int | None]:
    """At least and at most how many users a scope has: a scope holds the narrower ones and is held by the wider."""
    place = _SCOPES.index(scope)
    narrow = [getattr(users, name) for name in _SCOPES[: place + 1]]
    wide = [getattr(users, name) for name in _SCOPES[place:]]
    return (
        max((count for count in narrow if count is not None), default=None),
        min((count for count in wide if count is not None), default=None),
    )


def founded_after(org: OrgFacts, month: str) -> bool:
    """Whether the organisation, with no affiliates, did not exist in a month."""
    return org.founded_on is not None and f"{org.founded_on:%Y-%m}" > month and org.affiliates == ()
