"""The one door by which other parts write to the decisions log."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelcustody_client import canonical

from audit.batches import OutsideTransaction, append_batches
from audit.events import Event, Log
from audit.models import DecisionEntry
from audit.tlog.bundles import LARGEST_LEAF

__all__ = ["DECISION_TYPE", "Decision", "EntryRefused", "OutsideTransaction", "append", "append_all"]

DECISION_TYPE = "modelcustody/decision/v1"


class EntryRefused(ValueError):
    """What was to be logged has no canonical form, or is too large for a leaf."""

    code = "entry_refused"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision that is to be logged."""

    event: Event
    actor: str
    subject: str
    body: Mapping[str, Any]
    at: datetime


def append(*, event: Event, actor: str, subject: str, body: Mapping[str, Any], at: datetime) -> int:
    """Log one decision in the caller's transaction: both happen or neither; return the batch's id.

    The body holds objects, lists, text, integers, booleans and null. Floats have no canonical form: pass them as
    integers of a smaller unit, or as text; times as RFC 3339 text.
    """
    return append_all([Decision(event=event, actor=actor, subject=subject, body=body, at=at)])[0]


def append_all(decisions: Sequence[Decision]) -> list[int]:
    """Log many decisions in three statements; each is a batch of its own, so that it is found by its subject."""
    leaves = [_leaf(one) for one in decisions]
    batches = append_batches(
        [([leaf], one.at) for leaf, one in zip(leaves, decisions, strict=True)], log=Log.DECISIONS
    )
    DecisionEntry.objects.bulk_create(
        DecisionEntry(
            batch_id=batch.pk,
            log=Log.DECISIONS,
            event=one.event,
            actor=one.actor,
            subject=one.subject,
            at=one.at,
        )
        for batch, one in zip(batches, decisions, strict=True)
    )
    return [int(batch.pk) for batch in batches]


def _leaf(decision: Decision) -> bytes:
    event, subject, body = decision.event, decision.subject, decision.body
    if decision.at.tzinfo is None:
        raise EntryRefused(f"{event}: the time has no zone")
    value = {
        "type": DECISION_TYPE,
        "event": str(event),
        "actor": decision.actor,
        "subject": subject,
        "at": rfc3339(decision.at),
        "body": dict(body),
    }
    try:
        leaf = canonical.dumps(value)
    except canonical.NotCanonical as error:
        raise EntryRefused(f"{event} about {subject}: {error} ({_culprit(body, 'body')})") from error
    if len(leaf) > LARGEST_LEAF:
        raise EntryRefused(
            f"{event} about {subject}: {len(leaf)} bytes do not fit in a leaf of {LARGEST_LEAF}"
        )
    return leaf


def rfc3339(at: datetime) -> str:
    """A time as the logs write it: UTC, microseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _culprit(value: Any, path: str) -> str:
    """Where in the body the value without a canonical form is."""
    if isinstance(value, Mapping):
        members = [(f"{path}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        members = [(f"{path}[{place}]", item) for place, item in enumerate(value)]
    else:
        return path
    for where, item in members:
        try:
            canonical.dumps(item)
        except canonical.NotCanonical:
            return _culprit(item, where)
    return path
