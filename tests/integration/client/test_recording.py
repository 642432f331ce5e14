"""The middleware around small ASGI applications that are driven by hand, message by message."""

import asyncio
import hashlib
import hmac
import json
import os
import re

import pytest
from modelcustody_client import asgi, durable, recorder, spool

JSON = [(b"content-type", b"application/json")]
EVENTS = [(b"content-type", b"text/event-stream; charset=utf-8")]
ANSWER = {
    "id": "chatcmpl-1",
    "model": "served",
    "choices": [{"finish_reason": "stop", "message": {"content": "the secret answer"}}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4},
}
REQUEST = {
    "model": "served",
    "messages": [{"role": "user", "content": "the secret question"}],
    "user": "ada",
    "seed": 7,
}


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELCUSTODY_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("MODELCUSTODY_RECORDER", "node-1")
    monkeypatch.setenv("MODELCUSTODY_DEPLOYMENT_DIGEST", "sha256:" + "d" * 64)
    monkeypatch.setenv("MODELCUSTODY_REGION", "eu-central")
    monkeypatch.delenv("MODELCUSTODY_URL", raising=False)
    return tmp_path / "spool"


def records(root) -> list[dict]:
    found = [path for slot in spool.slots(root) for path in spool.segments(slot)]
    return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]


def answering(*messages, headers=JSON, status=200):
    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for body, more in messages:
            await send({"type": "http.response.body", "body": body, "more_body": more})

    return app


class Client:
    """Plays the server: gives the request's messages and keeps what comes back, with a look at the spool."""

    def __init__(
        self, root, *, body=None, headers=(), path="/v1/chat/completions", method="POST", **scope
    ) -> None:
        self.root = root
        self.scope = {"type": "http", "method": method, "path": path, "headers": list(headers), **scope}
        data = json.dumps(REQUEST if body is None else body).encode()
        self.data = data
        self.incoming = [
            {"type": "http.request", "body": data[:10], "more_body": True},
            {"type": "http.request", "body": data[10:], "more_body": False},
        ]
        self.sent: list[dict] = []
        self.on_disk: list[int] = []

    async def receive(self):
        return self.incoming.pop(0) if self.incoming else {"type": "http.disconnect"}

    async def send(self, message) -> None:
        self.sent.append(message)
        self.on_disk.append(len(records(self.root)))

    async def call(self, middleware):
        await middleware(self.scope, self.receive, self.send)
        return self


def ask(root, app, **settings) -> Client:
    async def run() -> Client:
        middleware = asgi.RecordRequests(app)
        try:
            return await Client(root, **settings).call(middleware)
        finally:
            await middleware._close()

    return asyncio.run(run())


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
    for secret in (b"secret question", b"secret answer", b"ada"):
        assert secret not in data
    assert records(root)[0]["user_pseudonym"].startswith("hmac-sha256:")


def chunk(**fields) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-2", "model": "served", **fields}).encode() + b"\n\n"


STREAM = [
    chunk(choices=[{"delta": {"content": "a"}, "finish_reason": None}]),
    chunk(choices=[{"delta": {"content": "b"}, "finish_reason": None}]),
    chunk(choices=[{"delta": {}, "finish_reason": "length"}]),
    chunk(choices=[], usage={"prompt_tokens": 8, "completion_tokens": 2}),
    b"data: [DONE]\n\n",
]


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
