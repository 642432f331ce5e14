"""Reads for API, admin and packs: log entries with their proofs, and what was served."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from django.db.models import Count, F, Max, Min, Sum, Window
from django.db.models.functions import Lag
from modelcustody_client import canonical, proof

from audit import store
from audit.events import Log
from audit.models import BatchKey, DecisionEntry, Deployment, ServedRequest
from audit.tlog import proofs


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf with its proof; index and proof are None until the leaf is in the signed tree."""

    log: str
    index: int | None
    leaf: bytes
    proof: str | None


@dataclass(frozen=True, slots=True)
class ServedCounts:
    """How much a model served."""

    deployments: int
    requests: int
    input_tokens: int
    output_tokens: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a recorder that never came."""

    recorder: str
    epoch: int
    first_missing: int
    last_missing: int


class Context(Protocol):
    """Tells what was in force for a deployment at a time: version, licence, approval, decision."""

    def __call__(self, *, deployment: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
        """Tell it as JSON."""
        ...


_contexts: list[Context] = []


def register_context(context: Context) -> None:
    """Have served requests enriched by the part that knows models; a later one takes its place."""
    _contexts[:] = [context]


def context_of(deployment: Mapping[str, Any], *, at: datetime) -> Mapping[str, Any] | None:
    """What was in force then; None where nobody is registered to say."""
    return _contexts[0](deployment=deployment, at=at) if _contexts else None


def checkpoint(log: str) -> bytes | None:
    """The newest signed checkpoint of a log, as published."""
    return store.newest_checkpoint(Log(log))


def decision_entries(*, subjects: Sequence[str], signed: bytes | None = None) -> list[Entry]:
    """The decisions about the subjects, oldest first; proofs are against `signed`, or the newest checkpoint."""
    keys = (
        DecisionEntry.objects.filter(subject__in=subjects)
        .order_by("batch_id")
        .values_list("batch_id", flat=True)
    )
    return entries(Log.DECISIONS, [(key, 0) for key in keys], signed=signed)


def request_entries(*, model_digest: str, signed: bytes | None = None) -> list[Entry]:
    """The deployments of a model and the requests that they served, oldest first."""
    deployments = Deployment.objects.filter(model_digest=model_digest)
    places = [(key, 0) for key in deployments.values_list("batch_id", flat=True)]
    served = ServedRequest.objects.filter(deployment__in=deployments)
    places += served.values_list("batch_id", "position")
    return entries(Log.REQUESTS, sorted(places), signed=signed)


def entries(log: Log, places: Iterable[tuple[int, int]], *, signed: bytes | None = None) -> list[Entry]:
    """The leaves at (batch, position), each with its proof where it is in the signed tree."""
    wanted = list(places)
    signed = signed or store.newest_checkpoint(log)
    size = store.size_of(signed)
    batch_ids = {batch_id for batch_id, _ in wanted}
    leaves, first = store.leaves_of(batch_ids), store.indices(batch_ids)
    reader = store.TileReader(log)
    found = []
    for batch_id, position in wanted:
        index = first[batch_id] + position if batch_id in first else None
        leaf = leaves[batch_id][position]
        if signed is None or index is None or index >= size:
            found.append(Entry(log, None, leaf, None))
            continue
        hashes = proofs.inclusion(index=index, size=size, read=reader.read)
        text = proof.format_proof(index=index, hashes=hashes, checkpoint=signed).decode("utf-8")
        found.append(Entry(log, index, leaf, text))
    return found


def served_request_entry(record_id: UUID) -> Entry | None:
    """The leaf and proof of one served request."""
    row = ServedRequest.objects.filter(record_id=record_id).values_list("batch_id", "position").first()
    return entries(Log.REQUESTS, [row])[0] if row else None


def deployment_statement(deployment: Deployment) -> dict[str, Any]:
    """What the node said, from the leaf."""
    [leaf] = store.leaves_of([deployment.batch_id])[deployment.batch_id]
    return dict(canonical.loads(leaf))


def served_counts(model_digest: str) -> ServedCounts:
    """How much a model served, over all its deployments."""
    rows = ServedRequest.objects.filter(deployment__model_digest=model_digest).aggregate(
        requests=Count("record_id"),
        input_tokens=Sum("input_tokens", default=0),
        output_tokens=Sum("output_tokens", default=0),
        first_at=Min("started_at"),
        last_at=Max("started_at"),
    )
    return ServedCounts(deployments=Deployment.objects.filter(model_digest=model_digest).count(), **rows)


def open_gaps(recorder: str | None = None) -> list[Gap]:
    """Numbers that never came, as things stand now; a batch that came late has closed its gap."""
    rows = BatchKey.objects.all() if recorder is None else BatchKey.objects.filter(recorder=recorder)
    end_before = Window(
        Lag(F("first_sequence") + F("count"), default=0),
        partition_by=[F("log"), F("recorder"), F("epoch")],
        order_by=F("first_sequence").asc(),
    )
    late = rows.annotate(expected=end_before).filter(first_sequence__gt=F("expected"))
    ordered = late.order_by("recorder", "epoch", "first_sequence")
    found = ordered.values_list("recorder", "epoch", "expected", "first_sequence")
    return [Gap(name, epoch, expected, first - 1) for name, epoch, expected, first in found]
