"""The buttons of an obligation's page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.actors import Actor
from governance.desk.actions import PageAction
from governance.desk.forms import NoteForm, ReasonForm
from governance.models import User
from governance.permissions import Permission
from registry.actions import obligation_work
from registry.actions.documents import keep_document
from registry.admin.obligation_forms import AssignForm, CarryForm, EvidenceForm
from registry.formats import evidence
from registry.lifecycle import TaskStatus
from registry.models import ObligationTask


def _is_open(task: ObligationTask) -> bool:
    return task.is_open


def _takes_evidence(task: ObligationTask) -> bool:
    return task.status in obligation_work.TAKES_EVIDENCE


def _has_earlier(task: ObligationTask) -> bool:
    return task.is_open and obligation_work.reusable(task).exists()


def _unproved(task: ObligationTask, _user: User) -> str:
    if task.evidence.filter(kind__in=sorted(task.wanted.accepted)).exists():
        return ""
    return "To complete it, first add the evidence that it asks for."


def _own(task: ObligationTask, user: User) -> str:
    if user.pk in (task.owner_id, task.asked_by_id):
        return "This is your own work, so another reviewer decides whether it is waived."
    return ""


@transaction.atomic
def _add(task: ObligationTask, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    fields = {name: value for name, value in values.items() if name != "file" and value}
    file = values.get("file")
    if file is not None:
        fields["document"] = keep_document(
            name=file.name,
            media_type=evidence.media_type_of(file.name, file.content_type),
            content=file.read(evidence.MAX_BYTES + 1),
            actor=actor,
            now=now,
        )
    return obligation_work.add_evidence(task=task, **fields, actor=actor, now=now)


def _carry(task: ObligationTask, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return obligation_work.carry_over(task=task, **values, actor=actor, now=now)


def _complete(task: ObligationTask, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return obligation_work.complete(task=task, note=values["note"], actor=actor, now=now)


def _waive(task: ObligationTask, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return obligation_work.waive(task=task, reason=values["reason"], actor=actor, now=now)


def _assign(task: ObligationTask, values: Mapping[str, Any], actor: Actor, now: datetime) -> Any:
    return obligation_work.assign(task=task, **values, actor=actor, now=now)


ACTIONS = (
    PageAction(
        name="evidence",
        label="Add evidence",
        permission=Permission.OBLIGATION_WORK,
        carry_out=_add,
        done="The evidence is kept.",
        form=EvidenceForm,
        offered=_takes_evidence,
        template="registry/obligation/evidence_form.html",
        icon="attach_file_add",
    ),
    PageAction(
        name="carry",
        label="Use earlier evidence",
        permission=Permission.OBLIGATION_WORK,
        carry_out=_carry,
        done="The earlier evidence counts here too; it says where it came from.",
        explanation="You state that what was shown before still holds for this use.",
        form=CarryForm,
        offered=_has_earlier,
        icon="link",
    ),
    PageAction(
        name="complete",
        label="Complete",
        permission=Permission.OBLIGATION_WORK,
        carry_out=_complete,
        done="Done. The evidence stays with it.",
        explanation="You state that the obligation is met, and that the evidence shows it.",
        form=NoteForm,
        offered=_is_open,
        barred=_unproved,
        tone="primary",
        icon="task_alt",
    ),
    PageAction(
        name="assign",
        label="Assign",
        permission=Permission.OBLIGATION_WORK,
        carry_out=_assign,
        done="Assigned.",
        form=AssignForm,
        offered=_is_open,
        icon="person_add",
    ),
    PageAction(
        name="waive",
        label="Waive",
        permission=Permission.OBLIGATION_WAIVE,
        carry_out=_waive,
        done="Waived. Your reason is kept with it.",
        explanation="You state that the licence does not ask for this here after all, or that it cannot be shown, and why "
        "that is acceptable. It then no longer holds an approval back.",
        form=ReasonForm,
        offered=lambda task: task.status == TaskStatus.OPEN,
        barred=_own,
        tone="danger",
        icon="do_not_disturb_on",
    ),
)
