"""Gives committed batches their places in the tree; one process at a time, and never from a doubtful byte."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q
from modelcustody_client.merkle import EMPTY_ROOT, HASH_SIZE, leaf_hash

from audit import batches
from audit.events import Log
from audit.models import Batch, Head, Pending, Tile, TreeHead
from audit.tlog import tree

# The first number of every advisory lock of the sequencer; the second is the log's.
LOCK_CLASS = 0x6D637371
LOCK_NUMBERS = {Log.DECISIONS: 1, Log.REQUESTS: 2}
BATCHES_A_CYCLE = 1000
LEAVES_A_CYCLE = 20_000


class SequencingStopped(Exception):
    """The sequencer cannot go on; the process must end and start anew from what is committed."""

    code = "sequencing_stopped"


class LeafDamaged(SequencingStopped):
    """A stored leaf is not what was hashed when it came: the batch stays out of the tree, nothing is signed."""

    code = "leaf_damaged"


class EdgeDamaged(SequencingStopped):
    """The stored tiles do not add up to the stored root."""

    code = "edge_damaged"


class HeadMoved(SequencingStopped):
    """Another sequencer moved the head in between; this one gives way."""

    code = "head_moved"


@dataclass(frozen=True, slots=True)
class Sequenced:
    """What one cycle put into the tree."""

    batches: int
    leaves: int


def try_lock(log: Log) -> bool:
    """Take the log's session lock if it is free; it goes with the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, LOCK_NUMBERS[log]])
        row = cursor.fetchone()
    return bool(row and row[0])


def unlock(log: Log) -> None:
    """Give the log's session lock back, unless the connection took it along."""
    if connection.connection is None or connection.connection.closed:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, LOCK_NUMBERS[log]])


def ensure_head(log: Log, *, now: datetime) -> None:
    """Give a new log its empty tree."""
    with transaction.atomic():
        TreeHead.objects.bulk_create(
            [TreeHead(log=log, size=0, root=EMPTY_ROOT, at=now)], ignore_conflicts=True
        )
        Head.objects.bulk_create([Head(log=log, size=0, root=EMPTY_ROOT)], ignore_conflicts=True)


@transaction.atomic
def sequence(log: Log, *, now: datetime) -> Sequenced:
    """Put the batches that wait into the tree, all in one transaction."""
    waiting = take_pending(log)
    if not waiting:
        return Sequenced(0, 0)
    hashes = b"".join(checked_hashes(batch) for batch in waiting)
    head, edge = read_head(log)
    growth = tree.grow(hashes, size=head.size, edge=edge)
    write_tiles(log, growth.tiles)
    write_places(log, waiting, first_index=head.size)
    TreeHead.objects.create(log=log, size=growth.size, root=growth.root, at=now)
    move_head(head, growth)
    delete_pending(log, waiting)
    return Sequenced(len(waiting), len(hashes) // HASH_SIZE)


def take_pending(log: Log) -> list[Batch]:
    """The committed batches that wait, oldest number first, as many as one cycle takes.

    Numbers are not in the order of commits; that is why places are given here, after the commit, and not before.
    """
    ids = Pending.objects.filter(log=log).order_by("batch_id").values_list("batch_id", flat=True)
    chosen: list[int] = []
    leaves = 0
    for key, count in (
        Batch.objects.filter(pk__in=list(ids[:BATCHES_A_CYCLE])).order_by("pk").values_list("pk", "count")
    ):
        if chosen and leaves + count > LEAVES_A_CYCLE:
            break
        chosen.append(key)
        leaves += count
    return list(Batch.objects.filter(pk__in=chosen, log=log).order_by("pk"))


def checked_hashes(batch: Batch) -> bytes:
    """The leaf hashes of a batch, computed anew from its bytes; raises `LeafDamaged` where they differ."""
    where = f"batch {batch.pk} of {batch.log}"
    advice = (
        "it stays out of the tree and nothing is signed; compare it with the recorder's spool or a backup"
    )
    try:
        leaves = batches.unpack(batch.body)
    except batches.BodyDamaged as error:
        raise LeafDamaged(f"{where}: {error}; {advice}") from error
    stored = bytes(batch.hashes)
    if len(leaves) != batch.count:
        raise LeafDamaged(f"{where} has {len(leaves)} leaves, {batch.count} were committed; {advice}")
    for position, leaf in enumerate(leaves):
        if leaf_hash(leaf) != stored[position * HASH_SIZE : (position + 1) * HASH_SIZE]:
            raise LeafDamaged(f"{where}: leaf {position} is not what was committed; {advice}")
    return stored


def read_head(log: Log) -> tuple[Head, dict[int, bytes]]:
    """The head, and the unfilled tiles at the right edge, which must add up to it."""
    head = Head.objects.get(log=log)
    places = [Q(level=level, number=number, width=width) for level, number, width in tree.edge_of(head.size)]
    edge: dict[int, bytes] = {}
    if places:
        wanted = places[0]
        for place in places[1:]:
            wanted |= place
        edge = {tile.level: bytes(tile.data) for tile in Tile.objects.filter(wanted, log=log)}
    try:
        tree.check_edge(edge, size=head.size)
    except tree.EdgeWrong as error:
        raise EdgeDamaged(f"{log} at {head.size}: {error}") from error
    if tree.root_of(edge) != bytes(head.root):
        raise EdgeDamaged(f"{log} at {head.size}: the tiles do not add up to the root")
    return head, edge


def write_tiles(log: Log, tiles: Sequence[tree.TileData]) -> None:
    """Write new tiles and widen the one at the edge of each level."""
    rows = [(str(log), tile.level, tile.number, tile.width, tile.data) for tile in tiles]
    with connection.cursor() as cursor:
        for row in rows:
            cursor.execute(
                "INSERT INTO audit_tile (log, level, number, width, data) VALUES (%s, %s, %s, %s, %s) "
                "ON CONFLICT (log, level, number) DO UPDATE SET width = excluded.width, data = excluded.data "
                "WHERE audit_tile.width < excluded.width",
                row,
            )
            if cursor.rowcount != 1:
                raise HeadMoved(f"tile {row[1]}/{row[2]} of {log} is wider than {row[3]} already")


def write_places(log: Log, waiting: Sequence[Batch], *, first_index: int) -> None:
    """Write down where each batch begins."""
    with connection.cursor() as cursor:
        place = first_index
        rows = []
        for batch in waiting:
            rows.append((batch.pk, str(log), place, batch.count))
            place += batch.count
        cursor.executemany(
            "INSERT INTO audit_batchsequence (batch_id, log, first_index, count) VALUES (%s, %s, %s, %s)",
            rows,
        )


def move_head(head: Head, growth: tree.Growth) -> None:
    """Compare and set: only from the size and root that this cycle began with."""
    moved = Head.objects.filter(log=head.log, size=head.size, root=bytes(head.root)).update(
        size=growth.size, root=growth.root
    )
    if moved != 1:
        raise HeadMoved(f"the head of {head.log} is no longer at {head.size}")


def delete_pending(log: Log, waiting: Sequence[Batch]) -> None:
    """Take the batches off the queue."""
    keys = [batch.pk for batch in waiting]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_pending WHERE log = %s AND batch_id = ANY(%s)", [str(log), keys])
        if cursor.rowcount != len(keys):
            raise HeadMoved(f"{len(keys)} batches of {log} were sequenced, {cursor.rowcount} were waiting")
