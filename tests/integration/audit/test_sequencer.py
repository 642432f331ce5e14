import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection, transaction
from modelcustody_client import merkle, note

from audit import batches, cycle, sequencer, signer, store
from audit.events import Log
from audit.models import Batch, BatchSequence, Checkpoint, Head, Pending, TreeHead
from governance import keys
from tests.logs import add_leaves, assert_whole, clock, decide, sequence_all


class Killed(BaseException):
    """Stands for kill -9: nothing may handle it."""


@pytest.mark.django_db
def test_an_empty_log_has_a_signed_checkpoint() -> None:
    assert sequence_all() == 0

    signed = store.newest_checkpoint(Log.DECISIONS)
    assert signed is not None
    checkpoint = note.verify_note(signed, [keys.log_key("decisions").vkey])
    assert (checkpoint.size, checkpoint.root) == (0, merkle.EMPTY_ROOT)


@pytest.mark.django_db
def test_batches_get_their_places_in_the_order_of_their_numbers() -> None:
    first = add_leaves(b"a", b"b")
    second = add_leaves(b"c")

    assert sequence_all(Log.REQUESTS) == 3

    assert dict(BatchSequence.objects.values_list("batch_id", "first_index")) == {first: 0, second: 2}
    assert store.leaves_between(Log.REQUESTS, start=0, end=3) == [b"a", b"b", b"c"]
    assert assert_whole(Log.REQUESTS) == 3
    assert not Pending.objects.exists()


@pytest.mark.django_db
def test_the_two_logs_do_not_mix() -> None:
    decide()
    add_leaves(b"a")

    sequence_all()

    assert assert_whole() == 1
    assert Pending.objects.get().log == Log.REQUESTS


@pytest.mark.django_db
@pytest.mark.parametrize("sizes", [[255, 1, 1], [256, 1], [257, 255, 1, 600]])
def test_trees_across_the_edges_of_tiles(sizes: list[int]) -> None:
    for number, size in enumerate(sizes):
        add_leaves(*(b"%d/%d" % (number, leaf) for leaf in range(size)))
        sequence_all(Log.REQUESTS)
        assert assert_whole(Log.REQUESTS) == sum(sizes[: number + 1])


@pytest.mark.django_db
def test_a_cycle_takes_no_more_than_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "LEAVES_A_CYCLE", 4)
    for number in range(4):
        add_leaves(*(b"%d/%d" % (number, leaf) for leaf in range(3)))
    cycle.prepare(Log.REQUESTS, now=clock())

    done = [cycle.run_once(Log.REQUESTS, now=clock()) for _ in range(5)]

    assert [(one.batches, one.leaves) for one in done] == [(1, 3), (1, 3), (1, 3), (1, 3), (0, 0)]
    assert assert_whole(Log.REQUESTS) == 12


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hashes": b"\0" * 32}, "leaf 0 is not what was committed"),
        ({"body": b"rubbish"}, "cannot be read"),
        ({"body": batches.pack([b"x", b"y"])}, "has 2 leaves, 1 were committed"),
    ],
)
def test_a_damaged_batch_stops_the_sequencer_and_nothing_is_signed(
    fields: dict[str, bytes], said: str
) -> None:
    sequence_all(Log.REQUESTS)
    whole = {
        "log": Log.REQUESTS,
        "received_at": clock(),
        "count": 1,
        "hashes": merkle.leaf_hash(b"x"),
        "body": batches.pack([b"x"]),
    }
    batch = Batch.objects.create(**{**whole, **fields})
    Pending.objects.create(batch_id=batch.pk, log=Log.REQUESTS)

    for _ in range(2):
        with pytest.raises(sequencer.LeafDamaged, match=said) as caught:
            cycle.run_once(Log.REQUESTS, now=clock())
        assert f"batch {batch.pk}" in str(caught.value)

    assert Checkpoint.objects.filter(log=Log.REQUESTS).count() == 1
    assert Pending.objects.get().batch_id == batch.pk
    assert Head.objects.get(log=Log.REQUESTS).size == 0


@pytest.mark.django_db
def test_damaged_tiles_stop_the_sequencer(monkeypatch: pytest.MonkeyPatch) -> None:
    add_leaves(b"a")
    sequence_all(Log.REQUESTS)
    add_leaves(b"b")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_tile DISABLE TRIGGER audit_tile_only_grows")
        cursor.execute("UPDATE audit_tile SET data = sha256('other')")
        cursor.execute("ALTER TABLE audit_tile ENABLE ALWAYS TRIGGER audit_tile_only_grows")

    with pytest.raises(sequencer.EdgeDamaged, match="do not add up"):
        cycle.run_once(Log.REQUESTS, now=clock())


