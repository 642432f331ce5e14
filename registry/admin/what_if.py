"""What if, over everything: facts moved or a policy proposed, held against every approval in force."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone
from modelcustody_client import canonical

from governance.desk import access, charts
from governance.desk.pages import DeskAdmin
from governance.errors import GovernanceError
from governance.policy.document import MAX_BYTES
from registry.actions import what_if
from registry.actions.organization import facts_in_force
from registry.admin import moves
from registry.admin.moves import MoveForm
from registry.catalogs import current as license_catalog
from registry.licensing import presets
from registry.licensing.changes import patch_to
from registry.licensing.facts import InvalidFacts
from registry.licensing.terms import Verdict
from registry.models import ServingEnvironment, WhatIfRun
from registry.whatif import selection
from registry.whatif.selection import MAX_ENVIRONMENTS, Selection

PAGE = 50
RECENT = 10
# Facts whose names say less than these words.
FACTS = {
    "mau_by_month": "monthly users",
    "operates_maas": "models sold as a service",
    "operates_ai_assistant": "an assistant business",
    "hosting": "who outside reaches it",
    "distribute_weights": "weights handed out",
    "distribute_derivative": "a derivative handed out",
    "annual_revenue_usd": "revenue in a year",
    "monthly_revenue_usd": "revenue in a month",
    "trailing_12m_revenue_group": "revenue over twelve months",
    "commercial": "commercial use",
    "environment": "in production or not",
    "relation": "a model made from it",
    "name": "the name of that model",
}
TONES = {
    Verdict.ALLOWED: "good",
    Verdict.ALLOWED_WITH_OBLIGATIONS: "info",
    Verdict.NEEDS_REVIEW: "warn",
    Verdict.NEEDS_LICENCE: "licence",
    Verdict.PROHIBITED: "bad",
}


class EverythingForm(MoveForm):
    """The same moves, and a proposed policy, over all that is approved."""

    text = forms.CharField(
        label="A proposed policy (TOML)",
        required=False,
        strip=False,
        max_length=MAX_BYTES,
        widget=forms.Textarea(attrs={"rows": 14, "class": "code", "spellcheck": "false"}),
        help_text="Empty: the policy in force stays.",
    )
    environment = forms.MultipleChoiceField(
        label="Environments",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every approved version where it is approved. Chosen: every approved version in each.",
    )

    def __init__(self, *args: Any, environments: list[ServingEnvironment], **kwargs: Any) -> None:
        super().__init__(*args, uses=[row.use for row in environments], **kwargs)
        self.fields["environment"].choices = [(row.name, row.name) for row in environments]  # type: ignore[attr-defined]

    def clean_text(self) -> str:
        """The text with plain line ends, if it is a policy."""
        text = str(self.cleaned_data["text"]).replace("\r\n", "\n")
        if not text.strip():
            return ""
        try:
            what_if.proposed(text)
        except GovernanceError as error:
            raise forms.ValidationError(error.detail) from error
        return text

    @property
    def selection(self) -> Selection:
        """What is asked about."""
        names = self.cleaned_data["environment"]
        return Selection(environments=tuple(names) if names else None)


@dataclass(frozen=True)
class ShownPage:
    """One page of the cells that change."""

    rows: list[dict[str, Any]]
    total: str
    number: int
    previous: int
    following: int


@admin.register(WhatIfRun)
class WhatIfRunAdmin(DeskAdmin):
    """Asks what would change, before anything is saved."""

    heading = "What if"
    purpose = (
        "See what a fact or a policy would change before it is saved, over everything that is approved. "
        "Nothing you enter here is stored, unless the question is so large that a worker answers it."
    )
    object_template = "registry/what_if/run.html"

    def list_view(self, request: HttpRequest) -> HttpResponse:
        """The form; once it is sent, what changes."""
        now = timezone.now()
        data = _carried_over(request, now=now) if request.method == "POST" else None
        form = _form(data, now=now)
        context: dict[str, Any] = {}
        status = 200
        if data is not None and form.is_valid():
            try:
                answer = self._answer(request, form, now=now)
            except GovernanceError as error:
                _refuse(form, error)
            else:
                if isinstance(answer, WhatIfRun):
                    return HttpResponseRedirect(self.address("change", answer.pk))
                context = answer
        if data is not None and not form.is_valid():
            status = 422
        return self.show(
            request, "registry/what_if/page.html", {**self._frame(form), **context}, status=status
        )

    def _frame(self, form: EverythingForm) -> dict[str, Any]:
        runs = list(WhatIfRun.objects.order_by("-pk")[:RECENT])
        for run in runs:
            run.told = told(run.change, run.policy_text)  # type: ignore[attr-defined]
        return {
            "title": self.heading,
            "form": form,
            "presets": presets.PRESETS,
            "groups": form.groups(),
            "wide_fields": [form["text"], form["environment"]],
            "runs": runs,
        }

    def _answer(self, request: HttpRequest, form: EverythingForm, *, now: datetime) -> Any:
        """What the page shows, or the run of a question that is too large for it."""
        policy_text = form.cleaned_data["text"]
        if form.change.is_empty and not policy_text:
            form.add_error(None, "Nothing is moved yet: choose a fact, or give a policy.")
            return {}
        cells = selection.choose(form.selection, now=now)
        if len(cells) > selection.MAX_CELLS_AT_ONCE:
            return what_if.hand_over(
                chosen=form.selection,
                change=form.change,
                policy_text=policy_text,
                cells=cells,
                actor=access.actor_of(request),
                now=now,
            )
        found = what_if.answer(cells, what_if.ground(form.change, policy_text=policy_text, now=now))
        page = _page_of(found.worst_first(), request.POST.get("page"))
        return {
            "page": page,
            "told": told(form.change.to_json(), policy_text),
            **drawn(found.summary()),
        }

    def rows_for_page(self) -> QuerySet[WhatIfRun]:
        """Any run."""
        return WhatIfRun.objects.all()

    def object_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Progress; once answered, what changes."""
        row = self.one(object_id)
        context: dict[str, Any] = {
            "title": f"What if {row.pk}",
            "row": row,
            "told": told(row.change, row.policy_text),
        }
        if row.summary is not None:
            number = _number(request.GET.get("page"), row.changed_count)
            rows = what_if.changed_cells(row, offset=(number - 1) * PAGE, limit=PAGE)
            page = _shown(rows, number, row.changed_count)
            context |= {"page": page, "stored": True, **drawn(row.summary)}
        return self.show(request, self.object_template, context)


