"""People: who may log in, and as what."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet

from audit import overview
from governance.actions import people
from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import DeskForm
from governance.desk.lists import ListFilter
from governance.desk.pages import DeskAdmin
from governance.models import User
from governance.permissions import Permission, Role

MEANINGS = {
    Role.OFFICER: "officer: registers models, asks for evidence and approval",
    Role.REVIEWER: "reviewer: decides what someone else requested",
    Role.AUDITOR: "auditor: reads everything, changes nothing",
    Role.ADMIN: "admin: people, tokens and policies",
}
ROLES = [(role.value, MEANINGS[role]) for role in Role]


class NewUserForm(DeskForm):
    """A new account."""

    username = forms.CharField(max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(choices=ROLES, help_text="Each person has exactly one role.")
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="A first password of at least 12 characters. The person changes it after logging in.",
    )


class ChangeUserForm(DeskForm):
    """Another role, or an account switched off or on."""

    role = forms.ChoiceField(choices=ROLES)
    is_active = forms.BooleanField(
        label="May log in", required=False, help_text="Switched off, the account and its tokens open nothing."
    )

    def __init__(self, *args: Any, row: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, initial={"role": row.role, "is_active": row.is_active}, **kwargs)


class PasswordForm(DeskForm):
    """A new password for someone who lost theirs."""

    password = forms.CharField(
        label="New password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. Every session of the account ends.",
    )


def _create(_row: None, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return people.create_user(**values, actor=actor, now=now)


def _change(user: User, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return people.change_user(user=user, **values, actor=actor, now=now)


def _password(user: User, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return people.set_password(user=user, **values, actor=actor, now=now)


def _oneself(row: User, user: User) -> str:
    return "This is your own account; another administrator changes it." if row.pk == user.pk else ""


@admin.register(User)
class UserAdmin(DeskAdmin):
    """Accounts of people."""

    heading = "People"
    reads = Permission.USER_MANAGE
    purpose = "Each person has exactly one role, so that nobody both asks and decides."
    empty_hint = "Create the first account."
    search_hint = "User name"
    columns = ("Person", "Role", "State", "Last login", "Since")
    row_template = "governance/person_row.html"
    object_template = "governance/person.html"
    filters = (
        ListFilter(
            "role",
            "Role",
            lambda: [(one.value, one.value) for one in Role],
            lambda rows, value: rows.filter(role=value),
        ),
    )
    list_actions = (
        PageAction(
            name="create",
            label="Create an account",
            permission=Permission.USER_MANAGE,
            carry_out=_create,
            done="The account {0} is created.",
            form=NewUserForm,
            tone="primary",
            icon="person_add",
        ),
    )
    page_actions = (
        PageAction(
            name="change",
            label="Change role or access",
            permission=Permission.USER_MANAGE,
            carry_out=_change,
            done="The account is changed.",
            form=ChangeUserForm,
            barred=_oneself,
            icon="manage_accounts",
        ),
        PageAction(
            name="password",
            label="Set a new password",
            permission=Permission.USER_MANAGE,
            carry_out=_password,
            done="The password is set. Tell the person over a channel that you trust.",
            form=PasswordForm,
            icon="key",
        ),
    )

    def rows(self) -> QuerySet[User]:
        """By name."""
        return User.objects.order_by("username")

    def find(self, rows: QuerySet[User], term: str) -> QuerySet[User]:
        """By name."""
        return rows.filter(username__icontains=term)

    def object_context(self, row: User) -> dict[str, Any]:
        """The tokens that act for this person, and what the log says."""
        return {
            "title": row.username,
            "tokens": list(
                row.tokens.select_related("owner", "created_by", "revoked_by").order_by("-pk")[:50]
            ),
            "entries": overview.latest_decisions([f"user:{row.username}"], limit=20),
            "meaning": MEANINGS[Role(row.role)],
        }
