"""Work on one obligation: evidence is added or carried over; it is completed, waived by another person, or assigned."""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from modelcustody_client import canonical

from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, Forbidden, InvalidInput
from governance.models import User
from governance.permissions import Permission
from governance.policy.document import MAX_DAYS
from registry import catalogs
from registry.actions import endings
from registry.actions.obligations import log_task
from registry.licensing import given as evidence
from registry.licensing.terms import EvidenceKind
from registry.lifecycle import TaskStatus
from registry.models import EvidenceDocument, ObligationEvidence, ObligationTask, RegisteredModel

TAKES_EVIDENCE = (TaskStatus.OPEN, TaskStatus.DONE)
MAX_EVIDENCE = 100
# What evidence is, beside its document and the words that go with it.
COPIED = ("kind", "document_id", "url", "shown_on", "path", "sha256", "published_name")


class TaskNotOpen(Conflict):
    """The work is done, waived or lapsed already, or someone else was faster."""

    code = "obligation_not_open"


class ProofMissing(Conflict):
    """Evidence of the kind that the obligation asks for is missing."""

    code = "obligation_evidence_missing"


class OwnWork(Forbidden):
    """Whoever has to do it, or asked for the use, does not waive it."""

    code = "four_eyes_required"
    title = "Another person must decide"


@transaction.atomic
def add_evidence(  # noqa: PLR0913 - one argument a column
    *,
    task: ObligationTask,
    kind: str,
    document: EvidenceDocument | None = None,
    url: str = "",
    shown_on: date | None = None,
    path: str = "",
    sha256: str = "",
    published_name: str = "",
    note: str = "",
    actor: Actor,
    now: datetime,
) -> ObligationEvidence:
    """Keep one thing that shows that the obligation was met."""
    actor.require(Permission.OBLIGATION_WORK)
    if kind not in list(EvidenceKind):
        raise InvalidInput(f"One of {', '.join(EvidenceKind)}.", field="kind")
    brought = evidence.Given(
        kind=EvidenceKind(kind),
        url=url,
        shown_on=shown_on,
        path=path,
        sha256=sha256,
        published_name=published_name,
        note=note,
        media_type=document.media_type if document else None,
    )
    evidence.check(brought, today=now.date())
    task = _locked(task)
    if published_name:
        _check_name(published_name, license_id=task.license_id)
    fields = {name: getattr(brought, name) for name in COPIED if name != "document_id"}
    return _keep(
        task, document_id=document.pk if document else None, note=note, actor=actor, now=now, **fields
    )


@transaction.atomic
def carry_over(
    *, task: ObligationTask, evidence: ObligationEvidence, note: str, actor: Actor, now: datetime
) -> ObligationEvidence:
    """Say that the evidence of an earlier task of the same obligation, in the same environment, still holds."""
    actor.require(Permission.OBLIGATION_WORK)
    endings.check_words(note, field="note")
    task = _locked(task)
    if not reusable(task).filter(pk=evidence.pk).exists():
        raise InvalidInput(
            "Only evidence of the same obligation of the same licence, in the same environment, is carried over, once.",
            field="evidence",
        )
    fields = {name: getattr(evidence, name) for name in COPIED}
    words = note or evidence.note
    return _keep(task, carried_from=evidence, note=words, actor=actor, now=now, **fields)


def reusable(task: ObligationTask) -> Any:
    """Evidence of other tasks that a person may carry over to this one, newest first."""
    return (
        ObligationEvidence.objects.filter(
            task__license_id=task.license_id,
            task__obligation_id=task.obligation_id,
            task__environment=task.environment_id,
            kind__in=sorted(task.wanted.accepted),
            carried_from__isnull=True,
        )
        .exclude(task=task)
        .exclude(carried_to__task=task)
        .order_by("-pk")
    )


@transaction.atomic
def complete(*, task: ObligationTask, note: str, actor: Actor, now: datetime) -> ObligationTask:
    """Say that it is done; without evidence of the kind that it asks for, it is not."""
    actor.require(Permission.OBLIGATION_WORK)
    endings.check_words(note, field="note")
    task = _locked(task)
    shown = sorted(task.evidence.filter(kind__in=sorted(task.wanted.accepted)).values_list("pk", flat=True))
    if not shown:
        raise ProofMissing(
            f"First add the evidence: {evidence.WORDS[task.wanted]}.", wanted=task.evidence_kind
        )
    _decide(task, to=TaskStatus.DONE, note=note, actor=actor, now=now)
    log_task(
        Event.OBLIGATION_DONE,
        task,
        actor=actor,
        now=now,
        evidence=shown[:MAX_EVIDENCE],
        note_sha256=endings.sha256(note),
    )
    return task


