import json
import os
import stat
import threading

import pytest
from modelcustody_client import durable, spool

NOW = 1_800_000_000.5


@pytest.fixture
def opened(tmp_path):
    found = spool.open_spool(tmp_path / "spool", now=NOW)
    yield found
    found.close()


def records(root) -> list[dict]:
    lines = [
        line
        for slot in spool.slots(root)
        for path in spool.segments(slot)
        for line in path.read_bytes().splitlines()
    ]
    return [json.loads(line) for line in lines]


def reopened(found: spool.Spool, *, now: float = NOW, **settings) -> spool.Spool:
    found.close()
    return spool.open_spool(found.root, now=now, **settings)


def test_append_numbers_records_from_zero(opened):
    assert [opened.append({"n": number}) for number in range(3)] == [0, 1, 2]

    assert records(opened.root) == [{"n": n, "epoch": int(NOW), "sequence": n} for n in range(3)]


def test_append_from_many_threads_gives_each_number_once(opened):
    threads = [threading.Thread(target=lambda: [opened.append({}) for _ in range(25)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [record["sequence"] for record in records(opened.root)] == list(range(200))


def test_append_returns_only_after_a_sync(opened, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_size), real(handle)))

    opened.append({"n": 1})

    segment = spool.segments(opened.slot)[0]
    assert segment.stat().st_size in synced


def test_an_epoch_is_never_used_twice_even_when_the_clock_goes_back(opened):
    epochs = [opened.epoch]
    for now in (NOW, NOW - 1000, 0.0, NOW + 60):
        opened = reopened(opened, now=now)
        epochs.append(opened.epoch)
    opened.close()

    first = int(NOW)
    assert epochs == [first, first + 1, first + 2, first + 3, first + 60]


def test_an_epoch_is_not_reused_when_its_file_is_lost(opened):
    opened.append({})
    (opened.root / "epoch").unlink()

    again = reopened(opened, now=0.0)

    assert again.epoch == int(NOW) + 1
    again.close()


def test_two_processes_take_two_slots_and_two_epochs(opened):
    second = spool.open_spool(opened.root, now=NOW)

    assert second.slot != opened.slot
    assert second.epoch == opened.epoch + 1
    second.close()


def test_a_torn_last_line_is_cut_on_start(opened):
    opened.append({"n": 0})
    segment = spool.segments(opened.slot)[0]
    with segment.open("ab") as stream:
        stream.write(b'{"n":1,"epo')

    again = reopened(opened)

    assert [record["n"] for record in records(again.root)] == [0]
    again.close()


def test_a_failed_write_leaves_no_half_line_and_shows_as_a_gap(opened, monkeypatch):
    opened.append({"n": 0})

    def half(handle, data):
        os.write(handle, bytes(data)[:5])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "write_all", half)
        with pytest.raises(spool.RecordDropped, match="No space left"):
            opened.append({"n": 1})
    opened.append({"n": 2})

    assert [(record["n"], record["sequence"]) for record in records(opened.root)] == [(0, 0), (2, 2)]
    assert opened.dropped == 1


def test_a_write_that_cannot_be_taken_back_moves_on_to_another_segment(opened, monkeypatch):
    opened.append({"n": 0})

    def half(handle, data):
        os.write(handle, bytes(data)[:5])
        raise OSError(5, "Input/output error")

    def broken(_handle, _size):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(durable, "write_all", half)
        patch.setattr(os, "ftruncate", broken)
        with pytest.raises(spool.RecordDropped):
            opened.append({"n": 1})
    opened.append({"n": 2})

    assert [path.name[13:28] for path in spool.segments(opened.slot)] == ["0" * 15, "0" * 14 + "2"]


def test_a_full_spool_drops_counts_and_goes_on_numbering(tmp_path):
    found = spool.open_spool(tmp_path / "spool", now=NOW, max_bytes=100)
    found.append({"n": "x" * 40})

    for _ in range(2):
        with pytest.raises(spool.RecordDropped, match="full"):
            found.append({"n": "x" * 40})

    assert found.dropped == 2
    assert json.loads((found.slot / "dropped").read_bytes()) == {str(found.epoch): 1}
    spool.segments(found.slot)[0].unlink()
    found._measured_at = float("-inf")
    assert found.append({"n": 1}) == 3
    found.close()


def test_a_record_too_large_for_a_leaf_is_dropped(opened):
    with pytest.raises(spool.RecordDropped, match="over the limit"):
        opened.append({"n": "x" * spool.MAX_RECORD_BYTES})


def test_segments_rotate_and_sort_in_the_order_of_writing(opened, monkeypatch):
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 120)

    for number in range(12):
        opened.append({"n": number})

    assert len(spool.segments(opened.slot)) > 3
    assert [record["n"] for record in records(opened.root)] == list(range(12))


def test_keys_are_made_once_and_for_the_owner_only(tmp_path):
    first = spool.read_key(tmp_path / "spool", name="commitment.key")

    assert len(first) == 32
    assert spool.read_key(tmp_path / "spool", name="commitment.key") == first
    assert spool.read_key(tmp_path / "spool", name="pseudonym.key") != first
    assert stat.S_IMODE((tmp_path / "spool" / "commitment.key").stat().st_mode) == 0o600


def test_a_damaged_key_is_not_used(tmp_path):
    (tmp_path / "commitment.key").write_bytes(b"short")

    with pytest.raises(spool.SpoolUnusable, match="damaged"):
        spool.read_key(tmp_path, name="commitment.key")


def test_a_spool_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(spool.SpoolUnusable):
        spool.open_spool(tmp_path / "file" / "spool", now=NOW)


def test_all_slots_taken_is_told(opened, monkeypatch):
    monkeypatch.setattr(spool, "MAX_SLOTS", 1)

    with pytest.raises(spool.SpoolUnusable, match="in use"):
        spool.open_spool(opened.root, now=NOW)


def test_an_epoch_is_above_what_was_shipped_though_all_else_was_lost(opened):
    (opened.slot / "cursor").write_text(
        json.dumps({"segment": spool.segment_name(int(NOW) + 50, sequence=0), "offset": 9, "pending": None})
    )
    (opened.root / "epoch").unlink()

    again = reopened(opened)

    assert again.epoch == int(NOW) + 51
    again.close()


@pytest.mark.parametrize("cursor", [b"", b"{", b"[]", b'{"segment": "x"}', b'{"segment": null}'])
def test_a_damaged_cursor_names_no_epoch(opened, cursor):
    (opened.slot / "cursor").write_bytes(cursor)

    assert spool.shipped_epoch(opened.slot) == 0
