"""Takes a batch of served requests over: one transaction, one COPY, and the same answer to the same batch."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from audit import batches
from audit.events import Log
from audit.ingest.records import InvalidRecord, RecordBatch
from audit.log import rfc3339
from audit.models import Batch, BatchKey, Deployment, Pending, SequenceGap
from governance.errors import Conflict, GovernanceError

COLUMNS = (
    ("record_id", "uuid"),
    ("deployment_id", "int8"),
    ("batch_id", "int8"),
    ("position", "int2"),
    ("log", "text"),
    ("started_at", "timestamptz"),
    ("duration_ms", "int8"),
    ("request_id", "text"),
    ("response_id", "text"),
    ("operation", "text"),
    ("status", "text"),
    ("input_tokens", "int4"),
    ("output_tokens", "int4"),
    ("region", "text"),
)
COPY = f"COPY audit_servedrequest ({', '.join(name for name, _ in COLUMNS)}) FROM STDIN (FORMAT BINARY)"
TYPES = [kind for _, kind in COLUMNS]


class BatchConflict(Conflict):
    """Another batch was acknowledged under the same recorder, epoch and sequence."""

    code = "batch_conflict"


class SequenceOverlap(Conflict):
    """Some of these numbers were acknowledged in another batch."""

    code = "sequence_overlap"


class RecordExists(Conflict):
    """A record of this id was acknowledged in another batch."""

    code = "record_exists"


class UnknownDeployment(InvalidRecord):
    """A record cites a deployment that was not reported, or not by this recorder."""

    code = "unknown_deployment"
    title = "A record cites an unknown deployment"


class Overloaded(GovernanceError):
    """More waits than the sequencer has kept up with; the recorder keeps its records and tries again."""

    code = "overloaded"
    status = 429
    title = "Too much is waiting; try again later"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a recorder is told, the first time and every time after."""

    key: BatchKey
    gap: tuple[int, int] | None
    is_new: bool

    def body(self) -> dict[str, object]:
        """The answer; a batch that is sent again gets the same bytes."""
        answer: dict[str, object] = {
            "batch_id": self.key.batch_id,
            "recorder": self.key.recorder,
            "epoch": self.key.epoch,
            "first_sequence": self.key.first_sequence,
            "count": self.key.count,
            "digest": f"sha256:{bytes(self.key.digest).hex()}",
            "received_at": rfc3339(self.key.received_at),
        }
        if self.gap is not None:
            answer["gap_before"] = list(self.gap)
        return answer


def refuse_if_overloaded(*, limit: int) -> None:
    """Raise `Overloaded` when more batches than the limit are not in the tree yet."""
    waiting = Pending.objects.filter(log=Log.REQUESTS)[: limit + 1].count()
    if waiting > limit:
        raise Overloaded(f"More than {limit} batches wait for the sequencer.", retry_after=5)


@transaction.atomic
def take_over(batch: RecordBatch, *, environment: str = "", now: datetime) -> Receipt:
    """Store a batch, or find what was stored of it; `environment` limits the deployments it may cite."""
    _lock(batch.recorder)
    digest = batch.digest()
    known = BatchKey.objects.filter(
        log=Log.REQUESTS, recorder=batch.recorder, epoch=batch.epoch, first_sequence=batch.first_sequence
    ).first()
    if known is not None:
        return _again(known, batch, digest=digest)
    gap = _place(batch)
    deployments = _deployments(batch, environment=environment)
    leaves = [leaf(raw, received_at=now) for raw in batch.raw]
    stored = batches.append_batch(leaves, log=Log.REQUESTS, at=now)
    key = BatchKey.objects.create(
        batch_id=stored.pk,
        log=Log.REQUESTS,
        recorder=batch.recorder,
        epoch=batch.epoch,
        first_sequence=batch.first_sequence,
        count=len(batch.records),
        digest=digest,
        received_at=now,
    )
    if gap is not None:
        _note_gap(key, gap)
    _copy(batch, stored, deployments)
    return Receipt(key, gap, is_new=True)


