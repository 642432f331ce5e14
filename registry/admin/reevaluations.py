"""Re-evaluations: each time everything approved was evaluated again, why, and what was found."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet

from audit import overview
from governance.actors import Actor
from governance.desk import charts
from governance.desk.actions import PageAction
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry.actions import reevaluations
from registry.models import Cause, Reevaluation

SHOWN_ALERTS = 50
TONES = {"worse": "bad", "failed": "warn", "better": "good", "same": "plain"}


def _request(_row: None, _values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return reevaluations.request_by_person(actor=actor, now=now)


@admin.register(Reevaluation)
class ReevaluationAdmin(DeskAdmin):
    """One campaign over everything approved."""

    heading = "Re-evaluations"
    purpose = "When facts, the licence catalogue or a use change, and once a day, every approval in force is evaluated again."
    empty_hint = "The first one follows from the first change after something was approved."
    columns = ("Cause", "Asked", "Approvals", "Worse", "Better", "Same", "Failed", "Finished")
    row_template = "registry/reevaluation/row.html"
    object_template = "registry/reevaluation/page.html"
    filters = (
        ListFilter("cause", "Cause", lambda: Cause.choices, lambda rows, value: rows.filter(cause=value)),
    )
    list_actions = (
        PageAction(
            name="request",
            label="Evaluate everything again",
            permission=Permission.REEVALUATION_REQUEST,
            carry_out=_request,
            done="Under way. What got worse appears under Alerts.",
            tone="primary",
            icon="published_with_changes",
        ),
    )

    def rows(self) -> QuerySet[Reevaluation]:
        """Newest first."""
        return self.rows_for_page().order_by("-pk")

    def rows_for_page(self) -> QuerySet[Reevaluation]:
        """With the environment."""
        return Reevaluation.objects.select_related("environment")

    def name_of(self, row: Reevaluation) -> str:
        """Why it was."""
        return row.get_cause_display().capitalize()

    def object_context(self, row: Reevaluation) -> dict[str, Any]:
        """How far it came, and what it raised."""
        counts = [(name, getattr(row, name), tone) for name, tone in TONES.items()]
        return {
            "title": f"Re-evaluation {row.pk}",
            "counts": counts,
            "chart": charts.share(counts, label=f"Of {row.done} approvals"),
            "problems": list(row.parts.exclude(problem="").filter(finished_at__isnull=True)[:5]),
            "alerts": list(
                row.alerts.select_related(
                    "version__registered_model", "environment", "approval", "acknowledged_by"
                ).order_by("pk")[:SHOWN_ALERTS]
            ),
            "entries": overview.latest_decisions([f"reevaluation:{row.pk}"], limit=5),
        }
