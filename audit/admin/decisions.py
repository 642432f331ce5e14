"""The decisions log, entry by entry."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from audit import overview
from audit.admin import leaves
from audit.events import Event, Log
from audit.models import DecisionEntry
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission


@admin.register(DecisionEntry)
class DecisionEntryAdmin(DeskAdmin):
    """Every governance action and admission."""

    heading = "Decisions log"
    reads = Permission.LOG_READ
    purpose = "Every action on this desk and every admission, in a log that shows when someone rewrites it."
    empty_hint = "The first action writes the first entry."
    search_hint = "Actor or subject, such as user:ada or model-version:12"
    columns = ("Event", "Subject", "By", "At", "Index", "Inclusion")
    row_template = "audit/decision_row.html"
    object_template = "audit/decision.html"
    list_template = "audit/decisions.html"
    filters = (
        ListFilter(
            "event",
            "Event",
            lambda: [(one.value, one.value) for one in Event],
            lambda rows, value: rows.filter(event=value),
        ),
    )

    def rows(self) -> QuerySet[DecisionEntry]:
        """Newest first."""
        return DecisionEntry.objects.order_by("-batch_id")

    def find(self, rows: QuerySet[DecisionEntry], term: str) -> QuerySet[DecisionEntry]:
        """By who did it, or to what."""
        return rows.filter(
            Q(subject=term) | Q(actor=term) | Q(subject__endswith=f":{term}") | Q(actor__endswith=f":{term}")
        )

    def dress(self, rows: list[DecisionEntry]) -> None:
        """The places of the rows of one page."""
        overview.with_places(rows)

    def list_context(self) -> dict[str, Any]:
        """How far both logs have come."""
        return {"logs": overview.log_numbers()}

    def object_context(self, row: DecisionEntry) -> dict[str, Any]:
        """The leaf itself."""
        return {"title": row.event, "leaf": leaves.leaf(row.batch_id, log=Log.DECISIONS)}
