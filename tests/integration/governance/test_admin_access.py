"""People, tokens, policies and the start page."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from governance import tokens
from governance.models import ApiToken, PolicyDocument, User
from governance.permissions import Role, Scope
from tests import decisions, desk, factories, intake

pytestmark = pytest.mark.django_db


def test_an_account_is_created_and_can_log_in() -> None:
    client, admin = desk.client(Role.ADMIN)
    values = {"username": "ada", "role": "reviewer", "password": factories.PASSWORD}

    client.post(reverse("admin:governance_user_create"), values)
    browser = Client()
    answer = browser.post(reverse("admin:login"), {"username": "ada", "password": factories.PASSWORD})

    assert answer.status_code == 302
    assert User.objects.get(username="ada").role == "reviewer"
    assert decisions.last("user:ada")[1] == f"user:{admin.username}"


@pytest.mark.parametrize(
    ("values", "field"),
    [({"password": "short"}, "password"), ({"username": "a b"}, "username"), ({"role": "king"}, "role")],
)
def test_a_bad_account_is_refused_at_its_field(values: dict[str, str], field: str) -> None:
    client, _ = desk.client(Role.ADMIN)
    sound = {"username": "ada", "role": "officer", "password": factories.PASSWORD}

    answer = client.post(reverse("admin:governance_user_create"), {**sound, **values})

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == [field]


def test_nobody_changes_their_own_role() -> None:
    client, admin = desk.client(Role.ADMIN)
    page = reverse("admin:governance_user_change", args=[admin.pk])
    change = reverse("admin:governance_user_act", args=[admin.pk, "change"])

    assert "This is your own account" in client.get(page).content.decode()
    assert client.post(change, {"role": "officer", "is_active": "on"}).status_code == 409
    admin.refresh_from_db()
    assert admin.role == "admin"


def test_an_account_that_is_switched_off_is_out_at_once() -> None:
    client, _ = desk.client(Role.ADMIN)
    other, person = desk.client(Role.OFFICER)

    client.post(reverse("admin:governance_user_act", args=[person.pk, "change"]), {"role": "officer"})

    assert other.get(reverse("admin:index")).status_code == 302


def test_a_token_is_shown_once_and_works_until_it_is_revoked() -> None:
    client, _ = desk.client(Role.ADMIN)
    owner = factories.user(Role.OFFICER)
    place = factories.environment()

    answer = client.post(
        reverse("admin:governance_apitoken_issue"),
        {
            "name": "node",
            "owner": owner.pk,
            "scopes": ["admission", "record"],
            "environment": place.name,
            "recorder": "node-1",
            "expires_at": "2036-01-01",
        },
    )
    token = ApiToken.objects.get()
    secret = answer.context["secret"]
    page = client.get(reverse("admin:governance_apitoken_change", args=[token.pk])).content.decode()

    assert "no-store" in answer["Cache-Control"]
    assert secret in answer.content.decode()
    assert secret.split("_", 2)[2] not in page
    assert tokens.check(secret, now=intake.now()) == token
    assert token.environment == place.name
    client.post(reverse("admin:governance_apitoken_act", args=[token.pk, "revoke"]))
    with pytest.raises(tokens.TokenRefused):
        tokens.check(secret, now=intake.now())


def test_a_recorder_token_without_recorder_is_refused_at_the_field() -> None:
    client, admin = desk.client(Role.ADMIN)

    answer = client.post(
        reverse("admin:governance_apitoken_issue"),
        {
            "name": "node",
            "owner": admin.pk,
            "scopes": [Scope.RECORD],
            "recorder": "",
            "expires_at": "2036-01-01",
        },
    )

    assert list(answer.context["form"].errors) == ["recorder"]
    assert ApiToken.objects.count() == 0


def test_a_policy_is_loaded_word_for_word_and_an_invalid_one_is_refused() -> None:
    client, _ = desk.client(Role.ADMIN)
    form = reverse("admin:governance_policydocument_load")
    text = desk.POLICY.read_text()

    client.post(form, {"text": text.replace("\n", "\r\n")})
    bad = client.post(form, {"text": "version = 2"})

    assert PolicyDocument.objects.get().text == text
    assert bad.status_code == 409
    assert bad.context["form"].errors


@pytest.mark.parametrize("role", Role)
def test_an_empty_service_says_what_to_do_first(role: Role) -> None:
    client, _ = desk.client(role)

    answer = client.get(reverse("admin:index"))

    offered = {step.label for step in answer.context["first_steps"] if step.url}
    assert ("Register a model" in offered) == (role == Role.OFFICER)
    assert ("Load a policy" in offered) == (role == Role.ADMIN)
    assert "First steps" in answer.content.decode()


def test_the_start_page_counts_and_links(
    log_folders: Path, tmp_path: Path, django_assert_max_num_queries: object
) -> None:
    desk.served(tmp_path / "model")
    factories.approval()
    client, _ = desk.client(Role.REVIEWER)

    with django_assert_max_num_queries(42):  # type: ignore[operator]
        answer = client.get(reverse("admin:index"))

    numbers = {tile.label: tile.value for tile in answer.context["tiles"]}
    assert numbers == {
        "Awaiting review": 1,
        "Releases to decide": 0,
        "Overdue obligations": 0,
        "Alerts": 0,
        "Failing evidence": 0,
        "Expiring approvals": 0,
        "Denied admissions": 1,
        "Gaps in records": 0,
    }
    assert answer.context["served_total"] == 1
    for tile in answer.context["tiles"]:
        assert client.get(tile.url).status_code == 200


def test_the_menu_shows_what_the_role_may_open() -> None:
    for role, expected in ((Role.ADMIN, True), (Role.AUDITOR, False)):
        client, _ = desk.client(role)

        page = client.get(reverse("admin:index")).content.decode()

        assert (reverse("admin:governance_user_changelist") in page) == expected
        assert (reverse("admin:governance_apitoken_changelist") in page) == expected


def test_a_password_is_changed_by_its_owner() -> None:
    client, person = desk.client(Role.AUDITOR)
    form = {
        "old_password": factories.PASSWORD,
        "new_password1": "another long passphrase",
        "new_password2": "another long passphrase",
    }

    wrong = client.post(reverse("admin:password_change"), {**form, "old_password": "x"})
    right = client.post(reverse("admin:password_change"), form, follow=True)

    assert "id_old_password_error" in wrong.content.decode()
    assert "Password changed" in right.content.decode()
    person.refresh_from_db()
    assert person.check_password("another long passphrase")
    event, actor, body = decisions.last(f"user:{person.username}")
    assert (event, actor) == ("governance.user.changed", f"user:{person.username}")
    assert body == {"changed": ["password"]}
    assert client.get(reverse("admin:index")).status_code == 200
