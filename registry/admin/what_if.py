"""What if, over everything: facts moved or a policy proposed, held against every approval in force."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone

from governance.desk import access
from governance.desk.pages import DeskAdmin
from governance.errors import GovernanceError
from governance.policy.document import MAX_BYTES
from registry.actions import what_if
from registry.actions.organization import facts_in_force
from registry.admin import what_if_result
from registry.admin.moves import MoveForm
from registry.catalogs import current as license_catalog
from registry.licensing import presets
from registry.licensing.facts import InvalidFacts
from registry.models import ServingEnvironment, WhatIfRun
from registry.whatif import selection
from registry.whatif.selection import MAX_ENVIRONMENTS, Selection

RECENT = 10


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
        help_text="None chosen: everything that is approved, wherever it is.",
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
        data = request.POST if request.method == "POST" else None
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
            run.told = what_if_result.told(run.change, run.policy_text)  # type: ignore[attr-defined]
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
        page = what_if_result.page_of(found.worst_first(), request.POST.get("page"))
        return {
            "page": page,
            "told": what_if_result.told(form.change.to_json(), policy_text),
            **what_if_result.drawn(found.summary()),
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
            "told": what_if_result.told(row.change, row.policy_text),
        }
        if row.summary is not None:
            number = what_if_result.number_of(request.GET.get("page"), row.changed_count)
            rows = what_if.changed_cells(
                row, offset=(number - 1) * what_if_result.PAGE, limit=what_if_result.PAGE
            )
            page = what_if_result.shown(rows, number, row.changed_count)
            context |= {"page": page, "stored": True, **what_if_result.drawn(row.summary)}
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


def _refuse(form: EverythingForm, error: GovernanceError) -> None:
    if isinstance(error, InvalidFacts):
        form.refuse_facts(error)
    else:
        form.add_error(None, error.detail)
