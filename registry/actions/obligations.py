"""Obligations become work: opened by an evaluation, lapsed when they are no longer due, asked for by approvals."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actions import policies
from governance.actors import Actor
from governance.errors import Conflict
from governance.models import User
from governance.policy.document import DUE_DAYS, EVERY, Policy
from registry.actions import words
from registry.licensing.catalog import UNKNOWN
from registry.licensing.terms import EvidenceKind
from registry.lifecycle import ApprovalStatus, TaskStatus
from registry.models import Approval, Evaluation, ModelVersion, ObligationTask

LIVE = (TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.WAIVED)
CLOSED = (TaskStatus.DONE, TaskStatus.WAIVED)
LISTED = 50
Key = tuple[str, str]


class ObligationsOpen(Conflict):
    """The policy wants obligations done before an approval, and some are open."""

    code = "obligations_open"


@transaction.atomic
def open_tasks(*, evaluation: Evaluation, actor: Actor | str, now: datetime) -> list[ObligationTask]:
    """Make work of what the evaluation found to be due, once; what is no longer due, or says something else, lapses.

    Returns the work that counts for this use: open, done and waived.
    """
    version = ModelVersion.objects.select_for_update(of=["self"]).get(pk=evaluation.version_id)
    due = due_in(evaluation)
    kept = []
    for key, task in _live(evaluation).items():
        item = due.get(key)
        if item is None:
            lapse(task, reason="The licence no longer asks for it in this use.", by=str(actor), now=now)
        elif not says_the_same(task, item):
            lapse(task, reason="The licence asks for something else by now.", by=str(actor), now=now)
        else:
            kept.append(key)
    missing = [(key, item) for key, item in due.items() if key not in kept]
    if missing:
        person, due_on = _asker(evaluation, version, actor), (now + timedelta(days=_due_days())).date()
        for key, item in missing:
            task = _task(evaluation, key, item, person=person, due_on=due_on)
            task.opened_by, task.opened_at = str(actor), now
            _open(task, now=now)
    return sorted(_live(evaluation).values(), key=lambda task: task.pk)


def lapse_for(*, approval: Approval, by: str, now: datetime) -> int:
    """Let lapse what is open or waived for a use whose approval has ended; how many. What was done stays done."""
    rows = ObligationTask.objects.filter(
        version=approval.version_id,
        environment=approval.environment_id,
        purpose=approval.purpose,
        status__in=[TaskStatus.OPEN, TaskStatus.WAIVED],
    )
    found = list(rows.select_related("environment", "owner", "evaluation"))
    for task in found:
        lapse(task, reason="The approval that it was for has ended.", by=by, now=now)
    return len(found)


def check_done(*, evaluation: Evaluation, policy: Policy) -> None:
    """Raise `ObligationsOpen` where something is open that the policy wants done before an approval."""
    found = outstanding(evaluation=evaluation, required=policy.obligations_required)
    if not found:
        return
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    raise ObligationsOpen(
        f"The policy wants this done first: {found[0]['message']}{more}", errors=found[:LISTED]
    )


def outstanding(*, evaluation: Evaluation, required: frozenset[str]) -> list[dict[str, Any]]:
    """What an evaluation found to be due, is among the ids required, and is neither done nor waived."""
    live, found = _live(evaluation), []
    for key, item in due_in(evaluation).items():
        if EVERY not in required and key[1] not in required:
            continue
        task = live.get(key)
        if task is None or task.status not in CLOSED or not says_the_same(task, item):
            found.append(
                {
                    "code": "obligation_open",
                    "message": f"{item['do']} ({key[0]})",
                    "license": key[0],
                    "obligation": key[1],
                    "task": task.pk if task else None,
                }
            )
    return found


def due_in(evaluation: Evaluation) -> dict[Key, Mapping[str, Any]]:
    """The obligations of an evaluation, each by licence and id."""
    return {
        (str(item.get("license") or UNKNOWN), str(item["id"])): item
        for item in evaluation.result["obligations"]
    }


def says_the_same(task: ObligationTask, item: Mapping[str, Any]) -> bool:
    """Whether the work is what the obligation asks for now; another clause or another wording of the hint is no matter."""
    return (task.do, task.evidence_kind) == (item["do"], kind_of(item))


def kind_of(item: Mapping[str, Any]) -> str:
    """The kind of evidence that an obligation of an evaluation wants."""
    return str(item.get("evidence_kind") or EvidenceKind.DOCUMENT)


def _live(evaluation: Evaluation) -> dict[Key, ObligationTask]:
    rows = ObligationTask.objects.filter(
        version=evaluation.version_id,
        environment=evaluation.environment_id,
        purpose=evaluation.purpose,
        status__in=LIVE,
    ).select_related("environment", "owner", "evaluation")
    return {(row.license_id, row.obligation_id): row for row in rows}


def _asker(evaluation: Evaluation, version: ModelVersion, actor: Actor | str) -> User:
    """For whom the work is: who asked for the approval, else who asked for the evaluation, else who registered."""
    approval = (
        Approval.objects.filter(
            version=version,
            environment=evaluation.environment_id,
            purpose=evaluation.purpose,
            status__in=[ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED],
        )
        .select_related("requested_by")
        .first()
    )
    if approval is not None:
        return approval.requested_by
    return actor.user if isinstance(actor, Actor) else version.submitted_by


def _due_days() -> int:
    try:
        return policies.in_force()[1].obligations_due_days
    except policies.NoPolicy:
        return DUE_DAYS


def _task(
    evaluation: Evaluation, key: Key, item: Mapping[str, Any], *, person: User, due_on: date
) -> ObligationTask:
    return ObligationTask(
        version_id=evaluation.version_id,
        environment=evaluation.environment,
        purpose=evaluation.purpose,
        license_id=key[0],
        obligation_id=key[1],
        do=item["do"],
        evidence_wanted=item["evidence"],
        evidence_kind=kind_of(item),
        clause=item["clause"],
        evaluation=evaluation,
        asked_by=person,
        owner=person,
        due_on=due_on,
    )


def _open(task: ObligationTask, *, now: datetime) -> None:
    task.save(force_insert=True)
    log_task(
        Event.OBLIGATION_OPENED,
        task,
        actor=task.opened_by,
        now=now,
        terms_sha256=hashlib.sha256(task.do.encode()).hexdigest(),
        evaluation_digest=task.evaluation.evaluation_digest,
    )


def lapse(task: ObligationTask, *, reason: str, by: str, now: datetime) -> None:
    """Work that nobody has to do any more; it stays on record with its evidence."""
    rows = ObligationTask.objects.filter(pk=task.pk, status__in=LIVE)
    if rows.update(status=TaskStatus.LAPSED, lapsed_by=by, lapsed_at=now, lapse_reason=reason) == 1:
        log_task(Event.OBLIGATION_LAPSED, task, actor=by, now=now, was=task.status)


def log_task(event: Event, task: ObligationTask, *, actor: object, now: datetime, **more: Any) -> None:
    """One step of the work on an obligation. The log is public: words and addresses go in by their digest."""
    log.append(
        event=event,
        actor=str(actor),
        subject=f"obligation:{task.pk}",
        body={
            "version": task.version_id,
            "environment": task.environment.name,
            "purpose": task.purpose,
            "license": words.name(task.license_id, license_id=task.license_id),
            "obligation": words.name(task.obligation_id, license_id=task.license_id),
            "evidence_kind": task.evidence_kind,
            "owner": f"user:{task.owner.username}",
            "due_on": task.due_on.isoformat(),
            **more,
        },
        at=now,
    )
