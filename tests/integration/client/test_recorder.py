"""The recorder when its settings, its disk or its own code fail: the request goes on."""

import asyncio
import hashlib
import hmac
import json
import os

import pytest
from modelcustody_client import asgi, durable, recorder, spool

from tests.integration.client.exchanges import (
    ANSWER,
    EVENTS,
    REQUEST,
    STREAM,
    Client,
    answering,
    ask,
    records,
)


def test_large_bodies_are_passed_whole_and_held_only_in_part(root, monkeypatch):
    monkeypatch.setattr(asgi, "MAX_CAPTURE", 100)
    answer = json.dumps({**ANSWER, "more": "x" * 1000}).encode()

    client = ask(
        root, answering((answer[:500], True), (answer[500:], False)), body={**REQUEST, "more": "x" * 1000}
    )

    assert b"".join(message.get("body", b"") for message in client.sent) == answer
    (record,) = records(root)
    key = (root / "commitment.key").read_bytes()
    assert record["output_commitment"] == "hmac-sha256:" + hmac.new(key, answer, hashlib.sha256).hexdigest()
    assert (record["response_id"], record["request_model"], record["status"]) == (None, None, "ok")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MODELCUSTODY_RECORDER", "x" * 129),
        ("MODELCUSTODY_DEPLOYMENT_DIGEST", "sha256:x"),
        ("MODELCUSTODY_REGION", "a\nb"),
        ("MODELCUSTODY_TIER", "x" * 65),
        ("MODELCUSTODY_SPOOL_MAX_BYTES", "lots"),
    ],
)
def test_settings_that_the_service_would_refuse_are_told(root, monkeypatch, capsys, name, value):
    monkeypatch.setenv(name, value)

    assert len(ask(root, answering((b"{}", False))).sent) == 2
    assert "NOT RECORDED" in capsys.readouterr().err


@pytest.mark.parametrize(
    "missing", ["MODELCUSTODY_SPOOL", "MODELCUSTODY_RECORDER", "MODELCUSTODY_DEPLOYMENT_DIGEST"]
)
def test_without_its_settings_requests_go_on_and_it_is_told_once(root, monkeypatch, capsys, missing):
    monkeypatch.delenv(missing)

    async def run():
        middleware = asgi.RecordRequests(answering((b"{}", False)))
        return [len((await Client(root).call(middleware)).sent) for _ in range(3)]

    assert asyncio.run(run()) == [2, 2, 2]
    told = capsys.readouterr().err
    assert told.count("NOT RECORDED") == 1
    assert missing in told


def test_a_disk_that_fails_costs_the_request_nothing(root, monkeypatch, capsys):
    def broken(_handle, _data):
        raise OSError(28, "No space left on device")

    async def run():
        middleware = asgi.RecordRequests(answering((b"{}", False)))
        middleware._open()
        monkeypatch.setattr(durable, "write_all", broken)
        sent = [len((await Client(root).call(middleware)).sent) for _ in range(3)]
        monkeypatch.undo()
        await middleware._close()
        return sent

    assert asyncio.run(run()) == [2, 2, 2]
    assert capsys.readouterr().err.count("No space left") == 1


def test_a_disk_that_hangs_does_not_hold_the_answer_for_ever(root, monkeypatch, capsys):
    import threading

    release = threading.Event()
    monkeypatch.setattr(recorder, "_MAX_WAIT", 0.05)
    monkeypatch.setattr(spool.Spool, "append", lambda _self, _record: release.wait(30))

    async def run():
        middleware = asgi.RecordRequests(answering((b"{}", False)))
        client = await Client(root).call(middleware)
        release.set()
        await middleware._close()
        return client

    assert len(asyncio.run(run()).sent) == 2
    assert "did not take a record" in capsys.readouterr().err


def test_looking_that_fails_costs_the_request_nothing(root, monkeypatch, capsys):
    def broken(*_args):
        raise RuntimeError("a bug")

    for name in ("response_fields", "request_fields"):
        monkeypatch.setattr(asgi.observation, name, broken)
    monkeypatch.setattr(asgi.observation.Stream, "feed", broken)

    client = ask(root, answering((STREAM[0], True), (b"", False), headers=EVENTS))

    assert len(client.sent) == 3
    assert "a bug" in capsys.readouterr().err


def test_the_lifespan_opens_and_closes_the_recorder(root):
    seen = []

    async def app(scope, receive, send):
        seen.append((root / "epoch").exists())

    async def run():
        middleware = asgi.RecordRequests(app)
        await middleware({"type": "lifespan"}, None, None)
        return middleware._recorder

    assert asyncio.run(run()) is None
    assert seen == [True]
    again = spool.open_spool(root, now=0)
    assert again.slot.name == "slot-00"
    again.close()


def test_many_requests_at_once_each_leave_one_record(root):
    async def run():
        middleware = asgi.RecordRequests(answering((json.dumps(ANSWER).encode(), False)))
        await asyncio.gather(*(Client(root).call(middleware) for _ in range(50)))
        await middleware._close()

    asyncio.run(run())

    found = records(root)
    assert [record["sequence"] for record in found] == list(range(50))
    assert (
        len({record["record_id"] for record in found})
        == len({record["request_id"] for record in found})
        == 50
    )


def test_uuid7_holds_the_time_and_sorts_by_it():
    found = [recorder.uuid7(now=1_800_000_000 + number) for number in range(3)]

    assert found == sorted(found)
    assert int(found[0].replace("-", "")[:12], 16) == 1_800_000_000_000


def test_the_pseudonym_of_a_user_is_stable_in_one_spool_and_keyed(root):
    opened = recorder.open_recorder(os.environ)
    first = opened.pseudonym("ada")
    opened.close()

    again = recorder.open_recorder(os.environ)
    assert again.pseudonym("ada") == first != again.pseudonym("bob")
    assert hashlib.sha256(b"ada").hexdigest() not in first
    again.close()