def leaf(raw: bytes, *, received_at: datetime) -> bytes:
    """The leaf of a record: its very bytes behind the time of receipt."""
    return b'{"received_at":"%b","record":%b}' % (rfc3339(received_at).encode("ascii"), raw)


def _lock(recorder: str) -> None:
    """One batch of a recorder at a time, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"audit recorder {recorder}"]
        )


def _again(known: BatchKey, batch: RecordBatch, *, digest: bytes) -> Receipt:
    if bytes(known.digest) != digest or known.count != len(batch.records):
        raise BatchConflict(
            f"Another batch of {known.recorder} begins at {known.epoch}/{known.first_sequence}.",
            have=[known.first_sequence, known.last_sequence],
        )
    gap = SequenceGap.objects.filter(batch_id=known.batch_id).first()
    return Receipt(known, None if gap is None else (gap.first_missing, gap.last_missing), is_new=False)


def _place(batch: RecordBatch) -> tuple[int, int] | None:
    """Hold the batch against its neighbours; return what is missing before it."""
    same = BatchKey.objects.filter(log=Log.REQUESTS, recorder=batch.recorder, epoch=batch.epoch)
    before = same.filter(first_sequence__lt=batch.first_sequence).order_by("-first_sequence").first()
    after = same.filter(first_sequence__gt=batch.first_sequence).order_by("first_sequence").first()
    for other in (before, after):
        if (
            other
            and other.first_sequence <= batch.last_sequence
            and batch.first_sequence <= other.last_sequence
        ):
            raise SequenceOverlap(
                f"{other.recorder} has sent {other.epoch}/{other.first_sequence} to {other.last_sequence} already.",
                have=[other.first_sequence, other.last_sequence],
            )
    expected = before.last_sequence + 1 if before else 0
    return (expected, batch.first_sequence - 1) if batch.first_sequence > expected else None


def _deployments(batch: RecordBatch, *, environment: str) -> dict[str, int]:
    """The deployments that the records cite, which must be this recorder's, and of the token's environment."""
    cited = {record.deployment_digest for record in batch.records}
    rows = Deployment.objects.filter(deployment_digest__in=cited, recorder=batch.recorder)
    if environment:
        rows = rows.filter(environment=environment)
    found = dict(rows.values_list("deployment_digest", "pk"))
    for index, record in enumerate(batch.records):
        if record.deployment_digest not in found:
            raise UnknownDeployment(
                f"Record {index} cites {record.deployment_digest}, which {batch.recorder} has not reported"
                f"{f' for {environment}' if environment else ''}.",
                field="deployment_digest",
                index=index,
            )
    return found


def _note_gap(key: BatchKey, gap: tuple[int, int]) -> None:
    SequenceGap.objects.create(
        log=key.log,
        recorder=key.recorder,
        epoch=key.epoch,
        first_missing=gap[0],
        last_missing=gap[1],
        batch_id=key.batch_id,
        noticed_at=key.received_at,
    )


def _copy(batch: RecordBatch, stored: Batch, deployments: dict[str, int]) -> None:
    """Write the rows to search by, in one binary COPY."""
    try:
        with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(COPY) as copy:
            copy.set_types(TYPES)
            for row in _rows(batch, stored.pk, deployments):
                copy.write_row(row)
    except IntegrityError as error:
        if "audit_servedrequest_pkey" not in str(error):
            raise
        raise RecordExists(
            "A record_id of this batch was acknowledged in another batch.", field="record_id"
        ) from error


def _rows(batch: RecordBatch, batch_id: int, deployments: dict[str, int]) -> Iterator[tuple[object, ...]]:
    for position, record in enumerate(batch.records):
        yield (
            UUID(record.record_id),
            deployments[record.deployment_digest],
            batch_id,
            position,
            Log.REQUESTS.value,
            datetime.fromisoformat(record.started_at),
            record.duration_ms,
            record.request_id,
            record.response_id,
            record.operation,
            str(record.status),
            record.input_tokens,
            record.output_tokens,
            record.region,
        )
