"""Obligations become work: opened by an evaluation, lapsed when they are no longer due, asked for by approvals."""

import hashlib
from collections.abc import Mapping, Sequence
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
# A licence and the id of an obligation; a version, an environment and a purpose.
Key = tuple[str, str]
Use = tuple[int, int, str]
NOT_ASKED = "The licence no longer asks for it in this use."
ASKED_OTHERWISE = "The licence asks for something else by now."


class ObligationsOpen(Conflict):
    """The policy wants obligations done before an approval, and some are open."""

    code = "obligations_open"


@transaction.atomic
def open_tasks(*, evaluation: Evaluation, actor: Actor | str, now: datetime) -> list[ObligationTask]:
    """Make work of what the evaluation found to be due, once; what is no longer due, or says something else, lapses.

    Returns the work that counts for this use: open, done and waived.
    """
    open_many(evaluations=[evaluation], actor=actor, now=now)
    return sorted(_live(evaluation).values(), key=lambda task: task.pk)


@transaction.atomic
def open_many(*, evaluations: Sequence[Evaluation], actor: Actor | str, now: datetime) -> None:
    """The same for evaluations of different uses, with as many statements as for one."""
    wanted = ModelVersion.objects.filter(pk__in={row.version_id for row in evaluations}).order_by("pk")
    versions = {row.pk: row for row in wanted.select_for_update(of=["self"]).defer("card")}
    live, askers = _live_of(evaluations), _askers(evaluations)
    due_on = (now + timedelta(days=_due_days())).date()
    over: dict[str, list[ObligationTask]] = {NOT_ASKED: [], ASKED_OTHERWISE: []}
    opened: list[ObligationTask] = []
    for evaluation in evaluations:
        use, due, kept = _use(evaluation), due_in(evaluation), set()
        for key, task in live[use].items():
            item = due.get(key)
            if item is not None and says_the_same(task, item):
                kept.add(key)
            else:
                over[NOT_ASKED if item is None else ASKED_OTHERWISE].append(task)
        person = askers.get(use) or (actor.user if isinstance(actor, Actor) else None)
        for key in due.keys() - kept:
            owner = person or versions[evaluation.version_id].submitted_by
            task = _task(evaluation, key, due[key], person=owner, due_on=due_on)
            task.opened_by, task.opened_at = str(actor), now
            opened.append(task)
    lapsed = [
        entry for reason, rows in over.items() for entry in _lapse(rows, reason, by=str(actor), now=now)
    ]
    opened.sort(key=lambda task: (task.version_id, task.license_id, task.obligation_id))
    ObligationTask.objects.bulk_create(opened)
    log.append_all([*lapsed, *(_opened(task, now=now) for task in opened)])


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


def _use(row: Evaluation | ObligationTask | Approval) -> Use:
    return row.version_id, row.environment_id, row.purpose


def _live(evaluation: Evaluation) -> dict[Key, ObligationTask]:
    return _live_of([evaluation])[_use(evaluation)]


def _live_of(evaluations: Sequence[Evaluation]) -> dict[Use, dict[Key, ObligationTask]]:
    """The work that counts for each of these uses."""
    rows = ObligationTask.objects.filter(
        version__in={row.version_id for row in evaluations}, status__in=LIVE
    ).select_related("environment", "owner", "evaluation")
    found: dict[Use, dict[Key, ObligationTask]] = {_use(row): {} for row in evaluations}
    for row in rows.defer("evaluation__request", "evaluation__result"):
        if _use(row) in found:
            found[_use(row)][row.license_id, row.obligation_id] = row
    return found


def _askers(evaluations: Sequence[Evaluation]) -> dict[Use, User]:
    """For whom the work of a use is: who asked for its approval; else, who asked for the evaluation or registered."""
    approvals = Approval.objects.filter(
        version__in={row.version_id for row in evaluations},
        status__in=[ApprovalStatus.REQUESTED, ApprovalStatus.APPROVED],
    )
    return {_use(row): row.requested_by for row in approvals.select_related("requested_by")}


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


def _opened(task: ObligationTask, *, now: datetime) -> log.Decision:
    return _decision(
        Event.OBLIGATION_OPENED,
        task,
        actor=task.opened_by,
        now=now,
        terms_sha256=hashlib.sha256(task.do.encode()).hexdigest(),
        evaluation_digest=task.evaluation.evaluation_digest,
    )


def lapse(task: ObligationTask, *, reason: str, by: str, now: datetime) -> None:
    """Work that nobody has to do any more; it stays on record with its evidence."""
    log.append_all(_lapse([task], reason, by=by, now=now))


def _lapse(tasks: Sequence[ObligationTask], reason: str, *, by: str, now: datetime) -> list[log.Decision]:
    """Let those of the tasks lapse that still count; what the log is to say."""
    if not tasks:
        return []
    rows = ObligationTask.objects.filter(pk__in=[task.pk for task in tasks], status__in=LIVE)
    was = dict(rows.select_for_update().order_by("pk").values_list("pk", "status"))
    ObligationTask.objects.filter(pk__in=was).update(
        status=TaskStatus.LAPSED, lapsed_by=by, lapsed_at=now, lapse_reason=reason
    )
    return [
        _decision(Event.OBLIGATION_LAPSED, task, actor=by, now=now, was=was[task.pk])
        for task in tasks
        if task.pk in was
    ]


def log_task(event: Event, task: ObligationTask, *, actor: object, now: datetime, **more: Any) -> None:
    """Log one step of the work on an obligation."""
    log.append_all([_decision(event, task, actor=actor, now=now, **more)])


def _decision(
    event: Event, task: ObligationTask, *, actor: object, now: datetime, **more: Any
) -> log.Decision:
    """What the log says of a step. It is public: words and addresses go in by their digest."""
    return log.Decision(
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
