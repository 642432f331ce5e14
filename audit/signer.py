"""Signs what the sequencer built, and nothing that contradicts what it signed before.

Its memory, the last note of each log, lies outside the database: a restored backup cannot make it forget.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from django.conf import settings
from modelcustody_client import merkle, note

from audit import store
from audit.events import Log
from audit.models import Checkpoint, TreeHead
from audit.sequencer import SequencingStopped
from audit.tlog import proofs
from governance import keys


class SignerRefused(SequencingStopped):
    """Signing would contradict an earlier signature, or the memory of it is gone."""

    code = "signer_refused"


class DatabaseOlder(SignerRefused):
    """The database has fewer leaves than were signed: a backup was restored, or a lagging standby promoted."""

    code = "database_older"


class TreeContradicted(SignerRefused):
    """The database has another tree than the one that was signed."""

    code = "tree_contradicted"


class MemoryLost(SignerRefused):
    """The log has checkpoints, but the signer has no memory of one."""

    code = "memory_lost"


def memory_path(log: Log) -> Path:
    """Where the last note of a log is kept."""
    return Path(settings.SIGNER_DIR) / f"{log}.checkpoint"


def prepare(log: Log) -> None:
    """Make the key of a new log; an old one needs its own key and its memory back."""
    key = keys.log_key(log)
    if not key.exists() and not memory_path(log).exists() and not Checkpoint.objects.filter(log=log).exists():
        key.create()
    recall(log)


def recall(log: Log) -> note.Checkpoint | None:
    """What was signed last; None for a log that never was."""
    path = memory_path(log)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        if Checkpoint.objects.filter(log=log).exists():
            raise MemoryLost(
                f"{path} is missing, but {log} has checkpoints: bring the file back from a backup, or, once an auditor "
                "or witness has confirmed the newest checkpoint, put that checkpoint there"
            ) from None
        return None
    except OSError as error:
        raise MemoryLost(f"{path} cannot be read: {error}") from error
    try:
        return note.verify_note(data, [keys.log_key(log).vkey])
    except note.NoteInvalid as error:
        raise MemoryLost(f"{path} is not a checkpoint of this log's key: {error}") from error


def check_memory(log: Log) -> note.Checkpoint | None:
    """Raise `SignerRefused` unless what was signed is in the database, as it was signed; return the largest of it.

    Both the memory and the published checkpoint must be: either may be an older copy.
    """
    remembered = recall(log)
    if remembered is None:
        return None
    known = [remembered, *_published(log)]
    for signed in known:
        _check_signed(log, signed)
    return max(known, key=lambda one: one.size)


def _published(log: Log) -> list[note.Checkpoint]:
    data = store.newest_checkpoint(log)
    if data is None:
        return []
    try:
        return [note.verify_note(data, [keys.log_key(log).vkey])]
    except note.NoteInvalid as error:
        raise TreeContradicted(
            f"the newest checkpoint of {log} was not signed by this key: {error}"
        ) from error


def _check_signed(log: Log, signed: note.Checkpoint) -> None:
    newest = TreeHead.objects.filter(log=log).order_by("-size").first()
    size = newest.size if newest else 0
    if size < signed.size:
        raise DatabaseOlder(
            f"the database has {size} leaves of {log}, but a tree of {signed.size} was signed: it is an older copy. "
            "Nothing will be signed. Bring the newer database back; what others hold as proof must not be contradicted"
        )
    then = TreeHead.objects.filter(log=log, size=signed.size).first()
    if then is None or bytes(then.root) != signed.root:
        raise TreeContradicted(f"the tree of {log} with {signed.size} leaves is not the one that was signed")


def publish(log: Log, *, now: datetime) -> bytes | None:
    """Sign and publish the newest tree head; None where it is published already."""
    # Recalling, checking and remembering are one step: two signers that share the folder take turns.
    with _memory_held(log):
        signed = check_memory(log)
        head = TreeHead.objects.filter(log=log).order_by("-size").first()
        if head is None or Checkpoint.objects.filter(log=log, size=head.size).exists():
            return None
        root = bytes(head.root)
        check_tree(log, size=head.size, root=root, signed=signed)
        key = keys.log_key(log)
        data = key.sign_note(note.format_checkpoint_body(origin=key.origin, size=head.size, root=root))
        _remember(log, data)
    Checkpoint.objects.create(log=log, size=head.size, note=data, signed_at=now)
    return data


def check_tree(log: Log, *, size: int, root: bytes, signed: note.Checkpoint | None) -> None:
    """Raise unless the tiles add up to the root, and prove that the signed tree is a prefix."""
    reader = store.TileReader(log)
    try:
        if proofs.root(size=size, read=reader.read) != root:
            raise TreeContradicted(f"the tiles of {log} do not add up to the root at {size}")
        if signed is not None:
            merkle.verify_consistency(
                old_size=signed.size,
                old_root=signed.root,
                new_size=size,
                new_root=root,
                proof=proofs.consistency(old=signed.size, new=size, read=reader.read),
            )
    except (proofs.TileMissing, merkle.ProofInvalid) as error:
        raise TreeContradicted(f"{log} at {size} does not follow from what was signed: {error}") from error


@contextmanager
def _memory_held(log: Log) -> Iterator[None]:
    path = memory_path(log)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("ab") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _remember(log: Log, data: bytes) -> None:
    """Keep the note on disk, whole, before anyone sees it."""
    path = memory_path(log)
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
