"""A small ASGI client that is driven by hand, and applications for it to ask."""

import asyncio
import json

from modelcustody_client import asgi, spool

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
    "user": "ada lovelace",
    "seed": 7,
}


def records(root) -> list[dict]:
    """Return the whole lines; the last one may be half written while others are being recorded."""
    found = [path for slot in spool.slots(root) for path in spool.segments(slot)]
    return [json.loads(line) for path in found for line in path.read_bytes().split(b"\n")[:-1]]


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


def chunk(**fields) -> bytes:
    return b"data: " + json.dumps({"id": "chatcmpl-2", "model": "served", **fields}).encode() + b"\n\n"


STREAM = [
    chunk(choices=[{"delta": {"content": "a"}, "finish_reason": None}]),
    chunk(choices=[{"delta": {"content": "b"}, "finish_reason": None}]),
    chunk(choices=[{"delta": {}, "finish_reason": "length"}]),
    chunk(choices=[], usage={"prompt_tokens": 8, "completion_tokens": 2}),
    b"data: [DONE]\n\n",
]
