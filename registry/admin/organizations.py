"""Organisation facts: what licence thresholds are held against, attested by a person."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.utils import timezone

from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DayField, DeskForm
from governance.desk.pages import DeskAdmin
from governance.permissions import Permission
from registry.actions import organization
from registry.models import OrganizationProfile

EXAMPLE = {
    "licensee_entity": "Example GmbH",
    "entity_type": "company",
    "principal_place_of_business": "DE",
    "operates_maas": False,
    "annual_revenue_usd": {"group": 0},
}


class DayStartField(DayField):
    """A day, meaning its first moment in UTC."""

    def clean(self, value: Any) -> datetime | None:
        """The first second of the day."""
        end = super().clean(value)
        return end.replace(hour=0, minute=0, second=0) if end is not None else None


class FactsForm(DeskForm):
    """All facts as they are to hold; the facts in force are the starting point."""

    facts = forms.JSONField(
        widget=forms.Textarea(attrs={"rows": 14, "class": "code", "spellcheck": "false"}),
        help_text="Facts that you can vouch for, in the vocabulary of the licence catalogue. Leave out what you do not "
        "know: an unknown fact asks for a review, it never passes.",
    )
    effective_at = DayStartField(
        label="Holds from", help_text="The first day, in UTC, on which this was true."
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Where the figures come from.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        current = organization.facts_in_force(at=now)
        self.fields["facts"].initial = current.facts if current else EXAMPLE
        self.fields["facts"].prepare_value = _indented  # type: ignore[method-assign]
        self.fields["effective_at"].initial = now.date().isoformat()


def _indented(value: Any) -> Any:
    return json.dumps(value, indent=2) if isinstance(value, dict) else value


def _attest(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return organization.attest_facts(**values, actor=actor, now=now)


@admin.register(OrganizationProfile)
class OrganizationProfileAdmin(DeskAdmin):
    """What the organisation is, as someone attested it."""

    heading = "Organisation facts"
    purpose = "Licences ask how large the organisation is and what it does. These are the answers, each attested by a person."
    empty_hint = (
        "Attest the facts you know. Until then, licences with conditions on the organisation need a review."
    )
    columns = ("Holds from", "Facts", "Note", "Attested")
    row_template = "registry/organization/row.html"
    object_template = "registry/organization/page.html"
    list_actions = (
        PageAction(
            name="attest",
            label="Attest facts",
            permission=Permission.ORGANIZATION_EDIT,
            carry_out=_attest,
            done="The facts are attested. From the day they hold, everything approved is evaluated again with them.",
            explanation="A change is a new row; what was attested before stays on record. The public log gets a digest, "
            "never the figures.",
            form=FactsForm,
            tone="primary",
            icon="history_edu",
        ),
    )

    def rows(self) -> QuerySet[OrganizationProfile]:
        """What took effect last, first."""
        return self.rows_for_page().order_by("-effective_at", "-pk")

    def rows_for_page(self) -> QuerySet[OrganizationProfile]:
        """With who attested them."""
        return OrganizationProfile.objects.select_related("attested_by")

    def dress(self, rows: list[OrganizationProfile]) -> None:
        """Which row is in force."""
        current = organization.facts_in_force(at=timezone.now())
        for row in rows:
            row.state = _state(row, current)  # type: ignore[attr-defined]

    def object_context(self, row: OrganizationProfile) -> dict[str, Any]:
        """Whether it is in force."""
        return {
            "title": f"Facts from {row.effective_at:%Y-%m-%d}",
            "state": _state(row, organization.facts_in_force(at=timezone.now())),
        }


def _state(row: OrganizationProfile, current: OrganizationProfile | None) -> str:
    if current is not None and row.pk == current.pk:
        return "in force"
    return "superseded" if row.effective_at <= timezone.now() else "pending"
