"""The block on obligations that the pages of a version and of an approval show."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.actions import policies
from governance.desk import charts
from registry import duties
from registry.actions import obligations
from registry.admin.obligations import dress
from registry.duties import Use
from registry.lifecycle import ApprovalStatus, TaskStatus
from registry.models import Approval, ModelVersion


@dataclass(frozen=True)
class Block:
    """The work of one use, with its bar."""

    use: Use
    chart: str
    words: str


def of_version(version: ModelVersion, *, now: datetime) -> list[Block]:
    """A block for each use of the version that has work."""
    return [_block(use, now=now) for use in duties.uses_of(version)]


def of_approval(approval: Approval, *, now: datetime) -> dict[str, Any]:
    """The work of the use that is asked for, and what of it the policy wants done first."""
    block = _block(duties.of_approval(approval), now=now)
    return {"block": block, "first": first(approval)}


def first(approval: Approval) -> list[dict[str, Any]]:
    """What the policy wants done or waived before the approval is given, and is open."""
    if approval.status != ApprovalStatus.REQUESTED:
        return []
    try:
        policy = policies.in_force()[1]
    except policies.NoPolicy:
        return []
    return obligations.outstanding(evaluation=approval.evaluation, required=policy.obligations_required)


def _block(use: Use, *, now: datetime) -> Block:
    today = now.date()
    dress(list(use.tasks), on=today)
    late = sum(task.is_overdue(today) for task in use.tasks)
    counts = {status: sum(task.status == status for task in use.tasks) for status in TaskStatus}
    parts = [
        ("done", counts[TaskStatus.DONE], "good"),
        ("waived", counts[TaskStatus.WAIVED], "plain"),
        ("open", counts[TaskStatus.OPEN] - late, "info"),
        ("overdue", late, "bad"),
    ]
    said = ", ".join(f"{number} {name}" for name, number, _ in parts if number)
    words = f"{use.closed} of {use.total} settled: {said}" if said else "none"
    return Block(
        use, charts.share(parts, label=f"Obligations for {use.purpose} in {use.environment}: {words}"), words
    )
