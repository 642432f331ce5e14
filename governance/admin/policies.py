"""Policies: the documents that decide what admission asks for."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet

from audit import overview
from governance.actions import policies
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.desk.pages import DeskAdmin
from governance.models import PolicyDocument
from governance.permissions import Permission
from registry.admin import what_if_preview


class PolicyField(forms.CharField):
    """A document kept as it was typed, but for line ends, which browsers rewrite."""

    widget = forms.Textarea(attrs={"rows": 26, "class": "code", "spellcheck": "false"})

    def to_python(self, value: Any) -> str:
        """The text with plain line ends."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


class PolicyForm(DeskForm):
    """A new document; the one in force is the starting point."""

    text = PolicyField(
        label="Policy (TOML)", strip=False, help_text="It is checked before it is put in force."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        newest = PolicyDocument.objects.order_by("-pk").first()
        self.fields["text"].initial = newest.text if newest else ""


def _load(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return policies.load_policy(text=values["text"], actor=actor, now=now)


@admin.register(PolicyDocument)
class PolicyDocumentAdmin(DeskAdmin):
    """Policy documents, the newest in force."""

    heading = "Policies"
    purpose = "What a version must show before it is approved or admitted. Documents never change; a change is a new one."
    empty_hint = "Load one. Until then, nothing can be decided."
    columns = ("Policy", "State", "Loaded")
    row_template = "governance/policy_row.html"
    object_template = "governance/policy.html"
    list_actions = (
        PageAction(
            name="load",
            label="Load a new policy",
            permission=Permission.POLICY_EDIT,
            carry_out=_load,
            done="The policy is in force.",
            explanation="Holds for every decision from now on. Approvals from before keep the policy they are bound to.",
            form=PolicyForm,
            tone="primary",
            icon="gavel",
            preview=what_if_preview.of_policy,
        ),
    )

    def rows(self) -> QuerySet[PolicyDocument]:
        """Newest first."""
        return self.rows_for_page().order_by("-pk")

    def rows_for_page(self) -> QuerySet[PolicyDocument]:
        """With who loaded it."""
        return PolicyDocument.objects.select_related("loaded_by")

    def dress(self, rows: list[PolicyDocument]) -> None:
        """Which one is in force."""
        newest = _newest()
        for row in rows:
            row.state = "in force" if row.pk == newest else "superseded"  # type: ignore[attr-defined]

    def object_context(self, row: PolicyDocument) -> dict[str, Any]:
        """Whether it is in force, and what the log says of it."""
        return {
            "title": f"Policy {row.policy_digest[7:19]}",
            "state": "in force" if row.pk == _newest() else "superseded",
            "entries": overview.latest_decisions([f"policy:{row.policy_digest}"], limit=10),
        }


def _newest() -> int | None:
    return PolicyDocument.objects.order_by("-pk").values_list("pk", flat=True).first()
