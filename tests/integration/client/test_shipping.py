import json
import socket
import threading

import pytest
from modelcustody_client import durable, shipper, spool, transport

from tests import standin

PATH = shipper.PATH


@pytest.fixture
def service():
    with standin.serving() as found:
        yield found


@pytest.fixture
def opened(tmp_path):
    found = spool.open_spool(tmp_path / "spool", now=1_800_000_000)
    yield found
    found.close()


def ship(opened: spool.Spool, service: standin.Standin) -> int:
    target = transport.Service(service.url, token=lambda: "mc_k_s")
    return shipper.Shipper(opened.root, service=target, timeout=5).ship_all()


def sequences(request: standin.Request) -> list[int]:
    return [json.loads(line)["sequence"] for line in request.lines().splitlines()]


def fill(opened: spool.Spool, count: int) -> None:
    for number in range(count):
        opened.append({"n": number})


def test_records_are_sent_once_as_they_lie_in_the_spool(opened, service):
    fill(opened, 3)

    assert [ship(opened, service), ship(opened, service)] == [3, 0]

    (request,) = service.sent(PATH)
    assert request.lines() == spool.segments(opened.slot)[0].read_bytes()
    assert request.headers["authorization"] == "Bearer mc_k_s"
    assert (request.headers["content-type"], request.headers["content-encoding"]) == (
        "application/x-ndjson",
        "gzip",
    )
    fill(opened, 2)
    assert ship(opened, service) == 2
    assert sequences(service.sent(PATH)[1]) == [3, 4]


def test_batches_are_bounded_and_contiguous(opened, service, monkeypatch):
    monkeypatch.setattr(shipper, "BATCH_RECORDS", 4)
    fill(opened, 6)
    with pytest.raises(spool.RecordDropped):
        opened.append({"n": "x" * spool.MAX_RECORD_BYTES})
    fill(opened, 2)

    assert ship(opened, service) == 8

    assert [sequences(request) for request in service.sent(PATH)] == [[0, 1, 2, 3], [4, 5], [7, 8]]


def test_a_batch_never_spans_two_epochs(opened, service):
    fill(opened, 2)
    opened.close()
    again = spool.open_spool(opened.root, now=1_800_000_000)
    fill(again, 2)

    assert ship(again, service) == 4

    assert [sequences(request) for request in service.sent(PATH)] == [[0, 1], [0, 1]]
    assert [path.name[:12] for path in spool.segments(again.slot)] == [f"{again.epoch:012d}"]
    again.close()


def test_a_batch_whose_answer_was_lost_is_sent_again_byte_for_byte(opened, service):
    fill(opened, 3)
    service.tell(PATH, 503)
    with pytest.raises(shipper.TryLater):
        ship(opened, service)
    fill(opened, 4)
    service.answers.clear()

    assert ship(opened, service) == 7

    bodies = [request.lines() for request in service.sent(PATH)]
    assert bodies[0] == bodies[1]
    assert sequences(service.sent(PATH)[2]) == [3, 4, 5, 6]


def test_a_crash_after_the_answer_and_before_the_cursor_sends_the_same_batch_again(
    opened, service, monkeypatch
):
    fill(opened, 2)
    real, writes = durable.replace, []

    def crash(path, data):
        writes.append(path.name)
        if writes.count("cursor") == 2:
            raise OSError("killed")
        real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(durable, "replace", crash)
        with pytest.raises(OSError, match="killed"):
            ship(opened, service)
    fill(opened, 1)

    assert ship(opened, service) == 3
    assert [sequences(request) for request in service.sent(PATH)] == [[0, 1], [0, 1], [2]]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502, 503, 302])
def test_what_may_pass_is_tried_again_later(opened, service, status):
    fill(opened, 1)
    service.tell(
        PATH, status, {"title": "Not now", "code": "busy"}, Retry_After="7", Location="http://127.0.0.1:1/"
    )

    with pytest.raises(shipper.TryLater) as caught:
        ship(opened, service)

    assert caught.value.wait == 7.0
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(409, "batch_conflict"), (422, "unknown_deployment"), (400, "malformed")]
)
def test_a_refused_batch_is_put_aside_and_the_next_goes_on(opened, service, status, code, monkeypatch):
    monkeypatch.setattr(shipper, "BATCH_RECORDS", 2)
    fill(opened, 3)
    take = service.answer
    refusal = standin.Answer(status, json.dumps({"title": "Refused", "code": code}).encode())
    service.answer = lambda request: take(request) if sequences(request) == [2] else refusal

    with pytest.raises(shipper.BatchRefused, match=code):
        ship(opened, service)

    told, kept = sorted((opened.slot / "rejected").iterdir())
    assert [json.loads(line)["sequence"] for line in kept.read_bytes().splitlines()] == [0, 1]
    assert json.loads(told.read_bytes())["status"] == status
    assert sequences(service.sent(PATH)[-1]) == [2]
    assert ship(opened, service) == 0


