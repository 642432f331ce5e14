"""What pages show of the logs: newest entries, places in the tree, use of a model, gaps. Reads only."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, QuerySet
from django.db.models.functions import TruncDate

from audit import selectors
from audit.events import Log
from audit.models import (
    BatchKey,
    BatchSequence,
    Checkpoint,
    DecisionEntry,
    Deployment,
    Head,
    Pending,
    SequenceGap,
    ServedRequest,
)
from audit.selectors import Gap

# Counting stops here on pages; what matters beyond is that it is much.
COUNTED = 100_000


@dataclass(frozen=True)
class Place:
    """Where a leaf stands: nowhere yet, in the tree, or in a tree that is signed and published."""

    index: int | None
    signed: bool

    @property
    def state(self) -> str:
        """The word of its badge."""
        return "in tree" if self.signed else "pending"


@dataclass(frozen=True)
class LogNumbers:
    """How far one log has come."""

    name: str
    size: int
    waiting: int
    signed_size: int
    signed_at: datetime | None

    @property
    def unsigned(self) -> int:
        """Leaves in the tree that no published checkpoint covers."""
        return max(0, self.size - self.signed_size)


def log_numbers() -> list[LogNumbers]:
    """Both logs: size, batches that wait for their place, and the newest checkpoint."""
    sizes = dict(Head.objects.values_list("log", "size"))
    waiting = dict(Pending.objects.values_list("log").annotate(number=Count("*")))
    signed = dict(Checkpoint.objects.values_list("log").annotate(size=Max("size")))
    times = dict(Checkpoint.objects.values_list("log").annotate(at=Max("signed_at")))
    return [
        LogNumbers(log.value, sizes.get(log, 0), waiting.get(log, 0), signed.get(log, 0), times.get(log))
        for log in Log
    ]


def places(batch_ids: Iterable[int], *, log: Log) -> dict[int, Place]:
    """The place of each batch's first leaf."""
    ids = list(batch_ids)
    first = dict(BatchSequence.objects.filter(batch_id__in=ids).values_list("batch_id", "first_index"))
    size = Checkpoint.objects.filter(log=log).aggregate(size=Max("size"))["size"] or 0
    return {one: Place(first.get(one), first.get(one, size) < size) for one in ids}


def with_places(entries: Sequence[DecisionEntry]) -> list[DecisionEntry]:
    """The entries, each with its `place`."""
    found = places([entry.batch_id for entry in entries], log=Log.DECISIONS)
    for entry in entries:
        entry.place = found[entry.batch_id]  # type: ignore[attr-defined]
    return list(entries)


def latest_decisions(subjects: Sequence[str], *, limit: int) -> list[DecisionEntry]:
    """The newest decisions about these subjects, each with its place."""
    rows = DecisionEntry.objects.filter(subject__in=subjects).order_by("-batch_id")[:limit]
    return with_places(list(rows))


def latest_deployments(model_digest: str, *, limit: int) -> list[Deployment]:
    """The newest deployments of the files that this digest names."""
    return list(Deployment.objects.filter(model_digest=model_digest).order_by("-reported_at")[:limit])


def requests_of(model_digest: str) -> QuerySet[ServedRequest]:
    """The served requests that these files answered."""
    ids = Deployment.objects.filter(model_digest=model_digest).values("pk")
    return ServedRequest.objects.filter(deployment__in=ids)


def latest_requests(model_digest: str, *, limit: int) -> list[ServedRequest]:
    """The newest requests that these files answered."""
    return list(requests_of(model_digest).select_related("deployment").order_by("-started_at")[:limit])


def request_count(model_digest: str) -> int:
    """How many requests these files answered, counted no further than `COUNTED`."""
    return requests_of(model_digest).order_by()[:COUNTED].count()


def requests_per_day(model_digest: str, *, days: int, now: datetime) -> list[tuple[str, int]]:
    """Requests a day, oldest first, days without any included."""
    return _per_day(requests_of(model_digest), days=days, now=now)


def all_requests_per_day(*, days: int, now: datetime) -> list[tuple[str, int]]:
    """The same over every model."""
    return _per_day(ServedRequest.objects.all(), days=days, now=now)


def _per_day(rows: QuerySet[ServedRequest], *, days: int, now: datetime) -> list[tuple[str, int]]:
    first = (now - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    counted = dict(
        rows.filter(started_at__gte=first)
        .order_by()
        .annotate(day=TruncDate("started_at"))
        .values_list("day")
        .annotate(number=Count("*"))
    )
    names = [(first + timedelta(days=number)).date() for number in range(days)]
    return [(name.isoformat(), counted.get(name, 0)) for name in names]


@dataclass(frozen=True)
class RecorderNumbers:
    """What one recorder sent, and what of it is missing."""

    recorder: str
    batches: int
    last_received_at: datetime
    gaps: int


def recorders(*, limit: int) -> list[RecorderNumbers]:
    """Recorders, those heard of last first."""
    rows = (
        BatchKey.objects.values("recorder")
        .annotate(batches=Count("*"), last=Max("received_at"))
        .order_by("-last")[:limit]
    )
    gaps = Counter(gap.recorder for gap in open_gaps())
    return [
        RecorderNumbers(row["recorder"], row["batches"], row["last"], gaps[row["recorder"]]) for row in rows
    ]


def open_gaps() -> list[Gap]:
    """The gaps that no late batch has closed; only recorders that ever skipped a number are looked at."""
    skipped = SequenceGap.objects.order_by("recorder").values_list("recorder", flat=True).distinct()
    return [gap for recorder in skipped for gap in selectors.open_gaps(recorder)]


def newest_decisions(*, limit: int) -> list[DecisionEntry]:
    """The newest decisions about anything."""
    return list(DecisionEntry.objects.order_by("-batch_id")[:limit])
