"""Policy documents: loaded once, never changed; the newest is in force."""

import functools
from datetime import datetime

from django.db import connection, transaction

from audit import log
from audit.events import Event
from governance import countries
from governance.actions.people import SETUP
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput, Unavailable
from governance.models import PolicyDocument
from governance.permissions import Permission
from governance.policy import document


class PolicySuperseded(Conflict):
    """The very same text was in force before; a document is loaded once."""

    code = "policy_superseded"


class NoPolicy(Unavailable):
    """No policy was ever loaded, so nothing can be decided."""

    code = "no_policy"


@transaction.atomic
def load_policy(*, text: str, actor: Actor | None, now: datetime) -> PolicyDocument:
    """Put a policy in force; `actor` is None only for a command on the machine itself."""
    if actor is not None:
        actor.require(Permission.POLICY_EDIT)
    try:
        policy = document.parse(text.encode())
    except document.InvalidPolicy as error:
        raise InvalidInput(f"The policy is not valid: {error}", field=error.field) from error
    if doubtful := policy.origin.doubtful:
        meant = countries.MISTAKEN.get(doubtful[0])
        raise InvalidInput(
            f"The policy denies {doubtful[0]}, which is no country{f'; write {meant}' if meant else ''}.",
            field="origin.denied_countries",
        )
    _take_turns()
    newest = PolicyDocument.objects.order_by("-pk").first()
    if newest is not None and newest.policy_digest == policy.policy_digest:
        return newest
    if PolicyDocument.objects.filter(policy_digest=policy.policy_digest).exists():
        raise PolicySuperseded(
            "This text was in force before. To return to it, change a comment in it, so that it is a document of its own."
        )
    row = PolicyDocument.objects.create(
        text=text, policy_digest=policy.policy_digest, loaded_by=actor.user if actor else None, loaded_at=now
    )
    log.append(
        event=Event.POLICY_LOADED,
        actor=str(actor or SETUP),
        subject=f"policy:{policy.policy_digest}",
        body={
            "name": policy.name,
            "policy_digest": policy.policy_digest,
            "replaces": newest.policy_digest if newest else None,
        },
        at=now,
    )
    return row


def _take_turns() -> None:
    """One policy at a time: the one that is committed last has the highest number, and replaces the one before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('governance policy', 0))")


def in_force() -> tuple[PolicyDocument, document.Policy]:
    """The newest document and what it says; raises `NoPolicy`."""
    row = PolicyDocument.objects.order_by("-pk").first()
    if row is None:
        raise NoPolicy("No policy is loaded; `manage.py load_policy` loads the one that is shipped.")
    return row, parsed(row.text)


@functools.lru_cache(maxsize=64)
def parsed(text: str) -> document.Policy:
    """What a stored document says."""
    return document.parse(text.encode())
