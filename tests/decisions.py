"""What the decisions log says, read back from its leaves."""

from typing import Any

from modelcustody_client import canonical

from audit import batches
from audit.models import Batch, DecisionEntry


def about(subject: str) -> list[dict[str, Any]]:
    """Every decision about a subject, oldest first."""
    ids = (
        DecisionEntry.objects.filter(subject=subject).order_by("batch_id").values_list("batch_id", flat=True)
    )
    leaves = [batches.unpack(Batch.objects.get(pk=pk).body)[0] for pk in ids]
    return [canonical.loads_canonical(leaf) for leaf in leaves]


def last(subject: str) -> tuple[str, str, dict[str, Any]]:
    """Event, actor and body of the newest decision about a subject."""
    found = about(subject)[-1]
    return found["event"], found["actor"], found["body"]


def count() -> int:
    return DecisionEntry.objects.count()