@transaction.atomic
def waive(*, task: ObligationTask, reason: str, actor: Actor, now: datetime) -> ObligationTask:
    """Say, as a reviewer who neither asked for the use nor has to do it, that it need not be done here, and why."""
    actor.require(Permission.OBLIGATION_WAIVE)
    if not reason.strip():
        raise InvalidInput("Say why it need not be done.", field="reason")
    endings.check_words(reason, field="reason")
    task = _locked(task)
    if actor.user.pk in (task.owner_id, task.asked_by_id):
        raise OwnWork("You asked for this use, or the work is yours; another reviewer must waive it.")
    _decide(task, to=TaskStatus.WAIVED, note=reason, actor=actor, now=now)
    log_task(Event.OBLIGATION_WAIVED, task, actor=actor, now=now, reason_sha256=endings.sha256(reason))
    return task


@transaction.atomic
def assign(
    *, task: ObligationTask, owner: User, due_on: date | None, actor: Actor, now: datetime
) -> ObligationTask:
    """Give the work to someone, and perhaps another day by which it is due."""
    actor.require(Permission.OBLIGATION_WORK)
    if not owner.is_active or not owner.may(Permission.OBLIGATION_WORK):
        raise InvalidInput(f"{owner.username} cannot see to it: that takes an active officer.", field="owner")
    if due_on is not None and not now.date() <= due_on <= now.date() + timedelta(days=MAX_DAYS):
        raise InvalidInput("A day from today on, within ten years.", field="due_on")
    task = _locked(task)
    _require_open(task)
    was = {"was_owner": f"user:{task.owner.username}", "was_due_on": task.due_on.isoformat()}
    task.owner, task.due_on = owner, due_on or task.due_on
    task.save(update_fields=["owner", "due_on"])
    log_task(Event.OBLIGATION_ASSIGNED, task, actor=actor, now=now, **was)
    return task


def _locked(task: ObligationTask) -> ObligationTask:
    rows = ObligationTask.objects.select_related("environment", "owner", "version__registered_model")
    return rows.select_for_update(of=["self"]).get(pk=task.pk)


def _require_open(task: ObligationTask) -> None:
    if task.status != TaskStatus.OPEN:
        raise TaskNotOpen(f"It is {task.status} already.", status_now=task.status)


def _check_name(name: str, *, license_id: str) -> None:
    """The published name is that of a registered model, and begins as the licence wants."""
    publisher, _, model = name.partition("/")
    if not RegisteredModel.objects.filter(publisher=publisher, name=model).exists():
        raise InvalidInput(f"No model {name} is registered here; register it first.", field="published_name")
    wanted = catalogs.current().get(license_id)
    prefixes = [one.parameters.prefix for one in wanted.conditions if one.kind == "name_prefix"]
    if prefixes and not any(model.startswith(prefix) for prefix in prefixes):
        words = " or ".join(repr(prefix) for prefix in prefixes)
        raise InvalidInput(f"{wanted.name} wants a name that begins with {words}.", field="published_name")


def _keep(task: ObligationTask, *, actor: Actor, now: datetime, **fields: Any) -> ObligationEvidence:
    if task.status not in TAKES_EVIDENCE:
        raise TaskNotOpen(f"It is {task.status}; it takes no more evidence.", status_now=task.status)
    if task.evidence.count() >= MAX_EVIDENCE:
        raise InvalidInput(f"A task has at most {MAX_EVIDENCE} pieces of evidence.", field="kind")
    row = ObligationEvidence.objects.create(task=task, added_by=actor.user, added_at=now, **fields)
    carried = row.carried_from_id
    log_task(
        Event.OBLIGATION_EVIDENCED,
        task,
        actor=actor,
        now=now,
        evidence=row.pk,
        kind=str(row.kind),
        evidence_digest=_digest(row),
        **({"carried_from": carried} if carried else {}),
    )
    return row


def _digest(row: ObligationEvidence) -> str:
    """One digest over everything that the evidence says, document included."""
    content = {
        "kind": str(row.kind),
        "url": row.url,
        "shown_on": row.shown_on.isoformat() if row.shown_on else None,
        "path": row.path,
        "sha256": row.sha256,
        "published_name": row.published_name,
        "note": row.note,
        "document_sha256": row.document.sha256 if row.document else None,
    }
    return canonical.digest(content)


def _decide(task: ObligationTask, *, to: TaskStatus, note: str, actor: Actor, now: datetime) -> None:
    _require_open(task)
    task.status, task.decided_by, task.decided_at, task.decision_note = to, actor.user, now, note
    task.save(update_fields=["status", "decided_by", "decided_at", "decision_note"])
