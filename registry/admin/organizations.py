"""Facts about us: what the organisation is as people attested it, since when, and on what evidence."""

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry import attestations
from registry.admin import facts_form, facts_page, what_if_preview
from registry.models import OrganizationProfile


class MomentForm(DeskForm):
    """Which day to look back at."""

    on = forms.DateField(label="Facts on", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    as_known = forms.BooleanField(label="Only what was on record by then", required=False)


@admin.register(OrganizationProfile)
class OrganizationProfileAdmin(DeskAdmin):
    """What the organisation is, as someone attested it."""

    heading = "Facts about us"
    purpose = (
        "Licences ask how large the organisation is and what it does. These are the answers, each attested by a person. "
        "What is unknown asks for a review; it never passes."
    )
    empty_hint = (
        "Attest the facts you know. Until then, licences with conditions on the organisation need a review."
    )
    columns = ("Holds from", "What it says", "Evidence", "Note", "Attested")
    list_template = "registry/organization/list.html"
    row_template = "registry/organization/row.html"
    object_template = "registry/organization/page.html"
    list_actions = (
        PageAction(
            name="attest",
            label="Attest facts",
            permission=Permission.ORGANIZATION_EDIT,
            carry_out=facts_form.attest,
            done="The facts are attested. From the day they hold, everything approved is evaluated again with them.",
            explanation="Change what is no longer true, or what you know now. What was attested before stays on record. "
            "The public log gets digests, never figures or names.",
            form=facts_form.FactsForm,
            tone="primary",
            icon="history_edu",
            template="registry/organization/attest.html",
            preview=what_if_preview.of_facts,
        ),
    )

    def rows(self) -> QuerySet[OrganizationProfile]:
        """What takes effect last, first."""
        return self.rows_for_page().order_by("-effective_at", "-pk")

    def rows_for_page(self) -> QuerySet[OrganizationProfile]:
        """With who attested them and their evidence."""
        return attestations.with_documents(OrganizationProfile.objects.select_related("attested_by"))

    def dress(self, rows: list[OrganizationProfile]) -> None:
        """Which of them something holds from."""
        states = facts_page.states(rows, now=timezone.now())
        for row in rows:
            row.state = states[row.pk]  # type: ignore[attr-defined]

    def list_context(self) -> dict[str, Any]:
        """Every fact of the vocabulary as it stands now."""
        now = timezone.now()
        found = attestations.facts_in_force(at=now)
        return {**facts_page.gather(found, on=now.date()), "moment": MomentForm(), "now": now}

    def object_context(self, row: OrganizationProfile) -> dict[str, Any]:
        """What it changed, and whether it holds."""
        return {
            "title": f"Attestation {row.pk}",
            "state": facts_page.states([row], now=timezone.now())[row.pk],
            "changes": facts_page.changes(row),
        }

    def extra_routes(self, info: str) -> list[URLPattern]:
        """The facts of another day."""
        return [path("on/", self._guarded(self.moment_view), name=f"{info}_on")]

    def moment_view(self, request: HttpRequest) -> HttpResponse:
        """What held at the end of a day, as is known today or as was on record then."""
        form = MomentForm(request.GET if "on" in request.GET else None)
        context: dict[str, Any] = {"title": "Facts of another day", "moment": form}
        if form.is_valid():
            day = form.cleaned_data["on"]
            at = datetime.combine(day, time(23, 59, 59), tzinfo=UTC)
            known_at = at if form.cleaned_data["as_known"] else None
            found = attestations.facts_in_force(at=at, known_at=known_at)
            context |= {
                **facts_page.gather(found, on=day),
                "title": f"Facts on {day}",
                "shown": True,
                "found": found,
            }
        return self.show(
            request, "registry/organization/moment.html", context, status=422 if form.errors else 200
        )
