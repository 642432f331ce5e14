"""Versions: the list, and the page that is the heart of the desk."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from governance.desk import access
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from registry import background
from registry.admin import axes, finding, notices, version_diff, version_page, what_if_version
from registry.admin.conclusion_actions import ACTIONS as SETTLING
from registry.admin.registration import REGISTER
from registry.admin.version_actions import ACTIONS
from registry.lifecycle import ApprovalStatus, Status
from registry.models import ModelVersion, RegisteredModel

# With more models than this, searching by name serves better than a drop-down.
LISTED_MODELS = 200


def _models() -> list[tuple[str, str]]:
    rows = list(RegisteredModel.objects.order_by("publisher", "name")[: LISTED_MODELS + 1])
    return [(str(row.pk), str(row)) for row in rows] if len(rows) <= LISTED_MODELS else []


@admin.register(ModelVersion)
class ModelVersionAdmin(DeskAdmin):
    """Every version of every model."""

    heading = "Versions"
    purpose = (
        "Each row is one exact state of a model's files. Another revision or another file is another version."
    )
    empty_hint = "Register a model: name a repository on the Hub, or a folder."
    search_hint = "Name, purl, commit or digest"
    columns = ("Version", "Status", "Evidence", "Approval", "Size", "Registered")
    row_template = "registry/version/row.html"
    object_template = "registry/version/page.html"
    bulk_page = "notices"
    bulk_label = "Notices to hand on"
    bulk_icon = "description"
    bulk_hint = "NOTICE file, attribution and licence texts of the versions that you choose above."
    list_actions = (REGISTER,)
    page_actions = (*ACTIONS, *SETTLING)
    filters = (
        ListFilter(
            "status",
            "Status",
            lambda: [(one.value, one.value) for one in Status],
            lambda rows, value: rows.filter(status=value),
        ),
        ListFilter(
            "evidence",
            "Evidence",
            lambda: [("failing", "not passing")],
            lambda rows, _value: rows.filter(pk__in=axes.failing()),
        ),
        ListFilter(
            "approval",
            "Approval",
            lambda: [(one.value, one.value) for one in ApprovalStatus],
            lambda rows, value: rows.filter(approvals__status=value).distinct(),
        ),
        ListFilter("model", "Model", _models, lambda rows, value: rows.filter(registered_model=value)),
    )

    def rows(self) -> QuerySet[ModelVersion]:
        """Newest first."""
        return ModelVersion.objects.select_related("registered_model", "submitted_by").order_by("-pk")

    def find(self, rows: QuerySet[ModelVersion], term: str) -> QuerySet[ModelVersion]:
        """By name, purl, commit or digest."""
        return finding.versions(rows, term)

    def dress(self, rows: list[ModelVersion]) -> None:
        """The three axes of the rows of one page."""
        axes.dress(rows, now=timezone.now())

    def rows_for_page(self) -> QuerySet[ModelVersion]:
        """With the model, who registered it, and what was found and concluded about its licence and lineage."""
        rows = ModelVersion.objects.select_related("registered_model", "submitted_by")
        return rows.prefetch_related(
            *background.RELATED, "lineage_statements__stated_by", "lineage_statements__answers"
        )

    def object_context(self, row: ModelVersion) -> dict[str, Any]:
        """The evidence, section by section."""
        return version_page.gather(row, now=timezone.now())

    def extra_routes(self, info: str) -> list[URLPattern]:
        """Notices of chosen versions, comparison, what-if, and the strip alone, which the page renews while a run is under way."""
        return [
            path("notices/", self._guarded(self.notices_view), name=f"{info}_notices"),
            path("<str:object_id>/strip/", self._guarded(self.strip_view), name=f"{info}_strip"),
            path("<str:object_id>/diff/", self._guarded(self.diff_view), name=f"{info}_diff"),
            path("<str:object_id>/what-if/", self._guarded(self.what_if_view), name=f"{info}_what_if"),
        ]

    def notices_view(self, request: HttpRequest) -> HttpResponse:
        """What must go with the chosen versions when they are handed on."""
        return notices.view(self, request)

    def diff_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The version beside another one."""
        row = self.one(object_id)
        context = {"title": f"Compare: {row}", "row": row, **version_diff.context(row, request.GET)}
        return self.show(request, "registry/version/diff.html", context)

    def what_if_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The verdicts over all environments, as they are and with facts moved."""
        row, user = self.one(object_id), access.person(request)
        found = what_if_version.context(row, request.GET, user=user, now=timezone.now())
        context = {"title": f"What if: {row}", "row": row, **found}
        return self.show(request, "registry/what_if/version.html", context)

    def strip_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The strip as a fragment; once nothing runs any more, the whole page is asked to load again."""
        row = self.one(object_id)
        context = {
            "row": row,
            "buttons": self.row_buttons(request, row),
            **version_page.gather(row, now=timezone.now()),
        }
        response = self.show(request, "registry/version/strip.html", context)
        if context["open_run"] is None:
            response["HX-Refresh"] = "true"
        return response