def _form(data: QueryDict | None, *, now: datetime) -> EverythingForm:
    organization = facts_in_force(at=now)
    on = now.date()
    return EverythingForm(
        data,
        org=organization.facts if organization else {},
        environments=list(ServingEnvironment.objects.order_by("name")[:MAX_ENVIRONMENTS]),
        months=presets.counted_months(license_catalog(), None, on=on),
        on=on,
    )


def _carried_over(request: HttpRequest, *, now: datetime) -> QueryDict:
    """What a page of another form was about to save, as moves: complete facts, or the use of an environment."""
    sent = request.POST
    data = sent.copy()
    if "facts" in sent:
        organization = facts_in_force(at=now)
        data["patch"] = _patch("org", organization.facts if organization else {}, sent["facts"])
    elif "use" in sent:
        row = ServingEnvironment.objects.filter(name=request.GET.get("of_environment", "")).first()
        data["patch"] = _patch("use", row.use if row else {}, sent["use"])
        if row is not None:
            data.setlist("environment", [row.name])
    return data


def _patch(part: str, known: Mapping[str, Any], text: str) -> str:
    """The change from what is known to what stands in a form; what is not JSON is handed on, to be refused."""
    try:
        wanted = canonical.loads(text.encode("utf-8", "surrogateescape"))
    except canonical.NotCanonical:
        return text
    return moves.as_text({part: patch_to(known, wanted)}) if isinstance(wanted, dict) else text


def _refuse(form: EverythingForm, error: GovernanceError) -> None:
    if isinstance(error, InvalidFacts):
        form.refuse_facts(error)
    else:
        form.add_error(None, error.detail)


def told(change: list[dict[str, Any]], policy_text: str) -> str:
    """What is moved, in a line."""
    names = dict.fromkeys(name for step in change for patch in step.values() for name in patch)
    moved = [FACTS.get(name, name.replace("_", " ")) for name in names]
    return ", ".join([*moved, *(["the policy"] if policy_text else [])])


def drawn(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The counts with their pictures."""
    lines = [
        {
            "verdict": verdict.value,
            "tone": TONES[verdict],
            "before": summary["before"][verdict.value],
            "after": summary["after"][verdict.value],
            "change": summary["after"][verdict.value] - summary["before"][verdict.value],
        }
        for verdict in Verdict
    ]
    bars = {
        side: charts.share(
            [(line["verdict"].replace("_", " "), line[side], line["tone"]) for line in lines],
            label="; ".join(f"{line['verdict'].replace('_', ' ')}: {line[side]:,}" for line in lines),
        )
        for side in ("before", "after")
    }
    return {"summary": summary, "verdicts": lines, "bars": bars}


def _page_of(cells: list[dict[str, Any]], wanted: str | None) -> ShownPage:
    number = _number(wanted, len(cells))
    return _shown(cells[(number - 1) * PAGE : number * PAGE], number, len(cells))


def _shown(rows: list[dict[str, Any]], number: int, count: int) -> ShownPage:
    return ShownPage(
        rows=rows,
        total=f"{count:,}",
        number=number,
        previous=number - 1,
        following=number + 1 if number * PAGE < count else 0,
    )


def _number(wanted: str | None, count: int) -> int:
    last = max(1, -(-count // PAGE))
    number = int(wanted) if wanted and wanted.isascii() and wanted.isdigit() and len(wanted) < 9 else 1
    return min(max(number, 1), last)
