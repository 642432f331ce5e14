from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from modelcustody_client import note

from audit import cycle, signer, store
from audit.events import Log
from audit.models import Batch, BatchSequence, Checkpoint, Head, Tile, TreeHead
from governance import keys
from tests.logs import add_leaves, assert_whole, clock, decide, sequence_all

TABLES = [Checkpoint, Head, TreeHead, Tile, BatchSequence, Batch]


def forget_everything() -> None:
    """What restoring a backup from before the first entry leaves."""
    with connection.cursor() as cursor:
        names = ", ".join(model._meta.db_table for model in TABLES)
        cursor.execute(f"TRUNCATE {names}, audit_pending, audit_decisionentry")


def rewrite_root(size: int) -> None:
    """What a superuser can do."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_treehead DISABLE TRIGGER audit_treehead_append_only")
        cursor.execute("UPDATE audit_treehead SET root = sha256('forged') WHERE size = %s", [size])
        cursor.execute("ALTER TABLE audit_treehead ENABLE ALWAYS TRIGGER audit_treehead_append_only")


@pytest.mark.django_db
def test_signing_twice_gives_one_checkpoint() -> None:
    decide()
    sequence_all()

    assert signer.publish(Log.DECISIONS, now=clock()) is None

    assert Checkpoint.objects.filter(log=Log.DECISIONS, size=1).count() == 1
    assert signer.memory_path(Log.DECISIONS).read_bytes() == store.newest_checkpoint(Log.DECISIONS)


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_is_never_signed() -> None:
    for _ in range(3):
        decide()
    sequence_all()
    forget_everything()
    decide()

    with pytest.raises(
        signer.DatabaseOlder, match="the database has 0 leaves of decisions, but a tree of 3 was signed"
    ):
        cycle.drain(Log.DECISIONS, clock=clock)
    with pytest.raises(CommandError, match="it is an older copy"):
        call_command("sequence_log", once=True)

    assert not BatchSequence.objects.exists()
    assert not Checkpoint.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_another_history_of_the_same_size_is_never_signed() -> None:
    decide("the:truth")
    decide()
    sequence_all()
    memory = signer.memory_path(Log.DECISIONS)
    kept = memory.read_bytes()
    forget_everything()
    memory.unlink()
    decide("another:story")
    decide()
    decide()
    sequence_all()
    memory.write_bytes(kept)

    with pytest.raises(signer.TreeContradicted, match="is not the one that was signed"):
        cycle.run_once(Log.DECISIONS, now=clock())


@pytest.mark.django_db
def test_a_rewritten_root_is_never_signed() -> None:
    decide()
    sequence_all()
    decide()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signer, "publish", lambda *_, **__: None)
        cycle.run_once(Log.DECISIONS, now=clock())
    rewrite_root(2)

    with pytest.raises(signer.TreeContradicted, match="do not add up to the root at 2"):
        signer.publish(Log.DECISIONS, now=clock())
    rewrite_root(1)
    with pytest.raises(signer.TreeContradicted, match="with 1 leaves is not the one that was signed"):
        signer.publish(Log.DECISIONS, now=clock())


@pytest.mark.django_db
def test_a_tree_that_does_not_extend_the_signed_one_is_never_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    decide()
    decide()
    sequence_all()
    signed = signer.recall(Log.DECISIONS)
    assert signed is not None
    other = note.Checkpoint(signed.origin, signed.size, b"x" * 32)
    decide()
    monkeypatch.setattr(signer, "check_memory", lambda _: other)

    with pytest.raises(signer.TreeContradicted, match="does not follow from what was signed"):
        cycle.run_once(Log.DECISIONS, now=clock())


@pytest.mark.django_db
def test_a_lost_memory_is_not_made_up() -> None:
    decide()
    sequence_all()
    signer.memory_path(Log.DECISIONS).unlink()
    decide()

    with pytest.raises(signer.MemoryLost, match="bring the file back"):
        sequence_all()


@pytest.mark.django_db
def test_a_memory_that_another_key_signed_is_refused(log_folders: Path) -> None:
    decide()
    sequence_all()
    path = signer.memory_path(Log.DECISIONS)
    path.write_bytes(path.read_bytes().replace(b"decisions\n1\n", b"decisions\n0\n"))

    with pytest.raises(signer.MemoryLost, match="is not a checkpoint of this log's key"):
        sequence_all()


@pytest.mark.django_db
def test_the_newest_checkpoint_taken_back_as_memory_lets_it_go_on() -> None:
    decide()
    sequence_all()
    path = signer.memory_path(Log.DECISIONS)
    newest = store.newest_checkpoint(Log.DECISIONS)
    assert newest is not None
    path.unlink()
    path.write_bytes(newest)
    decide()

    sequence_all()

    assert assert_whole() == 2


@pytest.mark.django_db
def test_an_old_log_never_gets_a_new_key() -> None:
    decide()
    sequence_all()
    key = keys.log_key("decisions")
    key.private_path.unlink()
    decide()

    with pytest.raises(keys.KeyUnusable, match="an old one needs its own key back"):
        sequence_all()
    assert not key.exists()


@pytest.mark.django_db
def test_a_new_log_gets_its_key_from_the_sequencer(log_folders: Path) -> None:
    for path in (log_folders / "keys").iterdir():
        path.unlink()

    add_leaves(b"a")
    sequence_all(Log.REQUESTS)

    assert assert_whole(Log.REQUESTS) == 1
    assert sorted(path.name for path in (log_folders / "keys").iterdir()) == ["requests.key", "requests.vkey"]


@pytest.mark.django_db
def test_an_older_memory_does_not_make_the_signer_forget_what_is_published() -> None:
    decide()
    sequence_all()
    memory = signer.memory_path(Log.DECISIONS)
    kept = memory.read_bytes()
    decide()
    sequence_all()
    memory.write_bytes(kept)
    rewrite_root(2)

    with pytest.raises(signer.TreeContradicted, match="with 2 leaves is not the one that was signed"):
        sequence_all()


@pytest.mark.django_db
def test_a_checkpoint_that_this_key_did_not_sign_stops_the_signer() -> None:
    decide()
    sequence_all()
    decide()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signer, "publish", lambda *_, **__: None)
        cycle.run_once(Log.DECISIONS, now=clock())
    newest = store.newest_checkpoint(Log.DECISIONS)
    assert newest is not None
    Checkpoint.objects.create(
        log=Log.DECISIONS, size=2, note=newest.replace(b"\n1\n", b"\n2\n"), signed_at=clock()
    )

    with pytest.raises(signer.TreeContradicted, match="was not signed by this key"):
        sequence_all()