@pytest.mark.parametrize("bad", [0, 2, 4])
def test_one_bad_record_is_put_aside_and_the_others_of_its_batch_go_on(opened, service, bad):
    fill(opened, 5)
    take, accepted = service.answer, []

    def answer(request):
        numbers = sequences(request)
        if bad in numbers:
            problem = {
                "title": "A record is not valid",
                "code": "invalid_record",
                "index": numbers.index(bad),
            }
            return standin.Answer(422, json.dumps(problem).encode())
        accepted.extend(numbers)
        return take(request)

    service.answer = answer

    with pytest.raises(shipper.BatchRefused, match="refused 1 records"):
        ship(opened, service)

    assert accepted == [number for number in range(5) if number != bad]
    (kept,) = (opened.slot / "rejected").glob("*.records")
    assert json.loads(kept.read_bytes())["sequence"] == bad


@pytest.mark.parametrize(
    "body", [b"<html>Welcome to the hotel</html>", b"{}", b'{"digest":"sha256:00"}', b"[]"]
)
def test_an_answer_that_does_not_name_the_batch_is_no_acknowledgement(opened, service, body):
    fill(opened, 1)
    service.tell(PATH, 200, body)

    with pytest.raises(shipper.TryLater, match="does not acknowledge"):
        ship(opened, service)
    service.answers.clear()
    assert ship(opened, service) == 1


def test_a_service_that_is_away_is_tried_later(opened):
    fill(opened, 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = transport.Service(f"http://127.0.0.1:{free.getsockname()[1]}", token=lambda: "t")

        with pytest.raises(shipper.TryLater, match="does not answer"):
            shipper.Shipper(opened.root, service=target, timeout=5).ship_all()


def test_segments_that_were_acknowledged_are_deleted(opened, service, monkeypatch):
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 120)
    fill(opened, 9)

    assert ship(opened, service) == 9

    assert len(spool.segments(opened.slot)) == 1
    fill(opened, 1)
    assert ship(opened, service) == 1


def test_an_unfinished_last_line_is_not_sent(opened, service):
    fill(opened, 2)
    with spool.segments(opened.slot)[0].open("ab") as stream:
        stream.write(b'{"sequence":2')

    assert ship(opened, service) == 2
    assert ship(opened, service) == 0


def test_a_damaged_segment_is_put_aside_and_told(opened, service):
    fill(opened, 1)
    spool.segments(opened.slot)[0].write_bytes(b"\xff\xfe\n")

    with pytest.raises(shipper.BatchRefused, match="damaged"):
        ship(opened, service)
    assert list(opened.slot.glob("*.damaged"))


def test_a_slot_that_another_process_ships_is_left_to_it(opened, service):
    fill(opened, 1)
    held = durable.try_lock(opened.slot / "ship.lock")

    assert ship(opened, service) == 0

    durable.unlock(held)
    assert ship(opened, service) == 1


def test_the_thread_ships_what_it_is_woken_for_and_ends_when_told(opened, service):
    arrived = threading.Event()
    answer = service.answer
    service.answer = lambda request: (arrived.set(), answer(request))[1]
    target = transport.Service(service.url, token=lambda: "t")
    thread = shipper.ShippingThread(shipper.Shipper(opened.root, service=target), log=lambda _text: None)

    fill(opened, 1)
    thread.wake()
    assert arrived.wait(10)
    fill(opened, 2)
    thread.stop(timeout=10)

    assert sum(len(sequences(request)) for request in service.sent(PATH)) == 3


def test_the_thread_tells_trouble_and_goes_on(opened, service):
    fill(opened, 1)
    service.tell(PATH, 503, {"title": "Busy"})
    told, is_told = [], threading.Event()

    def log(text):
        told.append(text)
        is_told.set()

    target = transport.Service(service.url, token=lambda: "t")
    thread = shipper.ShippingThread(shipper.Shipper(opened.root, service=target), log=log)
    assert is_told.wait(10)
    service.answers.clear()
    thread.stop(timeout=10)

    assert "HTTP 503: Busy" in told[0]
    assert service.sent(PATH)[-1].lines() == spool.segments(opened.slot)[0].read_bytes()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("99999", 3600.0), ("soon", None), ("-1", None), (None, None)],
)
def test_retry_after(header, seconds):
    headers = {} if header is None else {"retry-after": header}

    assert shipper.retry_after(transport.Answer(429, headers, b"")) == seconds


def test_backoff_grows_to_a_ceiling_and_honours_what_was_asked():
    assert all(0.5 <= shipper.backoff(1, asked=None) <= 1.0 for _ in range(50))
    assert all(30 <= shipper.backoff(40, asked=None) <= 60 for _ in range(50))
    assert all(7 <= shipper.backoff(40, asked=7.0) <= 8 for _ in range(50))
