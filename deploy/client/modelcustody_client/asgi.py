"""ASGI middleware that leaves a record of each request that a model answered.

Configured by the environment alone, as vLLM's `--middleware` needs. It passes every message on at once and looks at
it afterwards; only the very last message of a response waits until the record is on disk. Nothing that goes wrong
here reaches the request.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import functools
import os
import re
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from modelcustody_client import complaints, errors, observation, recorder

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_CAPTURE = 1024 * 1024
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_RETRY_OPENING = 60.0


class RecordRequests:
    """Wraps an ASGI application; takes no arguments."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._recorder: recorder.Recorder | None = None
        self._complain = complaints.Complaints()
        self._next_try = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or the lifespan of the server."""
        if scope["type"] == "lifespan":
            self._open()
            try:
                await self.app(scope, receive, send)
            finally:
                await self._close()
            return
        operation = _operation(scope)
        opened = self._open() if operation else None
        if opened is None or operation is None:
            await self.app(scope, receive, send)
            return
        await _Exchange(opened, operation=operation, receive=receive, send=send).run(self.app, scope)

    def _open(self) -> recorder.Recorder | None:
        """Return the recorder; while it cannot be opened, requests go on and the trouble is told."""
        if self._recorder is None and time.monotonic() >= self._next_try:
            try:
                self._recorder = recorder.open_recorder(os.environ)
            except Exception as error:  # noqa: BLE001 (see above)
                self._next_try = time.monotonic() + _RETRY_OPENING
                kind = "" if isinstance(error, errors.Refused) else f"{type(error).__name__}: "
                self._complain(f"REQUESTS ARE NOT RECORDED: {kind}{error}")
        return self._recorder

    async def _close(self) -> None:
        opened, self._recorder = self._recorder, None
        if opened is not None:
            try:
                await asyncio.to_thread(opened.close)
            except Exception as error:  # noqa: BLE001 (the server is ending; say it and let it end)
                self._complain(f"closing the recorder: {error}")


class _Exchange:
    """One request and its response, as they pass."""

    def __init__(self, opened: recorder.Recorder, *, operation: str, receive: Receive, send: Send) -> None:
        self._recorder = opened
        self._operation = operation
        self._inner_receive = receive
        self._inner_send = send
        self._started_at = dt.datetime.now(dt.UTC)
        self._clock = time.monotonic()
        self._request_id = ""
        self._request = bytearray()
        self._request_hash = opened.commitment()
        self._response = bytearray()
        self._response_hash = opened.commitment()
        self._stream: observation.Stream | None = None
        self._http_status: int | None = None
        self._is_disconnected = False
        self._is_recorded = False

    async def run(self, app: App, scope: Scope) -> None:
        """Let the application answer, and see to it that a record is left whatever happens."""
        try:
            await app(self._with_request_id(scope), self._receive, self._send)
        except BaseException as error:
            is_gone = isinstance(error, asyncio.CancelledError) or self._is_disconnected
            # no waiting here: the task may be cancelled already, and the thread finishes by itself
            self._record_soon("cancelled" if is_gone else "error", error_type=type(error).__name__)
            raise
        if not self._is_recorded:
            is_whole = self._stream is not None and self._stream.is_done
            status, error_type = ("ok", None) if is_whole else ("cancelled", "client_disconnected")
            await self._record(status, error_type=error_type)

    def _with_request_id(self, scope: Scope) -> Scope:
        """Give the request an id of its own where the client sent none that is usable, so that all logs agree."""
        headers = list(scope.get("headers", ()))
        sent = [value for name, value in headers if name.lower() == b"x-request-id"]
        if len(sent) == 1 and _REQUEST_ID.fullmatch(sent[0]):
            self._request_id = sent[0].decode("ascii")
            return scope
        self._request_id = uuid.uuid4().hex
        others = [(name, value) for name, value in headers if name.lower() != b"x-request-id"]
        return {**scope, "headers": [*others, (b"x-request-id", self._request_id.encode("ascii"))]}

    async def _receive(self) -> Message:
        message = await self._inner_receive()
        if message["type"] == "http.request":
            body = message.get("body", b"")
            self._request_hash.update(body)
            _capture(self._request, body)
        elif message["type"] == "http.disconnect":
            self._is_disconnected = True
        return message

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._observe(message)
            if not self._is_recorded:
                await self._record(*self._outcome())
            await self._pass_on(message)
            return
        await self._pass_on(message)
        self._observe(message)

    async def _pass_on(self, message: Message) -> None:
        try:
            await self._inner_send(message)
        except OSError:
            self._is_disconnected = True  # how ASGI 2.4 servers say that nobody listens any more
            raise

    def _observe(self, message: Message) -> None:
        try:
            if message["type"] == "http.response.start":
                self._http_status = message["status"]
                types = [
                    value for name, value in message.get("headers", ()) if name.lower() == b"content-type"
                ]
                if any(value.lower().startswith(b"text/event-stream") for value in types):
                    self._stream = observation.Stream()
            elif message["type"] == "http.response.body":
                body = message.get("body", b"")
                self._response_hash.update(body)
                if self._stream is not None:
                    self._stream.feed(body)
                else:
                    _capture(self._response, body)
        except Exception as error:  # noqa: BLE001 (looking must never break what is looked at)
            self._recorder.complain(f"looking at a response: {type(error).__name__}: {error}")

    def _outcome(self) -> tuple[str, str | None]:
        if self._is_disconnected and not (self._stream is not None and self._stream.is_done):
            return "cancelled", "client_disconnected"
        status = self._http_status or 500
        return ("ok", None) if status < 400 else ("error", str(status))

    async def _record(self, status: str, error_type: str | None) -> None:
        self._is_recorded = True
        try:
            await self._recorder.write(functools.partial(self._build, status, error_type, self._elapsed()))
        except Exception as error:  # noqa: BLE001 (a failed record must never fail a request)
            self._recorder.complain(f"a record was lost: {type(error).__name__}: {error}")

    def _record_soon(self, status: str, *, error_type: str) -> None:
        if self._is_recorded:
            return
        self._is_recorded = True
        try:
            self._recorder.submit(functools.partial(self._build, status, error_type, self._elapsed()))
        except Exception as error:  # noqa: BLE001 (as above)
            self._recorder.complain(f"a record was lost: {type(error).__name__}: {error}")

    def _elapsed(self) -> int:
        return round((time.monotonic() - self._clock) * 1000)

    def _build(self, status: str, error_type: str | None, duration_ms: int) -> dict[str, Any]:
        """Make the record; runs on the recorder's thread, where parsing delays nobody."""
        settings = self._recorder.settings
        body = observation.parse_object(_whole(self._request))
        if self._stream is not None:
            documents = self._stream.documents()
            failure = observation.error_of(documents)
            if status == "ok" and failure is not None:
                status, error_type = "error", failure
        else:
            documents = [observation.parse_object(_whole(self._response))]
        user = body.get("user")
        return {
            "record_id": recorder.uuid7(now=self._started_at.timestamp()),
            "recorder": settings.recorder,
            "epoch": None,
            "sequence": None,
            "deployment_digest": settings.deployment_digest,
            "started_at": self._started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "duration_ms": duration_ms,
            "operation": self._operation,
            "request_id": self._request_id,
            **observation.response_fields(documents),
            **observation.request_fields(body),
            "status": status,
            "error_type": error_type,
            "tier": settings.tier,
            "fallback_from": None,
            "provider": settings.provider,
            "region": settings.region,
            "user_pseudonym": self._recorder.pseudonym(user) if isinstance(user, str) and user else None,
            "input_commitment": f"hmac-sha256:{self._request_hash.hexdigest()}",
            "output_commitment": f"hmac-sha256:{self._response_hash.hexdigest()}",
        }


def _operation(scope: Scope) -> str | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return observation.OPERATIONS.get(path.removeprefix(root) if root else path)


def _capture(buffer: bytearray, body: bytes) -> None:
    """Keep a body up to the limit; one byte more marks that it was cut."""
    room = MAX_CAPTURE + 1 - len(buffer)
    if room > 0:
        buffer += body[:room]


def _whole(buffer: bytearray) -> bytes | None:
    return bytes(buffer) if len(buffer) <= MAX_CAPTURE else None
