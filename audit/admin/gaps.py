"""Recorders, and the records that are missing from them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from audit import overview
from audit.models import SequenceGap
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission


@admin.register(SequenceGap)
class SequenceGapAdmin(DeskAdmin):
    """Numbers that a recorder skipped."""

    reads = Permission.LOG_READ
    purpose = "Recorders number their records. A number that never arrived is a request without a record."
    empty_hint = "No recorder has skipped a number."
    search_hint = "Recorder"
    columns = ("Recorder", "Epoch", "Missing", "Records", "Noticed")
    row_template = "audit/gap_row.html"
    list_template = "audit/gaps.html"

    def rows(self, request: HttpRequest) -> QuerySet[SequenceGap]:
        """Newest first."""
        return SequenceGap.objects.order_by("-pk")

    def find(self, rows: QuerySet[SequenceGap], term: str) -> QuerySet[SequenceGap]:
        """By recorder."""
        return rows.filter(recorder__icontains=term)

    def dress(self, rows: list[SequenceGap]) -> None:
        """How many records each gap may hide."""
        for row in rows:
            row.records = row.last_missing - row.first_missing + 1  # type: ignore[attr-defined]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """The recorders above the gaps."""
        return {"title": "Recorders and gaps", "recorders": overview.recorders(limit=100)}
