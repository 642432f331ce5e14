"""Service tokens: issued once, shown once, revoked at once."""

import re
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance import tokens
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput
from governance.models import ApiToken, User
from governance.permissions import Permission, Scope

# The form of an environment's name, or empty for every environment.
ENVIRONMENT = r"([a-z0-9][a-z0-9._-]{0,63})?"
# What the other scopes open belongs to no environment, so a limit would promise what nobody keeps.
IN_ONE_PLACE = {Scope.ADMISSION.value, Scope.RECORD.value}


@transaction.atomic
def issue_token(  # noqa: PLR0913 - one argument a column
    *,
    name: str,
    owner: User,
    scopes: Sequence[str],
    environment: str,
    recorder: str,
    expires_at: datetime,
    actor: Actor,
    now: datetime,
) -> tuple[ApiToken, str]:
    """The stored token and its text, which nobody can show again."""
    actor.require(Permission.TOKEN_MANAGE)
    chosen = _scopes(scopes, recorder=recorder)
    if environment and not set(chosen) <= IN_ONE_PLACE:
        raise InvalidInput(
            f"Only the scopes {' and '.join(sorted(IN_ONE_PLACE))} can be limited to one environment.",
            field="environment",
        )
    _check(name=name, owner=owner, environment=environment, expires_at=expires_at, now=now)
    key_id, secret = tokens.new_secret()
    token = ApiToken.objects.create(
        key_id=key_id,
        secret_hmac=tokens.digest(secret),
        name=name,
        owner=owner,
        scopes=chosen,
        environment=environment,
        recorder=recorder,
        created_by=actor.user,
        created_at=now,
        expires_at=expires_at,
    )
    log.append(
        event=Event.TOKEN_ISSUED,
        actor=str(actor),
        subject=f"token:{key_id}",
        body={
            "name": name,
            "owner": owner.username,
            "scopes": chosen,
            "environment": environment,
            "recorder": recorder,
            "expires_at": expires_at.isoformat(),
        },
        at=now,
    )
    return token, f"mc_{key_id}_{secret}"


@transaction.atomic
def revoke_token(*, token: ApiToken, actor: Actor, now: datetime) -> ApiToken:
    """The token opens nothing from now on; exactly one of two racing callers revokes it."""
    actor.require(Permission.TOKEN_MANAGE)
    open_tokens = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True)
    if open_tokens.update(revoked_at=now, revoked_by=actor.user) != 1:
        raise Conflict(f"Token {token.key_id} is revoked already.")
    token.refresh_from_db()
    log.append(
        event=Event.TOKEN_REVOKED,
        actor=str(actor),
        subject=f"token:{token.key_id}",
        body={"name": token.name},
        at=now,
    )
    return token


def _scopes(scopes: Sequence[str], *, recorder: str) -> list[str]:
    unknown = sorted(set(scopes) - set(Scope))
    if unknown or not scopes:
        raise InvalidInput(f"Scopes are one or more of {', '.join(Scope)}.", field="scopes")
    if Scope.RECORD in scopes and not recorder:
        raise InvalidInput(
            "A token with the scope record names the one recorder it is for.", field="recorder"
        )
    if recorder and Scope.RECORD not in scopes:
        raise InvalidInput("Only a token with the scope record has a recorder.", field="recorder")
    return sorted({str(scope) for scope in scopes})


def _check(*, name: str, owner: User, environment: str, expires_at: datetime, now: datetime) -> None:
    if not name.strip() or len(name) > 100:
        raise InvalidInput("A token has a name of 1 to 100 characters.", field="name")
    if not owner.is_active:
        raise InvalidInput(f"The account {owner.username} is switched off.", field="owner")
    if expires_at <= now:
        raise InvalidInput("A token must expire after now.", field="expires_at")
    if not re.fullmatch(ENVIRONMENT, environment):
        raise InvalidInput(f"{environment!r} cannot be the name of an environment.", field="environment")
