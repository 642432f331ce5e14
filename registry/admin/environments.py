"""Environments: where models are served, and for what use."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path

from audit import overview
from governance.actors import Actor
from governance.desk import access
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry.actions import environments
from registry.admin import what_if_preview
from registry.admin.fact_fields import fields_for
from registry.licensing import use_words, vocabulary
from registry.licensing.fact_values import use_lines
from registry.models import Approval, ServingEnvironment

SUGGESTED = {
    "role": "licensee",
    "purpose": "internal",
    "environment": "production",
    "commercial": True,
    "hosting": "none",
    "distribute_weights": False,
}


class EnvironmentForm(DeskForm):
    """Defines an environment, or defines one anew."""

    name = forms.CharField(
        max_length=64, help_text="Small letters, digits, points and lines, such as production."
    )
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    regions = forms.CharField(
        required=False,
        help_text="Where nodes of this environment may stand, separated by commas. Empty: anywhere.",
    )

    def __init__(self, *args: Any, row: ServingEnvironment | None = None, **kwargs: Any) -> None:
        super().__init__(*args, row=row, **kwargs)
        self.use: Mapping[str, Any] = row.use if row is not None else SUGGESTED
        for fact in vocabulary.USE_FACTS.values():
            self.fields.update(fields_for(f"use.{fact.name}", fact, self.use.get(fact.name), months={}))
        if row is not None:
            self.fields["name"].disabled = True
            self.initial.update(name=row.name, description=row.description, regions=", ".join(row.regions))

    @property
    def sentence(self) -> str:
        """The use as it stands in the form, in plain words."""
        return use_words.sentence(self._typed() if self.is_bound else self.use)

    def _typed(self) -> dict[str, Any]:
        """The use that was typed, as far as it can be read; what is unknown is left out."""
        if not hasattr(self, "cleaned_data"):
            self.full_clean()
        values = {name: self.cleaned_data.get(f"use.{name}") for name in vocabulary.USE_FACTS}
        return {name: value for name, value in values.items() if value is not None}

    def groups(self) -> list[tuple[str, list[Any]]]:
        """The fields under their headings."""
        own = ["name", "description", "regions"]
        return [
            ("The place", [self[name] for name in own]),
            ("What it is used for", [self[name] for name in self.fields if name not in own]),
        ]

    def clean_regions(self) -> list[str]:
        """The regions as a list."""
        return [part.strip() for part in self.cleaned_data["regions"].split(",") if part.strip()]

    def clean(self) -> dict[str, Any]:
        """With the use in the vocabulary of the catalogue."""
        given = super().clean() or {}
        return {**given, "use": self._typed()}


def _define(_row: ServingEnvironment | None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    wanted = {name: values[name] for name in ("name", "description", "regions", "use")}
    return environments.define_environment(**wanted, actor=actor, now=now)


@admin.register(ServingEnvironment)
class ServingEnvironmentAdmin(DeskAdmin):
    """Places where models are served."""

    heading = "Environments"
    purpose = "An approval holds in one environment. Its use is what licence terms are held against."
    empty_hint = "Define the first one: its name, and what models are used for there."
    columns = ("Environment", "Regions", "Use", "Defined")
    row_template = "registry/environment/row.html"
    object_template = "registry/environment/page.html"
    list_actions = (
        PageAction(
            name="define",
            label="Define an environment",
            permission=Permission.ORGANIZATION_EDIT,
            carry_out=_define,
            done="{0} is defined.",
            form=EnvironmentForm,
            tone="primary",
            icon="add",
            template="registry/environment/form.html",
        ),
    )
    page_actions = (
        PageAction(
            name="redefine",
            label="Change it",
            permission=Permission.ORGANIZATION_EDIT,
            carry_out=_define,
            done="It is changed. What is approved there is evaluated again; what got worse appears under Alerts.",
            form=EnvironmentForm,
            icon="edit",
            template="registry/environment/form.html",
            preview=what_if_preview.of_use,
        ),
    )

    def rows(self) -> QuerySet[ServingEnvironment]:
        """By name."""
        return self.rows_for_page().order_by("name")

    def rows_for_page(self) -> QuerySet[ServingEnvironment]:
        """With who defined it."""
        return ServingEnvironment.objects.select_related("defined_by")

    def extra_routes(self, info: str) -> list[URLPattern]:
        """The sentence that says what a form amounts to."""
        return [path("in-words/", self._guarded(self.words_view), name=f"{info}_words")]

    def words_view(self, request: HttpRequest) -> HttpResponse:
        """What was typed so far, in plain words, for the page that shows the form."""
        access.require(request, Permission.ORGANIZATION_EDIT)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return self.show(request, "registry/environment/words.html", {"form": EnvironmentForm(request.POST)})

    def object_context(self, row: ServingEnvironment) -> dict[str, Any]:
        """What is approved there, and what the log says of it."""
        approvals = Approval.objects.filter(environment=row).select_related(
            "version__registered_model", "environment", "requested_by", "decided_by"
        )
        return {
            "use": use_lines(row.use),
            "approvals": list(approvals.order_by("-requested_at")[:50]),
            "entries": overview.latest_decisions([f"environment:{row.name}"], limit=20),
        }
