"""Obligations: who has to do what until when, and the page on which one is seen to."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from audit import overview
from governance.desk import access
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.models import User
from registry import duties
from registry.admin import finding, obligation_actions
from registry.licensing import given
from registry.lifecycle import TaskStatus
from registry.models import ModelVersion, ObligationTask, ServingEnvironment

LISTED_LICENSES = 300
OVERDUE = "overdue"


def _today() -> date:
    return timezone.now().date()


def _in_state(rows: QuerySet[ObligationTask], value: str) -> QuerySet[ObligationTask]:
    return duties.overdue(rows, on=_today()) if value == OVERDUE else rows.filter(status=value)


def _licenses() -> list[tuple[str, str]]:
    rows = ObligationTask.objects.order_by("license_id").values_list("license_id", flat=True).distinct()
    return [(name, name) for name in rows[:LISTED_LICENSES]]


def _owners() -> list[tuple[str, str]]:
    rows = User.objects.filter(obligations__isnull=False).order_by("username").distinct()
    return [(str(row.pk), row.username) for row in rows[:LISTED_LICENSES]]


@admin.register(ObligationTask)
class ObligationTaskAdmin(DeskAdmin):
    """What licences ask for in the uses that were requested or approved."""

    heading = "Obligations"
    purpose = "What licences ask for in the uses that were requested or approved. Each is done when its evidence is here."
    empty_hint = "Obligations become work when approval of a use is requested."
    search_hint = "Name or digest of a version"
    columns = ("What to do", "For", "Licence", "State", "Due", "Owner")
    row_template = "registry/obligation/row.html"
    list_template = "registry/obligation/list.html"
    object_template = "registry/obligation/page.html"
    page_actions = obligation_actions.ACTIONS
    filters = (
        ListFilter(
            "state",
            "State",
            lambda: [
                ("open", "open"),
                (OVERDUE, "overdue"),
                ("done", "done"),
                ("waived", "waived"),
                ("lapsed", "lapsed"),
            ],
            _in_state,
        ),
        ListFilter("license", "Licence", _licenses, lambda rows, value: rows.filter(license_id=value)),
        ListFilter(
            "environment",
            "Environment",
            lambda: [(str(row.pk), row.name) for row in ServingEnvironment.objects.order_by("name")],
            lambda rows, value: rows.filter(environment=value),
        ),
        ListFilter("owner", "Owner", _owners, lambda rows, value: rows.filter(owner=value)),
    )

    def rows(self) -> QuerySet[ObligationTask]:
        """Open ones first, the most pressing at the top; then the others, newest first."""
        is_open = When(status=TaskStatus.OPEN, then=Value(0))
        rank = Case(is_open, default=Value(1), output_field=IntegerField())
        due = Case(When(status=TaskStatus.OPEN, then="due_on"))
        return self.rows_for_page().annotate(rank=rank, due=due).order_by("rank", "due", "-pk")

    def find(self, rows: QuerySet[ObligationTask], term: str) -> QuerySet[ObligationTask]:
        """By what the version is found by."""
        return rows.filter(version__in=finding.versions(ModelVersion.objects.all(), term).values("pk"))

    def rows_for_page(self) -> QuerySet[ObligationTask]:
        """With everything that one names."""
        return duties.rows()

    def dress(self, rows: list[ObligationTask]) -> None:
        """How pressing each of them is."""
        dress(rows, on=_today())

    def name_of(self, row: ObligationTask) -> str:
        """What it asks for, and where."""
        return f"{row.obligation_id} ({row.license_id}) for {row.purpose} in {row.environment}"

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The list, with the ways to one's own, the open and the late ones."""
        response = super().list_view(request)
        if isinstance(response, TemplateResponse) and response.context_data is not None:
            response.context_data["views"] = _views(access.person(request))
        return response

    def object_context(self, row: ObligationTask) -> dict[str, Any]:
        """Its evidence, what can be reused, and what the log says of it."""
        dress([row], on=_today())
        shown = row.evidence.select_related(
            "document", "added_by", "carried_from__task__version__registered_model"
        )
        return {
            "title": f"Obligation {row.pk}",
            "shown": list(shown.order_by("pk")),
            "wanted": given.WORDS[row.wanted],
            "findings": findings(row),
            "entries": overview.latest_decisions([f"obligation:{row.pk}"], limit=20),
        }


def dress(rows: list[ObligationTask], *, on: date) -> None:
    """Give each row how pressing it is, in a word and in words."""
    for row in rows:
        row.timing = duties.timing(row, on=on)  # type: ignore[attr-defined]


def findings(task: ObligationTask) -> list[dict[str, Any]]:
    """Why it is due: what the evaluation that opened it said of its licence."""
    return [
        one
        for one in task.evaluation.result.get("findings", [])
        if one.get("license") == task.license_id and one.get("condition") in ("scope", "obligation_threshold")
    ]


def _views(user: User) -> list[dict[str, Any]]:
    """The four ways to look at the list, each with how many it holds."""
    is_open = ObligationTask.objects.filter(status=TaskStatus.OPEN)
    return [
        {
            "label": "Mine",
            "query": f"state=open&owner={user.pk}",
            "count": is_open.filter(owner=user).count(),
        },
        {"label": "Open", "query": "state=open", "count": is_open.count()},
        {
            "label": "Overdue",
            "query": f"state={OVERDUE}",
            "count": duties.overdue(is_open, on=_today()).count(),
        },
        {"label": "All", "query": "", "count": None},
    ]
