"""The middleware around small ASGI applications that are driven by hand, message by message."""

import asyncio
import hashlib
import hmac
import json
import re

import pytest
from modelcustody_client import asgi

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


def test_a_plain_answer_is_recorded_before_it_ends(root):
    body = json.dumps(ANSWER).encode()

    client = ask(root, answering((body, False)))

    assert client.on_disk == [0, 1]
    (record,) = records(root)
    key = (root / "commitment.key").read_bytes()
    assert record == {
        "record_id": record["record_id"],
        "recorder": "node-1",
        "epoch": record["epoch"],
        "sequence": 0,
        "deployment_digest": "sha256:" + "d" * 64,
        "started_at": record["started_at"],
        "duration_ms": record["duration_ms"],
        "operation": "chat",
        "request_id": record["request_id"],
        "response_id": "chatcmpl-1",
        "request_model": "served",
        "response_model": "served",
        "stream": False,
        "parameters": {"seed": "7"},
        "input_tokens": 3,
        "output_tokens": 4,
        "finish_reasons": ["stop"],
        "status": "ok",
        "error_type": None,
        "tier": None,
        "fallback_from": None,
        "provider": None,
        "region": "eu-central",
        "user_pseudonym": record["user_pseudonym"],
        "input_commitment": "hmac-sha256:" + hmac.new(key, client.data, hashlib.sha256).hexdigest(),
        "output_commitment": "hmac-sha256:" + hmac.new(key, body, hashlib.sha256).hexdigest(),
    }
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", record["record_id"]
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", record["started_at"])


def test_nothing_that_was_said_and_nobody_who_said_it_is_in_the_spool(root):
    ask(root, answering((json.dumps(ANSWER).encode(), False)))

    data = b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    for secret in (b"secret question", b"secret answer", b"ada lovelace"):
        assert secret not in data
    assert records(root)[0]["user_pseudonym"].startswith("hmac-sha256:")


def test_a_stream_is_passed_on_at_once_and_recorded_before_it_ends(root):
    client = Client(root, body={**REQUEST, "stream": True})
    seen = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        for number, data in enumerate(STREAM):
            await send({"type": "http.response.body", "body": data, "more_body": True})
            seen.append(len(client.sent) == number + 2)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def run():
        middleware = asgi.RecordRequests(app)
        await client.call(middleware)
        await middleware._close()

    asyncio.run(run())

    assert seen == [True] * 5
    assert client.on_disk == [0, 0, 0, 0, 0, 0, 1]
    assert b"".join(message.get("body", b"") for message in client.sent) == b"".join(STREAM)
    (record,) = records(root)
    assert (record["response_id"], record["finish_reasons"]) == ("chatcmpl-2", ["length"])
    assert (record["input_tokens"], record["output_tokens"], record["status"]) == (8, 2, "ok")


def test_a_client_that_leaves_in_mid_stream_leaves_a_record(root):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        await send({"type": "http.response.body", "body": STREAM[0], "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    ask(root, app)

    (record,) = records(root)
    assert (record["status"], record["error_type"]) == ("cancelled", "client_disconnected")
    assert (record["response_id"], record["output_tokens"]) == ("chatcmpl-2", None)


def test_a_client_that_leaves_after_the_end_of_the_stream_was_answered(root):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        for data in STREAM:
            await send({"type": "http.response.body", "body": data, "more_body": True})

    ask(root, app)

    assert records(root)[0]["status"] == "ok"


def test_a_request_that_is_cancelled_leaves_a_record(root):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})
        await asyncio.Event().wait()

    async def run():
        middleware = asgi.RecordRequests(app)
        task = asyncio.create_task(Client(root).call(middleware))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await middleware._close()

    asyncio.run(run())

    (record,) = records(root)
    assert (record["status"], record["error_type"]) == ("cancelled", "CancelledError")


def test_an_application_that_fails_leaves_a_record_and_its_own_error(root):
    async def app(scope, receive, send):
        raise KeyError("x")

    with pytest.raises(KeyError):
        ask(root, app)

    assert (records(root)[0]["status"], records(root)[0]["error_type"]) == ("error", "KeyError")


def test_a_broken_connection_is_the_clients_leaving(root):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": EVENTS})

    class Broken(Client):
        async def send(self, message) -> None:
            raise OSError("gone")

    async def run():
        middleware = asgi.RecordRequests(app)
        with pytest.raises(OSError, match="gone"):
            await Broken(root).call(middleware)
        await middleware._close()

    asyncio.run(run())

    assert records(root)[0]["status"] == "cancelled"


def test_an_http_error_is_recorded_as_one(root):
    ask(root, answering((b'{"error":{"message":"no such model","type":"NotFoundError"}}', False), status=404))

    (record,) = records(root)
    assert (record["status"], record["error_type"]) == ("error", "404")


def test_an_error_inside_a_stream_is_recorded_as_one(root):
    error = b'data: {"error":{"message":"x","type":"InternalServerError","code":500}}\n\n'

    ask(
        root,
        answering(
            (STREAM[0], True), (error, True), (b"data: [DONE]\n\n", True), (b"", False), headers=EVENTS
        ),
    )

    assert (records(root)[0]["status"], records(root)[0]["error_type"]) == ("error", "500")


@pytest.mark.parametrize(
    ("sent", "is_kept"),
    [
        ([b"req-1.A_b"], True),
        ([b"x" * 128], True),
        ([], False),
        ([b""], False),
        ([b"x" * 129], False),
        ([b"a b"], False),
        ([b"caf\xe9"], False),
        ([b"a\n"], False),
        ([b"a", b"b"], False),
    ],
)
def test_the_application_and_the_record_see_one_request_id(root, sent, is_kept):
    seen = []

    async def app(scope, receive, send):
        seen.extend(value for name, value in scope["headers"] if name == b"x-request-id")
        await answering((b"{}", False))(scope, receive, send)

    client = ask(
        root,
        app,
        headers=[(b"X-Request-Id", value) for value in sent] if not is_kept else [(b"x-request-id", sent[0])],
    )

    (request_id,) = seen
    assert records(root)[0]["request_id"].encode() == request_id
    assert (request_id in sent) == is_kept
    if not is_kept:
        assert re.fullmatch(rb"[0-9a-f]{32}", request_id)
    assert len(client.scope["headers"]) == len(sent)


@pytest.mark.parametrize(
    ("settings", "operation"),
    [
        ({"path": "/v1/completions"}, "text_completion"),
        ({"path": "/v1/embeddings"}, "embeddings"),
        ({"path": "/v1/responses"}, "chat"),
        ({"path": "/llm/v1/completions", "root_path": "/llm"}, "text_completion"),
        ({"path": "/v1/models"}, None),
        ({"path": "/v1/chat/completions", "method": "GET"}, None),
        ({"type": "websocket"}, None),
    ],
)
def test_what_is_recorded(root, settings, operation):
    ask(root, answering((b"{}", False)), **settings)

    assert [record["operation"] for record in records(root)] == ([operation] if operation else [])
