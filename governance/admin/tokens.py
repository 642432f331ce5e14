"""Service tokens: issued, shown once, revoked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from audit import overview
from governance.actions import tokens
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DayField, DeskForm, days_ahead
from governance.desk.pages import DeskAdmin
from governance.models import ApiToken, User
from governance.permissions import Permission, Scope
from registry.models import ServingEnvironment

MEANINGS = {
    Scope.ADMISSION: "admission: a serving node asks whether it may serve",
    Scope.RECORD: "record: a recorder appends served requests",
    Scope.REGISTER: "register: a pipeline registers models and asks for evidence",
    Scope.READ: "read: everything is read, nothing is changed",
}
SUGGESTED_DAYS = 180


class IssueForm(DeskForm):
    """A new token."""

    name = forms.CharField(max_length=100, help_text="What it is for, such as gpu-node-1 admission.")
    owner = forms.ModelChoiceField(
        queryset=User.objects.filter(is_active=True).order_by("username"),
        empty_label="Choose one",
        help_text="The person who answers for it. It has none of their rights, only its scopes.",
    )
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, MEANINGS[scope]) for scope in Scope], widget=forms.CheckboxSelectMultiple
    )
    environment = forms.ModelChoiceField(
        queryset=ServingEnvironment.objects.order_by("name"),
        to_field_name="name",
        required=False,
        empty_label="Every environment",
        help_text="Where it is good.",
    )
    recorder = forms.CharField(
        max_length=128,
        required=False,
        help_text="The one recorder whose records it may append. Needed for the scope record.",
    )
    expires_at = DayField(label="Good until", help_text="The last day, in UTC.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["expires_at"].initial = days_ahead(SUGGESTED_DAYS, now=timezone.now())

    def clean_environment(self) -> str:
        """Its name; empty for every environment."""
        place = self.cleaned_data["environment"]
        return place.name if place is not None else ""


def _issue(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return tokens.issue_token(**values, actor=actor, now=now)


def _revoke(token: ApiToken, _values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return tokens.revoke_token(token=token, actor=actor, now=now)


def state(token: ApiToken, now: datetime) -> str:
    """Whether it opens anything."""
    if token.revoked_at is not None:
        return "revoked"
    return "expired" if token.expires_at <= now else "active"


@admin.register(ApiToken)
class ApiTokenAdmin(DeskAdmin):
    """Bearer tokens of nodes, recorders and pipelines."""

    heading = "Tokens"
    reads = Permission.TOKEN_MANAGE
    purpose = (
        "For machines. A token carries only its scopes, is shown once, and is kept here as a keyed hash."
    )
    empty_hint = "Issue one for each serving node and each recorder."
    search_hint = "Name, key id, owner or recorder"
    columns = ("Token", "Scopes", "Good for", "Owner", "State", "Until")
    row_template = "governance/token_row.html"
    object_template = "governance/token.html"
    list_actions = (
        PageAction(
            name="issue",
            label="Issue a token",
            permission=Permission.TOKEN_MANAGE,
            carry_out=_issue,
            done="",
            form=IssueForm,
            tone="primary",
            icon="key",
        ),
    )
    page_actions = (
        PageAction(
            name="revoke",
            label="Revoke",
            permission=Permission.TOKEN_MANAGE,
            carry_out=_revoke,
            done="The token is revoked; it opens nothing from now on.",
            explanation="Whatever uses it is refused from the next request on. There is no way back.",
            offered=lambda token: token.revoked_at is None,
            tone="danger",
            icon="block",
        ),
    )

    def rows(self) -> QuerySet[ApiToken]:
        """Newest first."""
        return self.rows_for_page().order_by("-pk")

    def rows_for_page(self) -> QuerySet[ApiToken]:
        """With the people behind it."""
        return ApiToken.objects.select_related("owner", "created_by", "revoked_by")

    def find(self, rows: QuerySet[ApiToken], term: str) -> QuerySet[ApiToken]:
        """By name, key id, owner or recorder."""
        return rows.filter(
            Q(name__icontains=term)
            | Q(key_id=term)
            | Q(owner__username__icontains=term)
            | Q(recorder__icontains=term)
        )

    def dress(self, rows: list[ApiToken]) -> None:
        """The state of each."""
        for row in rows:
            row.state = state(row, timezone.now())  # type: ignore[attr-defined]

    def object_context(self, row: ApiToken) -> dict[str, Any]:
        """Its state, and what the log says of it and of what it did."""
        return {
            "title": row.name,
            "state": state(row, timezone.now()),
            "entries": overview.latest_decisions([f"token:{row.key_id}"], limit=20),
        }

    def after(self, request: HttpRequest, action: PageAction, row: Any, result: Any) -> HttpResponse:
        """A new token is shown once, in the answer itself, and kept nowhere."""
        if action.name != "issue":
            return super().after(request, action, row, result)
        token, secret = result
        response = self.show(
            request,
            "governance/token_issued.html",
            {"title": "Token issued", "token": token, "secret": secret},
        )
        response["Cache-Control"] = "no-store"
        return response
