from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from governance import tokens as checking
from governance.actions import tokens
from governance.errors import Conflict, Forbidden, InvalidInput
from governance.models import ApiToken
from governance.permissions import Role
from tests import decisions, factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def issue(**changes: Any) -> tuple[ApiToken, str]:
    fields: dict[str, Any] = {
        "name": "node one",
        "scopes": ["admission"],
        "environment": "production",
        "recorder": "",
        "expires_at": NOW + timedelta(days=30),
        "now": NOW,
        **changes,
    }
    fields.setdefault("actor", factories.actor(Role.ADMIN))
    fields.setdefault("owner", fields["actor"].user)
    return tokens.issue_token(**fields)


def test_issue_token_gives_a_token_that_opens_and_logs_no_secret() -> None:
    admin = factories.actor(Role.ADMIN)

    row, text = issue(actor=admin, scopes=["record", "admission"], recorder="node-1")

    assert checking.check(text, now=NOW) == row
    event, actor, body = decisions.last(f"token:{row.key_id}")
    assert (event, actor) == ("governance.token.issued", str(admin))
    assert body["scopes"] == ["admission", "record"]
    assert text.split("_", 2)[2] not in str(body)
    assert row.secret_hmac not in str(body)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admission", "everything"]}, "scopes"),
        ({"scopes": ["record"]}, "recorder"),
        ({"recorder": "node-1"}, "recorder"),
        ({"expires_at": NOW}, "expires_at"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"environment": "Not A Name"}, "environment"),
        ({"scopes": ["read"]}, "environment"),
        ({"scopes": ["admission", "register"]}, "environment"),
    ],
)
def test_issue_token_refuses_before_the_database_does(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        issue(**changes)

    assert caught.value.field == field
    assert not ApiToken.objects.exists()
    assert decisions.count() == 0


def test_a_token_acts_for_an_account_that_is_on() -> None:
    owner = factories.user()
    owner.is_active = False
    owner.save()

    with pytest.raises(InvalidInput, match="switched off"):
        issue(owner=owner)


def test_only_those_who_manage_tokens_issue_and_revoke_them() -> None:
    row, _ = issue()

    with pytest.raises(Forbidden):
        issue(actor=factories.actor(Role.OFFICER))
    with pytest.raises(Forbidden):
        tokens.revoke_token(token=row, actor=factories.actor(Role.OFFICER), now=NOW)


def test_revoked_token_opens_nothing_and_is_revoked_once() -> None:
    admin = factories.actor(Role.ADMIN)
    row, text = issue(actor=admin)

    tokens.revoke_token(token=row, actor=admin, now=NOW)

    with pytest.raises(checking.TokenRefused, match="revoked"):
        checking.check(text, now=NOW)
    with pytest.raises(Conflict):
        tokens.revoke_token(token=row, actor=admin, now=NOW)
    assert [entry["event"] for entry in decisions.about(f"token:{row.key_id}")] == [
        "governance.token.issued",
        "governance.token.revoked",
    ]


def test_expired_token_says_so() -> None:
    _, text = issue(expires_at=NOW + timedelta(minutes=1))

    with pytest.raises(checking.TokenExpired):
        checking.check(text, now=NOW + timedelta(minutes=2))


def test_command_prints_a_token_that_opens(capsys: pytest.CaptureFixture[str]) -> None:
    factories.user(Role.ADMIN, username="root-admin")

    call_command("issue_token", "ci", by="root-admin", scope=["register"])

    row = checking.check(capsys.readouterr().out.strip(), now=timezone.now())
    assert (row.name, row.owner.username) == ("ci", "root-admin")
    with pytest.raises(CommandError, match="no account"):
        call_command("issue_token", "ci", by="nobody", scope=["register"])
    with pytest.raises(CommandError, match="recorder"):
        call_command("issue_token", "ci", by="root-admin", scope=["record"])
