"""Recorders, and the records that are missing from them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet

from audit import overview
from audit.models import SequenceGap
from audit.selectors import Gap
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission


@admin.register(SequenceGap)
class SequenceGapAdmin(DeskAdmin):
    """Numbers that a recorder skipped."""

    heading = "Recorders and gaps"
    reads = Permission.LOG_READ
    purpose = "Recorders number their records. A number that never arrived is a request without a record."
    empty_hint = "No recorder has skipped a number."
    search_hint = "Recorder"
    columns = ("Recorder", "Epoch", "Missing", "Records", "State", "Noticed")
    row_template = "audit/gap_row.html"
    list_template = "audit/gaps.html"

    def rows(self) -> QuerySet[SequenceGap]:
        """Newest first."""
        return SequenceGap.objects.order_by("-pk")

    def find(self, rows: QuerySet[SequenceGap], term: str) -> QuerySet[SequenceGap]:
        """By recorder."""
        return rows.filter(recorder__icontains=term)

    def dress(self, rows: list[SequenceGap]) -> None:
        """How many records each gap hides, and whether a late batch has closed it."""
        still = overview.open_gaps()
        for row in rows:
            row.records = row.last_missing - row.first_missing + 1  # type: ignore[attr-defined]
            row.is_open = any(_overlap(row, gap) for gap in still)  # type: ignore[attr-defined]

    def list_context(self) -> dict[str, Any]:
        """The recorders above the gaps."""
        return {"recorders": overview.recorders(limit=100)}


def _overlap(row: SequenceGap, gap: Gap) -> bool:
    same = (row.recorder, row.epoch) == (gap.recorder, gap.epoch)
    return same and row.first_missing <= gap.last_missing and gap.first_missing <= row.last_missing
