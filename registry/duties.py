"""Obligations as work, as pages, the REST interface and evidence packs show them; reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from registry.documents import rfc3339
from registry.lifecycle import TaskStatus
from registry.models import Approval, ModelVersion, ObligationEvidence, ObligationTask

RELATED = ("version__registered_model", "environment", "evaluation", "asked_by", "owner", "decided_by")
LIVE = (TaskStatus.OPEN, TaskStatus.DONE, TaskStatus.WAIVED)
ORDER = {TaskStatus.OPEN: 0, TaskStatus.DONE: 1, TaskStatus.WAIVED: 2, TaskStatus.LAPSED: 3}
# So many days before the last one, work is said to be due soon.
SOON_DAYS = 7
# So many are listed in a pack, newest first, beside those that count now.
MOST = 500


@dataclass(frozen=True)
class Use:
    """The work that one use of a version triggered, and how far it has come."""

    environment: str
    purpose: str
    tasks: tuple[ObligationTask, ...]

    @property
    def closed(self) -> int:
        """How many are done or waived."""
        return sum(not task.is_open for task in self.tasks)

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.tasks)


def rows() -> QuerySet[ObligationTask]:
    """Every task, with what a line about it names."""
    return ObligationTask.objects.select_related(*RELATED)


def overdue(tasks: QuerySet[ObligationTask], *, on: date) -> QuerySet[ObligationTask]:
    """Those that should have been done by now."""
    return tasks.filter(status=TaskStatus.OPEN, due_on__lt=on)


def uses_of(version: ModelVersion) -> list[Use]:
    """The work on a version that counts now, use by use."""
    found: dict[tuple[str, str], list[ObligationTask]] = {}
    for task in rows().filter(version=version, status__in=LIVE).order_by("pk"):
        found.setdefault((task.environment.name, task.purpose), []).append(task)
    return [_use(*key, tasks) for key, tasks in sorted(found.items())]


def of_approval(approval: Approval) -> Use:
    """The work on the very use that an approval is for."""
    tasks = rows().filter(
        version=approval.version_id,
        environment=approval.environment_id,
        purpose=approval.purpose,
        status__in=LIVE,
    )
    return _use(approval.environment.name, approval.purpose, tasks.order_by("pk"))


def _use(environment: str, purpose: str, tasks: Iterable[ObligationTask]) -> Use:
    ordered = sorted(tasks, key=lambda task: (ORDER[TaskStatus(task.status)], task.due_on, task.pk))
    return Use(environment, purpose, tuple(ordered))


def timing(task: ObligationTask, *, on: date) -> tuple[str, str]:
    """How pressing it is: a word that has a badge, and words; empty where nothing is left to do."""
    if not task.is_open:
        return "", ""
    days = (task.due_on - on).days
    if days < 0:
        return "overdue", f"overdue by {-days} day{'s' if days != -1 else ''}"
    if days == 0:
        return "due today", "due today"
    words = f"due in {days} day{'s' if days != 1 else ''}"
    return ("due soon" if days <= SOON_DAYS else "due later"), words


def document(task: ObligationTask, *, on: date) -> dict[str, Any]:
    """A task as it is shown outside, with its evidence."""
    return {
        "id": task.pk,
        "model_version": task.version_id,
        "model": str(task.version.registered_model),
        "environment": task.environment.name,
        "purpose": task.purpose,
        "license": task.license_id,
        "obligation": task.obligation_id,
        "do": task.do,
        "evidence": task.evidence_wanted,
        "evidence_kind": task.evidence_kind,
        "clause": task.clause,
        "status": task.status,
        "owner": task.owner.username,
        "asked_by": task.asked_by.username,
        "due_on": task.due_on.isoformat(),
        "overdue": task.is_overdue(on),
        "evaluation": task.evaluation_id,
        "evaluation_digest": task.evaluation.evaluation_digest,
        "opened_by": task.opened_by,
        "opened_at": rfc3339(task.opened_at),
        "decided_by": task.decided_by.username if task.decided_by else None,
        "decided_at": rfc3339(task.decided_at),
        "decision_note": task.decision_note,
        "lapsed_by": task.lapsed_by,
        "lapsed_at": rfc3339(task.lapsed_at),
        "lapse_reason": task.lapse_reason,
        "shown_by": [shown(row) for row in task.evidence.all()],
    }


def of_pack(version: ModelVersion, *, on: date) -> dict[str, Any]:
    """Every obligation of a version with its evidence, newest first; what counts now is always among them."""
    found = list(with_evidence(rows().filter(version=version)).order_by("-pk"))
    chosen = [task for place, task in enumerate(found) if place < MOST or task.status in LIVE]
    return {
        "manifest_digest": version.manifest_digest,
        "model_digest": version.model_digest,
        "obligations": [document(task, on=on) for task in chosen],
    }


def subjects_of(version: ModelVersion) -> set[str]:
    """What the log calls the obligations of a version, and the documents that show that they were met."""
    found = {f"obligation:{number}" for number in version.obligations.values_list("pk", flat=True)}
    kept = ObligationEvidence.objects.filter(task__version=version, document__isnull=False)
    return found | {f"evidence-document:{number}" for number in kept.values_list("document", flat=True)}


def with_evidence(tasks: QuerySet[ObligationTask]) -> QuerySet[ObligationTask]:
    """The tasks, with their evidence in the order in which it came."""
    return tasks.prefetch_related("evidence__document", "evidence__added_by")


def shown(row: ObligationEvidence) -> dict[str, Any]:
    """One piece of evidence as it is shown outside."""
    kept = row.document
    return {
        "id": row.pk,
        "kind": row.kind,
        "url": row.url,
        "shown_on": row.shown_on.isoformat() if row.shown_on else None,
        "path": row.path,
        "sha256": row.sha256,
        "published_name": row.published_name,
        "note": row.note,
        "document": {"id": kept.pk, "name": kept.name, "sha256": kept.sha256} if kept else None,
        "carried_from": row.carried_from_id,
        "added_by": row.added_by.username,
        "added_at": rfc3339(row.added_at),
    }