STEPS: list[tuple[Any, str]] = [
    (sequencer, "take_pending"),
    (sequencer, "checked_hashes"),
    (sequencer, "read_head"),
    (sequencer, "write_tiles"),
    (sequencer, "write_places"),
    (sequencer, "move_head"),
    (sequencer, "delete_pending"),
    (sequencer, "sequence"),
    (signer, "check_memory"),
    (signer, "check_tree"),
    (signer, "_remember"),
    (signer, "publish"),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[name for _, name in STEPS])
def test_killed_at_any_step_twice_it_goes_on(
    module: Any, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_leaves(*(b"%d" % number for number in range(255)))
    sequence_all(Log.REQUESTS)
    real = getattr(module, step)

    def killed(*positional: Any, **named: Any) -> Any:
        if when == "after":
            real(*positional, **named)
        raise Killed

    for number in range(2):
        add_leaves(b"next %d" % number)
        with monkeypatch.context() as patch:
            patch.setattr(module, step, killed)
            with pytest.raises(Killed):
                cycle.run_once(Log.REQUESTS, now=clock())
        connection.close()

    sequence_all(Log.REQUESTS)
    assert assert_whole(Log.REQUESTS) == 257


@pytest.mark.django_db
def test_another_sequencer_that_moved_the_head_makes_this_one_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    sequence_all(Log.REQUESTS)
    add_leaves(b"a")
    stale = sequencer.read_head(Log.REQUESTS)
    sequence_all(Log.REQUESTS)
    add_leaves(b"b")
    monkeypatch.setattr(sequencer, "read_head", lambda _: stale)

    with pytest.raises(sequencer.HeadMoved, match="wider than 1 already"), transaction.atomic():
        sequencer.sequence(Log.REQUESTS, now=clock())
    monkeypatch.setattr(sequencer, "write_tiles", lambda *_: None)
    monkeypatch.setattr(sequencer, "write_places", lambda *_, **__: None)
    monkeypatch.setattr(TreeHead.objects, "create", lambda **_: None)
    with pytest.raises(sequencer.HeadMoved, match="no longer at 0"), transaction.atomic():
        sequencer.sequence(Log.REQUESTS, now=clock())


def in_threads(*targets: Callable[[], None]) -> list[BaseException]:
    failed: list[BaseException] = []

    def guarded(target: Callable[[], None]) -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


@pytest.mark.django_db(transaction=True)
def test_writers_that_roll_back_and_a_sequencer_give_a_gap_free_order() -> None:
    committed: list[int] = []
    stop = threading.Event()

    def write(writer: int) -> Callable[[], None]:
        def entries() -> None:
            for number in range(40):
                with transaction.atomic():
                    found = decide(f"writer:{writer}", number=number)
                    transaction.set_rollback(number % 10 == 3)
                if number % 10 != 3:
                    committed.append(found)

        return entries

    running = threading.Thread(
        target=lambda: (cycle.run([Log.DECISIONS], clock=clock, stop=stop), connection.close())
    )
    running.start()
    failed = in_threads(*(write(writer) for writer in range(6)))
    stop.set()
    running.join()
    sequence_all()

    assert failed == []
    assert len(committed) == 6 * 36
    assert set(BatchSequence.objects.values_list("batch_id", flat=True)) == set(committed)
    assert assert_whole() == len(committed)


@pytest.mark.django_db(transaction=True)
def test_two_sequencers_without_a_lock_between_them_still_build_one_tree() -> None:
    sequence_all()
    barrier = threading.Barrier(2)

    def rounds() -> None:
        for number in range(10):
            barrier.wait(timeout=30)
            decide("both", number=number)
            with contextlib.suppress(Exception):  # the loser of a race ends; here it tries again
                cycle.run_once(Log.DECISIONS, now=clock())
            close_old_connections()

    failed = in_threads(rounds, rounds)
    sequence_all()

    assert failed == []
    assert assert_whole() == 20


@pytest.mark.django_db(transaction=True)
def test_a_second_sequencer_stands_by(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[BaseException] = []

    def other() -> None:
        try:
            call_command("sequence_log", once=True)
        except CommandError as error:
            seen.append(error)

    assert sequencer.try_lock(Log.REQUESTS)
    try:
        in_threads(other)
    finally:
        sequencer.unlock(Log.REQUESTS)

    assert "another sequencer is at work" in str(seen[0])
    in_threads(other)
    assert len(seen) == 1


@pytest.mark.django_db(transaction=True)
def test_the_command_sequences_both_logs(capsys: pytest.CaptureFixture[str]) -> None:
    decide()
    add_leaves(b"a", b"b")

    call_command("sequence_log", once=True)

    assert "decisions: 1 leaves sequenced\nrequests: 2 leaves sequenced" in capsys.readouterr().out
    assert (assert_whole(Log.DECISIONS), assert_whole(Log.REQUESTS)) == (1, 2)
