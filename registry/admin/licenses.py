"""Licences: the catalogue in force, one page a record, and the way to one's own records."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from governance.actors import Actor
from governance.desk import access, charts
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm, ReasonForm
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.errors import GovernanceError
from governance.permissions import Permission
from registry import catalogs, drafts, holdings
from registry.actions import license_records, shipped_licenses
from registry.actions.documents import keep_document
from registry.admin import license_page, license_proposals
from registry.admin.license_forms import ProposeForm
from registry.formats import evidence
from registry.licensing import wording
from registry.licensing.terms import Category, Verification
from registry.models import CatalogRelease, LicenseProposal, LicenseRecord, Origin

LOOK = "look"
TONES = {
    Verification.VERIFIED_TEXT: "good",
    Verification.SECONDARY_SOURCE: "warn",
    Verification.FROM_MEMORY_UNVERIFIED: "bad",
}


@transaction.atomic
def _propose(_row: Any, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    """Keep the document and propose the record, both or neither."""
    kept = [
        keep_document(
            name=file.name,
            media_type=evidence.media_type_of(file.name, file.content_type),
            content=file.read(evidence.MAX_BYTES + 1),
            actor=actor,
            now=now,
        ).pk
        for file in values["uploads"]
    ]
    return license_records.propose(
        toml=values["toml"],
        takes_over=values["takes_over"],
        reason=values["reason"],
        document=kept[0] if kept else None,
        actor=actor,
        now=now,
    )


def _withdraw(row: LicenseRecord, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return license_records.propose_withdrawal(record=row, reason=values["reason"], actor=actor, now=now)


def _own_in_force(row: LicenseRecord) -> bool:
    release = catalogs.in_force()
    return (
        row.origin == Origin.ORGANIZATION and release is not None and drafts.is_in_force(row, release.entries)
    )


EXPLANATION = (
    "The record is checked strictly, and shown to a reviewer beside what it replaces. It decides nothing until "
    "that other person puts it in force."
)
PROPOSE = PageAction(
    name="propose",
    label="Propose a record",
    permission=Permission.LICENSE_PROPOSE,
    carry_out=_propose,
    done="Proposed. A reviewer reads it and puts it in force.",
    explanation=EXPLANATION,
    form=ProposeForm,
    tone="primary",
    icon="post_add",
    template="registry/license/propose.html",
)
REVISE = PageAction(
    name="revise",
    label="Propose another wording",
    permission=Permission.LICENSE_PROPOSE,
    carry_out=_propose,
    done="Proposed. A reviewer reads it and puts it in force.",
    explanation=EXPLANATION,
    form=ProposeForm,
    icon="edit_note",
    template="registry/license/propose.html",
)
WITHDRAW = PageAction(
    name="withdraw",
    label="Propose to withdraw it",
    permission=Permission.LICENSE_PROPOSE,
    carry_out=_withdraw,
    done="Proposed. A reviewer takes the record out of force.",
    explanation="Once a reviewer agrees, the record decides nothing any more. Where it hides a record of the "
    "project, that one is in force again. This page stays.",
    form=ReasonForm,
    offered=_own_in_force,
    tone="danger",
    icon="undo",
)


def _in_force() -> tuple[CatalogRelease | None, Q]:
    release = catalogs.in_force()
    digests: dict[str, list[str]] = {origin: [] for origin in Origin.values}
    for entry in release.entries.values() if release is not None else ():
        digests[entry["origin"]].append(entry["record_digest"])
    found = Q(pk__in=[])
    for origin, named in digests.items():
        found |= Q(origin=origin, record_digest__in=named)
    return release, found


def _whose(rows: QuerySet[LicenseRecord], value: str) -> QuerySet[LicenseRecord]:
    if value == "override":
        release = catalogs.in_force()
        entries = release.entries if release is not None else {}
        return rows.filter(license_id__in=[key for key, entry in entries.items() if entry["overrides"]])
    return rows.filter(origin=value)


def _used(rows: QuerySet[LicenseRecord], _value: str) -> QuerySet[LicenseRecord]:
    ids = list(rows.values_list("license_id", flat=True))
    return rows.filter(license_id__in=list(holdings.counts(ids)))


@admin.register(LicenseRecord)
class LicenseRecordAdmin(DeskAdmin):
    """The records in force."""

    heading = "Licences"
    purpose = "What each licence says, as data: every verdict is made from these records, and names the set it used."
    empty_hint = (
        "The records that come with the service are in force, and are put on record by manage.py load_licenses, or by "
        "the first evaluation."
    )
    search_hint = "Name, id, publisher or words on a model card"
    columns = ("Licence", "Kind", "Whose record", "Where the facts come from", "In force since", "Versions")
    row_template = "registry/license/row.html"
    list_template = "registry/license/list.html"
    object_template = "registry/license/page.html"
    list_actions = (PROPOSE,)
    page_actions = (REVISE, WITHDRAW)
    filters = (
        ListFilter(
            "category",
            "Kind",
            lambda: [(one.value, wording.plain(one.value)) for one in Category],
            lambda rows, value: rows.filter(record__category=value),
        ),
        ListFilter(
            "whose",
            "Whose record",
            lambda: [("project", "the project's"), ("organization", "yours"), ("override", "overrides")],
            _whose,
        ),
        ListFilter(
            "facts",
            "Where the facts come from",
            lambda: [(one.value, wording.plain(one.value)) for one in Verification],
            lambda rows, value: rows.filter(record__verification=value),
        ),
        ListFilter("used", "Versions", lambda: [("yes", "with versions under it")], _used),
    )

    def rows(self) -> QuerySet[LicenseRecord]:
        """Those in force, by id."""
        return LicenseRecord.objects.filter(_in_force()[1]).order_by("license_id")

    def find(self, rows: QuerySet[LicenseRecord], term: str) -> QuerySet[LicenseRecord]:
        """By any of its names, or its digest."""
        return rows.filter(
            Q(license_id__icontains=term)
            | Q(record__name__icontains=term)
            | Q(record__publisher__icontains=term)
            | Q(record__spdx__icontains=term)
            | Q(record__hub__license_names__icontains=term)
            | Q(record__hub__licenses__icontains=term)
            | Q(record_digest__endswith=term.removeprefix("sha256:"))
        )

    def dress(self, rows: list[LicenseRecord]) -> None:
        """Since when each is in force, what it hides, and how many versions are under it."""
        release = catalogs.in_force()
        entries = release.entries if release is not None else {}
        numbers = holdings.counts([row.license_id for row in rows])
        since = _since()
        for row in rows:
            row.since = since.get(row.license_id)  # type: ignore[attr-defined]
            row.number = numbers.get(row.license_id, 0)  # type: ignore[attr-defined]
            row.is_override = bool(entries.get(row.license_id, {}).get("overrides"))  # type: ignore[attr-defined]

    def list_context(self) -> dict[str, Any]:
        """How much of the catalogue was read in the licence texts themselves, and what waits."""
        release, found = _in_force()
        words = list(LicenseRecord.objects.filter(found).values_list("record__verification", flat=True))
        parts = [(wording.plain(one.value), words.count(one.value), TONES[one]) for one in Verification]
        return {
            "release": release,
            "facts": parts,
            "facts_chart": charts.share(parts, label="Records by where their facts come from"),
            "waiting": license_proposals.waiting().count(),
            "pending": shipped_licenses.pending(),
        }

    def object_context(self, row: LicenseRecord) -> dict[str, Any]:
        """The record in words, its history, and what is under it."""
        return license_page.gather(row)

    def name_of(self, row: LicenseRecord) -> str:
        """The name of the licence."""
        return str(row.record.get("name", row.license_id))

    def extra_routes(self, info: str) -> list[URLPattern]:
        """The record in force for a licence, by the licence's id."""
        return [path("of/<str:license_id>/", self._guarded(self.of_view), name=f"{info}_of")]

    def of_view(self, _request: HttpRequest, license_id: str) -> HttpResponse:
        """Go to the page of the record in force."""
        row = self.rows().filter(license_id=license_id).first()
        if row is None:
            raise Http404(f"No licence {license_id}.")
        return HttpResponseRedirect(self.address("change", row.pk))

    def carry(self, request: HttpRequest, action: PageAction, row: Any, *, back: str) -> HttpResponse:
        """Show what a record would change before it is proposed, where that was asked for."""
        if action.carry_out is not _propose or LOOK not in request.POST:
            return super().carry(request, action, row, back=back)
        access.require(request, action.permission)
        form = action.form(request.POST, request.FILES, row=row)
        context = {"title": action.label, "action": action, "form": form, "row": row, "back": back}
        context |= {"name": self.name_of(row) if row is not None else "", "draft": _look(request, form)}
        return self.show(request, action.template, context, status=200 if context["draft"] else 422)

    def after(self, request: HttpRequest, action: PageAction, row: Any, result: Any) -> HttpResponse:
        """Go to the proposal that was made."""
        answer = super().after(request, action, row, result)
        if isinstance(result, LicenseProposal):
            return HttpResponseRedirect(reverse("admin:registry_licenseproposal_change", args=[result.pk]))
        return answer


def _look(request: HttpRequest, form: DeskForm) -> drafts.Draft | None:
    if not form.is_valid():
        return None
    values = form.cleaned_data
    try:
        return license_records.look_at(
            toml=values["toml"], takes_over=values["takes_over"], actor=access.actor_of(request)
        )
    except GovernanceError as refusal:
        form.refuse(refusal)
        return None


def _since() -> dict[str, datetime]:
    """When each licence last changed."""
    found: dict[str, datetime] = {}
    for at, changes in CatalogRelease.objects.order_by("pk").values_list("published_at", "changes"):
        found |= dict.fromkeys(changes, at)
    return found
