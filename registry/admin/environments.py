"""Environments: where models are served, and for what use."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet

from audit import overview
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry.actions import environments
from registry.models import Approval, ServingEnvironment

EXAMPLE = {
    "role": "licensee",
    "purpose": "internal",
    "environment": "production",
    "commercial": True,
    "hosting": "none",
    "distribute_weights": False,
}


class UseField(forms.JSONField):
    """The use as JSON, shown with one fact a line."""

    widget = forms.Textarea(attrs={"rows": 9, "class": "code", "spellcheck": "false"})

    def prepare_value(self, value: Any) -> Any:
        """Indented, unless a person typed it."""
        return json.dumps(value, indent=2) if isinstance(value, dict) else value


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
    use = UseField(
        help_text="What licence terms are held against: role, purpose, environment, commercial, hosting, "
        "distribute_weights, served_territories, use_case_tags. What is left out counts as unknown.",
        initial=EXAMPLE,
    )

    def __init__(self, *args: Any, row: ServingEnvironment | None = None, **kwargs: Any) -> None:
        if row is not None:
            kwargs["initial"] = {
                "name": row.name,
                "description": row.description,
                "regions": ", ".join(row.regions),
                "use": row.use,
            }
        super().__init__(*args, row=row, **kwargs)
        if row is not None:
            self.fields["name"].disabled = True

    def clean_regions(self) -> list[str]:
        """The regions as a list."""
        return [part.strip() for part in self.cleaned_data["regions"].split(",") if part.strip()]


def _define(_row: ServingEnvironment | None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return environments.define_environment(**values, actor=actor, now=now)


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
        ),
    )

    def rows(self) -> QuerySet[ServingEnvironment]:
        """By name."""
        return self.rows_for_page().order_by("name")

    def rows_for_page(self) -> QuerySet[ServingEnvironment]:
        """With who defined it."""
        return ServingEnvironment.objects.select_related("defined_by")

    def object_context(self, row: ServingEnvironment) -> dict[str, Any]:
        """What is approved there, and what the log says of it."""
        approvals = Approval.objects.filter(environment=row).select_related(
            "version__registered_model", "environment", "requested_by", "decided_by"
        )
        return {
            "approvals": list(approvals.order_by("-requested_at")[:50]),
            "entries": overview.latest_decisions([f"environment:{row.name}"], limit=20),
        }
