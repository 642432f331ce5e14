import pytest
from django.core.management import CommandError, call_command

from governance.actions import people
from governance.errors import Forbidden, InvalidInput
from governance.models import User
from governance.permissions import Role
from tests import decisions, factories

pytestmark = pytest.mark.django_db
GOOD = "a long and quiet river"


def test_create_user_makes_an_account_that_can_log_in_and_says_so_in_the_log() -> None:
    admin = factories.actor(Role.ADMIN)

    made = people.create_user(username="mara", password=GOOD, role="officer", actor=admin, now=factories.NOW)

    assert User.objects.get(username="mara").check_password(GOOD)
    assert (made.role, made.is_staff, made.is_superuser) == ("officer", True, False)
    assert decisions.last("user:mara") == ("governance.user.created", str(admin), {"role": "officer"})


def test_first_account_is_made_by_the_machine() -> None:
    people.create_user(username="first", password=GOOD, role="admin", actor=None, now=factories.NOW)

    assert decisions.last("user:first")[1] == "system:setup"


@pytest.mark.parametrize(
    ("username", "password", "role", "code"),
    [
        ("mara", "short", "officer", "weak_password"),
        ("mara", "q1w2e3r4t5y6", "officer", "weak_password"),
        ("mara-the-officer", "mara-the-officer", "officer", "weak_password"),
        ("mara", GOOD, "king", "invalid_input"),
        ("no spaces", GOOD, "officer", "invalid_input"),
        ("", GOOD, "officer", "invalid_input"),
        ("taken", GOOD, "officer", "user_exists"),
    ],
)
def test_create_user_refuses(username: str, password: str, role: str, code: str) -> None:
    factories.user(username="taken")
    before = decisions.count()

    with pytest.raises((InvalidInput, people.UserExists)) as caught:
        people.create_user(username=username, password=password, role=role, actor=None, now=factories.NOW)

    assert caught.value.code == code
    assert decisions.count() == before


def test_only_those_who_manage_users_create_them() -> None:
    with pytest.raises(Forbidden):
        people.create_user(
            username="x", password=GOOD, role="admin", actor=factories.actor(Role.OFFICER), now=factories.NOW
        )


def test_change_user_changes_role_and_keeps_what_was() -> None:
    admin, user = factories.actor(Role.ADMIN), factories.user(Role.OFFICER)

    people.change_user(user=user, role="reviewer", is_active=False, actor=admin, now=factories.NOW)

    user.refresh_from_db()
    assert (user.role, user.is_active) == ("reviewer", False)
    event, actor, body = decisions.last(f"user:{user.username}")
    assert (event, actor) == ("governance.user.changed", str(admin))
    assert body == {"role": "reviewer", "is_active": False, "was": {"role": "officer", "is_active": True}}


def test_change_to_the_same_writes_nothing() -> None:
    admin, user = factories.actor(Role.ADMIN), factories.user(Role.OFFICER)

    people.change_user(user=user, role="officer", is_active=True, actor=admin, now=factories.NOW)

    assert decisions.count() == 0


def test_nobody_changes_their_own_role() -> None:
    admin = factories.actor(Role.ADMIN)

    with pytest.raises(people.OwnAccount):
        people.change_user(user=admin.user, role="reviewer", is_active=True, actor=admin, now=factories.NOW)


def test_set_password_is_logged_without_the_password() -> None:
    officer = factories.actor(Role.OFFICER)

    people.set_password(user=officer.user, password=GOOD, actor=officer, now=factories.NOW)

    assert officer.user.check_password(GOOD)
    assert decisions.last(f"user:{officer.user.username}")[2] == {"changed": ["password"]}


def test_set_password_of_another_needs_the_right() -> None:
    with pytest.raises(Forbidden):
        people.set_password(
            user=factories.user(), password=GOOD, actor=factories.actor(Role.REVIEWER), now=factories.NOW
        )


def test_command_prints_a_password_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_user", "nora", role="reviewer")

    password = capsys.readouterr().out.strip()
    assert User.objects.get(username="nora").check_password(password)
    with pytest.raises(CommandError, match="already"):
        call_command("create_user", "nora", role="reviewer")
