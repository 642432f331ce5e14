"""People: who may log in, and as what."""

from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, Forbidden, InvalidInput
from governance.models import User
from governance.permissions import Permission, Role

# Who the log names where no account exists yet: whoever has a shell on the machine.
SETUP = "system:setup"


class UserExists(Conflict):
    """The user name is taken."""

    code = "user_exists"


class WeakPassword(InvalidInput):
    """The password would be guessed."""

    code = "weak_password"


class OwnAccount(Forbidden):
    """Nobody changes their own role, so that no administrator approves what they let in."""

    code = "own_account"


@transaction.atomic
def create_user(*, username: str, password: str, role: str, actor: Actor | None, now: datetime) -> User:
    """A new account with one role; `actor` is None only for a command on the machine itself."""
    if actor is not None:
        actor.require(Permission.USER_MANAGE)
    user = User(username=username, role=_role(role), is_staff=True, date_joined=now)
    _check_username(user)
    _check_password(password, user=user)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise UserExists(f"There is an account {username} already.", field="username") from error
    log.append(
        event=Event.USER_CREATED,
        actor=str(actor or SETUP),
        subject=f"user:{username}",
        body={"role": user.role},
        at=now,
    )
    return user


@transaction.atomic
def change_user(*, user: User, role: str, is_active: bool, actor: Actor, now: datetime) -> User:
    """Another role, or an account switched off or on; sessions of an inactive account end at once."""
    actor.require(Permission.USER_MANAGE)
    if user.pk == actor.user.pk:
        raise OwnAccount("Another administrator must change your role or switch your account off.")
    was = User.objects.select_for_update().get(pk=user.pk)
    user.role, user.is_active = _role(role), is_active
    if (was.role, was.is_active) == (user.role, user.is_active):
        return user
    user.save(update_fields=["role", "is_active"])
    log.append(
        event=Event.USER_CHANGED,
        actor=str(actor),
        subject=f"user:{user.username}",
        body={
            "role": user.role,
            "is_active": is_active,
            "was": {"role": was.role, "is_active": was.is_active},
        },
        at=now,
    )
    return user


@transaction.atomic
def set_password(*, user: User, password: str, actor: Actor | None, now: datetime) -> User:
    """A new password; every session of the account ends, because its session key rests on the old one."""
    if actor is not None and actor.user.pk != user.pk:
        actor.require(Permission.USER_MANAGE)
    if actor is not None and actor.token is not None:
        raise Forbidden("A token may not change a password.")
    _check_password(password, user=user)
    user.set_password(password)
    user.save(update_fields=["password"])
    log.append(
        event=Event.USER_CHANGED,
        actor=str(actor or SETUP),
        subject=f"user:{user.username}",
        body={"changed": ["password"]},
        at=now,
    )
    return user


def _role(value: str) -> str:
    if value not in set(Role):
        raise InvalidInput(f"A role is one of {', '.join(Role)}.", field="role")
    return str(Role(value).value)


def _check_username(user: User) -> None:
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise InvalidInput("; ".join(error.messages), field="username") from error


def _check_password(password: str, *, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise WeakPassword(" ".join(error.messages), field="password") from error
