"""Which approvals are suspended; reads only."""

from datetime import datetime
from typing import Any, cast

from django.db.models import F, FilteredRelation, Q, QuerySet

from registry.models import Approval, Suspension


def marked(rows: QuerySet[Approval]) -> QuerySet[Approval]:
    """The rows, each with when and why it was suspended, where a suspension stands; no further query."""
    found = rows.annotate(
        suspension=FilteredRelation("suspensions", condition=Q(suspensions__lifted_at__isnull=True))
    ).annotate(suspended_at=F("suspension__raised_at"), suspended_because=F("suspension__reason"))
    return cast("QuerySet[Approval]", found)


def unsuspended(rows: QuerySet[Approval]) -> QuerySet[Approval]:
    """Those of the rows that admit."""
    return rows.exclude(pk__in=Suspension.objects.filter(lifted_at__isnull=True).values("approval"))


def since(row: Any) -> datetime | None:
    """When a marked row was suspended; None where it is not."""
    return cast("datetime | None", row.suspended_at)


def because(row: Any) -> str | None:
    """Why a marked row was suspended; None where it is not."""
    return cast("str | None", row.suspended_because)


def words(row: Any) -> str:
    """Since when a marked row is suspended, and why; empty where it is not."""
    at = since(row)
    return f"suspended since {at:%Y-%m-%d at %H:%M} UTC: {row.suspended_because}" if at else ""
