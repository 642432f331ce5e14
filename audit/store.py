"""Reads the tree and the leaves of a log from the database."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from modelcustody_client import note

from audit import batches
from audit.events import Log
from audit.models import Batch, BatchSequence, Checkpoint, Tile
from audit.tlog import proofs


@dataclass(slots=True)
class TileReader:
    """The tiles of one log, each read from the database once."""

    log: Log
    _known: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def read(self, level: int, number: int, width: int) -> bytes:
        """At least `width` hashes of a tile; raises `TileMissing`."""
        data = self._known.get((level, number), b"")
        if len(data) < width * 32:
            row = Tile.objects.filter(log=self.log, level=level, number=number, width__gte=width)
            found = row.values_list("data", flat=True).first()
            if found is None:
                raise proofs.TileMissing(f"tile {level}/{number} of {self.log} is missing or too narrow")
            data = self._known[level, number] = bytes(found)
        return data


def newest_checkpoint(log: Log) -> bytes | None:
    """The newest signed checkpoint, as published."""
    found = Checkpoint.objects.filter(log=log).order_by("-size").values_list("note", flat=True).first()
    return None if found is None else bytes(found)


def size_of(signed: bytes | None) -> int:
    """How many leaves a checkpoint of ours covers; zero where there is none."""
    if signed is None:
        return 0
    return note.parse_checkpoint_body(note.parse_note(signed).text).size


def indices(batch_ids: Iterable[int]) -> dict[int, int]:
    """The index of the first leaf of each batch that is in the tree."""
    rows = BatchSequence.objects.filter(batch_id__in=list(batch_ids))
    return dict(rows.values_list("batch_id", "first_index"))


def leaves_of(batch_ids: Iterable[int]) -> dict[int, list[bytes]]:
    """The leaves of the batches."""
    rows = Batch.objects.filter(pk__in=list(batch_ids)).values_list("pk", "body")
    return {key: batches.unpack(body) for key, body in rows}


def leaves_between(log: Log, *, start: int, end: int) -> list[bytes]:
    """Leaves `start` to `end` of a log, which must be in the tree."""
    first = BatchSequence.objects.filter(log=log, first_index__lte=start).order_by("-first_index").first()
    if first is None or start >= end:
        return []
    rows = list(
        BatchSequence.objects.filter(log=log, first_index__gte=first.first_index, first_index__lt=end)
        .order_by("first_index")
        .values_list("batch_id", "first_index")
    )
    bodies = leaves_of(batch_id for batch_id, _ in rows)
    found: list[bytes] = []
    for batch_id, first_index in rows:
        leaves = bodies[batch_id]
        found += leaves[max(0, start - first_index) : end - first_index]
    return found
