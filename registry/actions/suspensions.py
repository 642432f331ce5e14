"""Suspension: an approval admits nothing after its licence verdict got worse, until a reviewer has looked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from audit import log
from audit.events import Event
from governance.actions import policies
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput
from governance.models import PolicyDocument
from governance.permissions import Permission
from registry.actions import evaluate, obligations, words
from registry.actions.reevaluations import GROUP_BITS
from registry.actions.review import FourEyesRequired
from registry.licensing import change
from registry.models import Approval, Evaluation, Suspension

BY = "system:reevaluation"
# The first number of the advisory locks under which the alerts and suspensions of neighbouring approvals change.
LOCK_CLASS = 0x6D637276


class NotSuspended(Conflict):
    """The approval is not suspended, or somebody was faster."""

    code = "not_suspended"


class StillNotAccepted(Conflict):
    """The licence verdict is still one that the policy does not accept."""

    code = "license_not_accepted"


@dataclass(frozen=True)
class Found:
    """Why an approval is to be suspended."""

    approval: Approval
    evaluation: Evaluation
    reason: str


def take_turns(approval_ids: Iterable[int]) -> None:
    """Be the only one who settles what follows from the verdicts on these approvals, until the transaction ends.

    Not a lock on the approvals' rows: admissions read those, and must not wait for an evaluation.
    """
    groups = sorted({key >> GROUP_BITS for key in approval_ids})
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) number", [LOCK_CLASS, groups]
        )


def suspend(
    found: Iterable[Found], *, policy: PolicyDocument, now: datetime
) -> tuple[list[Suspension], list[log.Decision]]:
    """Suspend those that are not suspended already; the rows, and what the log is to say."""
    items = {item.approval.pk: item for item in found}
    already = Suspension.objects.filter(approval__in=list(items), lifted_at__isnull=True)
    for key in already.values_list("approval", flat=True):
        items.pop(key)
    rows = Suspension.objects.bulk_create(
        Suspension(
            approval=item.approval,
            evaluation=item.evaluation,
            policy=policy,
            reason=item.reason,
            raised_at=now,
        )
        for item in items.values()
    )
    return rows, [
        log.Decision(
            event=Event.APPROVAL_SUSPENDED,
            actor=BY,
            subject=f"approval:{row.approval_id}",
            body={
                "suspension": row.pk,
                "version": row.approval.version_id,
                "verdict": row.evaluation.verdict,
                "evaluation_digest": row.evaluation.evaluation_digest,
                "policy_digest": policy.policy_digest,
                "reason_sha256": words.sha256(row.reason),
            },
            at=now,
        )
        for row in rows
    ]


def open_of(approval: Approval) -> Suspension | None:
    """The suspension that stands, if one does."""
    return approval.suspensions.filter(lifted_at__isnull=True).select_related("evaluation").first()


@transaction.atomic
def lift(*, approval: Approval, note: str, actor: Actor, now: datetime) -> Suspension:
    """Let the approval admit again; a reviewer who did not ask for it decides, on a verdict of this moment."""
    actor.require(Permission.APPROVAL_DECIDE)
    if not note.strip():
        raise InvalidInput("Say why admission may go on.", field="note")
    words.check_words(note, field="note")
    if actor.user.pk == approval.requested_by_id:
        raise FourEyesRequired("You asked for this approval; another person must lift its suspension.")
    take_turns([approval.pk])
    row = open_of(approval)
    if row is None:
        raise NotSuspended("The approval is not suspended.")
    _, policy = policies.in_force()
    fresh = evaluate.store(
        version=approval.version,
        environment=approval.environment,
        purpose=approval.purpose,
        actor=actor,
        now=now,
    )
    if fresh.verdict not in policy.accepted_verdicts:
        verdict = fresh.verdict.replace("_", " ")
        raise StillNotAccepted(
            f"The licence verdict is {verdict} now, which the policy does not accept: {change.why(fresh.result)}",
            verdict=fresh.verdict,
        )
    waiting = Suspension.objects.filter(pk=row.pk, lifted_at__isnull=True)
    if waiting.update(lifted_by=actor.user, lifted_at=now, lifted_evaluation=fresh, lifted_note=note) != 1:
        raise NotSuspended("The approval is not suspended any more.")
    row.refresh_from_db()
    obligations.open_tasks(evaluation=fresh, actor=actor, now=now)
    log.append(
        event=Event.APPROVAL_RESUMED,
        actor=str(actor),
        subject=f"approval:{approval.pk}",
        body={
            "suspension": row.pk,
            "verdict": fresh.verdict,
            "evaluation_digest": fresh.evaluation_digest,
            "note_sha256": words.sha256(note),
        },
        at=now,
    )
    return row
