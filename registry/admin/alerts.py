"""Alerts: what changed for models in use, the most pressing first, and who looks after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When

from audit import overview
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import NoteForm
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry.actions import alerts, suspensions
from registry.admin import finding
from registry.lifecycle import Severity
from registry.models import Alert, AlertKind, ModelVersion

PRESSING = {severity.value: place for place, severity in enumerate(reversed(Severity))}
OPEN, ACKNOWLEDGED, RESOLVED = 0, 1, 2


def _acknowledge(alert: Alert, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return alerts.acknowledge(alert=alert, note=values["note"], actor=actor, now=now)


def unresolved() -> QuerySet[Alert]:
    """What stands, acknowledged or not, the most pressing first."""
    return ordered(Alert.objects.filter(resolved_at__isnull=True))


def ordered(rows: QuerySet[Alert]) -> QuerySet[Alert]:
    """Open ones first, then acknowledged, then resolved; the most severe first, the newest first."""
    state = Case(
        When(resolved_at__isnull=False, then=Value(RESOLVED)),
        When(acknowledged_at__isnull=False, then=Value(ACKNOWLEDGED)),
        default=Value(OPEN),
        output_field=IntegerField(),
    )
    pressing = Case(
        *(When(severity=severity, then=Value(place)) for severity, place in PRESSING.items()),
        output_field=IntegerField(),
    )
    return rows.select_related(
        "version__registered_model", "environment", "approval", "owner", "acknowledged_by"
    ).order_by(state, pressing, "-pk")


@admin.register(Alert)
class AlertAdmin(DeskAdmin):
    """Something that happened to what is in use."""

    heading = "Alerts"
    purpose = (
        "Whenever facts, licences or uses change, everything approved is evaluated again; sources are looked at every "
        "day, and stored copies read again. What is worse than it was stands here until it is well again."
    )
    empty_hint = (
        "Nothing that is approved got worse, and no source changed. Alerts appear here by themselves."
    )
    search_hint = "Name or digest of a version"
    columns = ("What", "Version", "For", "Severity", "State", "Raised")
    row_template = "registry/alert/row.html"
    object_template = "registry/alert/page.html"
    filters = (
        ListFilter(
            "state",
            "State",
            lambda: [(state, state) for state in Alert.STATES],
            lambda rows, value: rows.filter(**Alert.STATES[value]),
        ),
        ListFilter("kind", "What", lambda: AlertKind.choices, lambda rows, value: rows.filter(kind=value)),
        ListFilter(
            "severity",
            "Severity",
            lambda: [(severity, severity) for severity in PRESSING],
            lambda rows, value: rows.filter(severity=value),
        ),
    )
    page_actions = (
        PageAction(
            name="acknowledge",
            label="Acknowledge",
            permission=Permission.ALERT_ACKNOWLEDGE,
            carry_out=_acknowledge,
            done="Acknowledged: you look after it. It is resolved when its cause is gone.",
            explanation="You state that you have seen it and look after it. Nothing is lifted or permitted by this.",
            form=NoteForm,
            offered=lambda alert: alert.state == "open",
            tone="primary",
            icon="visibility",
        ),
    )

    def rows(self) -> QuerySet[Alert]:
        """The most pressing first."""
        return ordered(Alert.objects.all())

    def find(self, rows: QuerySet[Alert], term: str) -> QuerySet[Alert]:
        """By what the version is found by."""
        return rows.filter(version__in=finding.versions(ModelVersion.objects.all(), term).values("pk"))

    def rows_for_page(self) -> QuerySet[Alert]:
        """With everything it names."""
        return Alert.objects.select_related(
            "version__registered_model",
            "environment",
            "approval__evaluation__environment",
            "approval__evaluation__organization",
            "evaluation__environment",
            "evaluation__organization",
            "owner",
            "acknowledged_by",
            "reevaluation",
            "drift_run",
            "verification_run",
        )

    def name_of(self, row: Alert) -> str:
        """What happened to which version."""
        return f"{row.get_kind_display().capitalize()}: {row.version}"

    def object_context(self, row: Alert) -> dict[str, Any]:
        """Whether admission goes on, and what the log says of the version."""
        return {
            "title": f"Alert {row.pk}",
            "suspension": suspensions.open_of(row.approval) if row.approval else None,
            "entries": overview.latest_decisions(
                [f"model-version:{row.version_id}", f"approval:{row.approval_id}"], limit=20
            ),
        }
