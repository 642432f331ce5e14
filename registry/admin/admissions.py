"""Admissions: what serving nodes asked, and what they were told."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet

from audit import overview
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry.models import Admission


@admin.register(Admission)
class AdmissionAdmin(DeskAdmin):
    """One decision at one node."""

    heading = "Admissions"
    reads = Permission.ADMISSION_READ
    purpose = "Before a node serves a model it shows the digests it loaded, and is told to go on or to stop, with reasons."
    empty_hint = "Nodes ask with: modelcustody admit --model DIR --environment ENV -- vllm serve DIR"
    search_hint = "Node, model digest or admission id"
    columns = ("Decision", "Node", "Version", "For", "Reasons", "Decided")
    row_template = "registry/admission/row.html"
    object_template = "registry/admission/page.html"
    filters = (
        ListFilter(
            "decision",
            "Decision",
            lambda: [("allow", "allow"), ("deny", "deny")],
            lambda rows, value: rows.filter(decision=value),
        ),
    )

    def rows(self) -> QuerySet[Admission]:
        """Newest first."""
        return self.rows_for_page().order_by("-decided_at")

    def rows_for_page(self) -> QuerySet[Admission]:
        """With the version, approval and policy."""
        return Admission.objects.select_related(
            "version__registered_model", "approval__environment", "policy"
        )

    def find(self, rows: QuerySet[Admission], term: str) -> QuerySet[Admission]:
        """By node, digest or id."""
        found = Q(node__icontains=term) | Q(model_digest=f"sha256:{term.lower().removeprefix('sha256:')}")
        if len(term) == 36:
            found |= Q(pk__in=_ids(term))
        return rows.filter(found)

    def object_context(self, row: Admission) -> dict[str, Any]:
        """What the log says of it."""
        return {
            "title": f"Admission {str(row.pk)[:8]}",
            "entries": overview.latest_decisions([f"admission:{row.pk}"], limit=5),
        }


def _ids(term: str) -> list[Any]:
    import uuid

    try:
        return [uuid.UUID(term)]
    except ValueError:
        return []
