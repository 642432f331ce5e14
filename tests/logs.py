"""What tests of the logs need: entries, rounds of the sequencer, and the whole tree checked from outside."""

from datetime import UTC, datetime

from django.db import transaction

from audit import batches, cycle, log, store
from audit.events import Event, Log
from audit.models import Batch, BatchSequence, Pending
from audit.tlog import proofs
from governance import keys
from modelcustody_client import merkle, note


def clock() -> datetime:
    return datetime.now(UTC)


@transaction.atomic
def decide(subject: str = "model-version:1", **body: object) -> int:
    return log.append(event=Event.VERSION_DRAFTED, actor="user:test", subject=subject, body=body, at=clock())


@transaction.atomic
def add_leaves(*leaves: bytes, to: Log = Log.REQUESTS) -> int:
    return int(batches.append_batch(leaves, log=to, at=clock()).pk)


def sequence_all(which: Log = Log.DECISIONS) -> int:
    return cycle.drain(which, clock=clock)


def assert_whole(which: Log = Log.DECISIONS) -> int:
    """Hold the signed checkpoint against the leaves and against every proof; return the size."""
    signed = store.newest_checkpoint(which)
    assert signed is not None
    checkpoint = note.verify_note(signed, [keys.log_key(which).vkey])
    leaves = store.leaves_between(which, start=0, end=checkpoint.size)
    assert len(leaves) == checkpoint.size
    assert merkle.root_hash(leaves) == checkpoint.root
    reader = store.TileReader(which)
    for index in {0, checkpoint.size // 2, checkpoint.size - 1} if checkpoint.size else set():
        merkle.verify_inclusion(
            leaf_hash=merkle.leaf_hash(leaves[index]),
            index=index,
            size=checkpoint.size,
            proof=proofs.inclusion(index=index, size=checkpoint.size, read=reader.read),
            root=checkpoint.root,
        )
    places = list(BatchSequence.objects.filter(log=which).order_by("first_index").values_list("first_index", "count"))
    assert [first for first, _ in places] == [sum(count for _, count in places[:n]) for n in range(len(places))]
    waiting = set(Pending.objects.filter(log=which).values_list("batch_id", flat=True))
    placed = set(BatchSequence.objects.filter(log=which).values_list("batch_id", flat=True))
    assert not waiting & placed
    assert waiting | placed == set(Batch.objects.filter(log=which).values_list("pk", flat=True))
    return checkpoint.size
