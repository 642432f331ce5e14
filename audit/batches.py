"""Appends a batch of leaves to a log, and reads it back as it was."""

from collections.abc import Sequence
from datetime import datetime

import zstandard
from django.db import transaction
from modelcustody_client import merkle

from audit.events import Log
from audit.models import Batch, Pending
from audit.tlog import bundles

LARGEST_BODY = 5000 * (bundles.LARGEST_LEAF + 2)


class OutsideTransaction(RuntimeError):
    """An append outside a transaction could survive a change that did not happen, or the other way round."""

    code = "outside_transaction"


class BodyDamaged(Exception):
    """The stored leaves of a batch cannot be read back."""

    code = "body_damaged"


def append_batch(leaves: Sequence[bytes], *, log: Log, at: datetime) -> Batch:
    """Store the leaves in the caller's transaction; the sequencer gives them their places after the commit."""
    return append_batches([(leaves, at)], log=log)[0]


def append_batches(batches: Sequence[tuple[Sequence[bytes], datetime]], *, log: Log) -> list[Batch]:
    """The same for many batches, each with the time when it came, in two statements."""
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransaction(
            f"an append to {log} needs a transaction around it and the change it tells of"
        )
    rows = Batch.objects.bulk_create(
        Batch(
            log=log,
            received_at=at,
            count=len(leaves),
            hashes=b"".join(merkle.leaf_hash(leaf) for leaf in leaves),
            body=pack(leaves),
        )
        for leaves, at in batches
    )
    Pending.objects.bulk_create(Pending(batch_id=row.pk, log=log) for row in rows)
    return rows


def pack(leaves: Sequence[bytes]) -> bytes:
    """The leaves as they are stored: an entry bundle, compressed."""
    return zstandard.ZstdCompressor(level=1).compress(bundles.encode(leaves))


def unpack(body: bytes) -> list[bytes]:
    """The leaves of a stored body; raises `BodyDamaged`."""
    try:
        data = zstandard.ZstdDecompressor().decompress(bytes(body), max_output_size=LARGEST_BODY)
        return bundles.decode(data)
    except (zstandard.ZstdError, bundles.BundleMalformed, MemoryError) as error:
        raise BodyDamaged(f"the leaves cannot be read: {error}") from error
