"""What can go wrong between a Hub and whoever asks it: a fault takes an honest answer and spoils it."""

import dataclasses
import itertools
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

CHUNK = 64 * 1024
PAGES = itertools.count(1)


@dataclasses.dataclass
class Answer:
    """What the stand-in is about to say; a body that is an iterator has no length unless a header names one."""

    status: int
    headers: dict[str, str]
    body: bytes | Iterator[bytes] = b""
    breaks_off: bool = False  # the connection ends after the body, whatever length was promised


@dataclasses.dataclass
class Fault:
    """Spoils the answers of one route, as often as said."""

    route: str
    kind: str
    options: dict[str, Any]
    path: str | None = None  # only for this file
    method: str | None = None
    after: int = 0  # that many answers stay honest first
    times: int | None = None  # so many answers are spoiled; None means all

    def strikes(self, *, route: str, path: str | None, method: str) -> bool:
        """Whether this answer is to be spoiled; counts."""
        if self.route not in {route, "any"} or self.path not in {None, path}:
            return False
        if self.method not in {None, method} or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        self.times = None if self.times is None else self.times - 1
        return True


def _status(
    answer: Answer, status: int = 503, headers: dict[str, str] | None = None, body: bytes = b"{}"
) -> Answer:
    """Another status: 429, 5xx, 403, ..."""
    return Answer(status, dict(headers or {}), body)


def _truncated(answer: Answer, keep: int | None = None) -> Answer:
    """The length is promised, half of it is sent."""
    body = whole(answer)
    promised = {"Content-Length": str(len(body))} | answer.headers
    return Answer(answer.status, promised, body[: len(body) // 2 if keep is None else keep], breaks_off=True)


def _corrupted(answer: Answer) -> Answer:
    """As many bytes as there should be, and one of them is another."""
    body = bytearray(whole(answer))
    body[len(body) // 2] ^= 0x01
    return dataclasses.replace(answer, body=bytes(body))


def _headers(answer: Answer, **headers: str | None) -> Answer:
    """Other headers: `ETag='"x"'`; a None takes one away. `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {name: value for name, value in answer.headers.items() if name not in named}
    return dataclasses.replace(answer, headers=kept | {n: v for n, v in named.items() if v is not None})


def _redirected(answer: Answer, to: str, status: int = 302) -> Answer:
    """Somewhere else: to an endless loop, or to where nobody should go."""
    return Answer(status, {"Location": to})


def _dripping(answer: Answer) -> Answer:
    """One byte at a time. The test's own clock says how long each took."""
    body = whole(answer)
    return dataclasses.replace(
        answer,
        headers={"Content-Length": str(len(body))} | answer.headers,
        body=(body[i : i + 1] for i in range(len(body))),
    )


def _stalled(answer: Answer, until: threading.Event) -> Answer:
    """Half of it, and then nothing until the stand-in ends."""
    body = whole(answer)

    def chunks() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        until.wait()

    headers = {"Content-Length": str(len(body))} | answer.headers
    return Answer(answer.status, headers, chunks(), breaks_off=True)


def _endless(answer: Answer, start: bytes = b"[", again: bytes = b'"x", ') -> Answer:
    """More and more, until nobody listens."""
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
    block = again * (CHUNK // len(again))
    return Answer(answer.status, headers, itertools.chain([start], itertools.repeat(block)), breaks_off=True)


def _gzip_bomb(answer: Answer, mebibytes: int = 4096) -> Answer:
    """A few MiB on the wire that say they are many GiB."""

    def chunks() -> Iterator[bytes]:
        press = zlib.compressobj(9, zlib.DEFLATED, 31)
        zeros = bytes(1024 * 1024)
        for _ in range(mebibytes):
            yield press.compress(zeros)
        yield press.flush()

    headers = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
    return Answer(answer.status, headers | {"Content-Encoding": "gzip"}, chunks(), breaks_off=True)


def _body(answer: Answer, body: bytes) -> Answer:
    """Something else altogether, with its right length: no JSON, a page of a proxy, JSON a mile deep."""
    return dataclasses.replace(answer, body=body)


def _edited(answer: Answer, change: Callable[[Any], Any]) -> Answer:
    """The JSON of the answer, changed by the test."""
    return dataclasses.replace(answer, body=json.dumps(change(json.loads(whole(answer)))).encode())


def _paged(answer: Answer) -> Answer:
    """There is always one more page."""
    link = f'</next?cursor={next(PAGES)}>; rel="next"'
    return dataclasses.replace(answer, headers=answer.headers | {"Link": link})


def _hung_up(answer: Answer) -> Answer:
    """The connection ends without an answer."""
    return Answer(0, {})


SPOIL: dict[str, Callable[..., Answer]] = {
    "status": _status,
    "truncated": _truncated,
    "corrupted": _corrupted,
    "headers": _headers,
    "redirected": _redirected,
    "dripping": _dripping,
    "stalled": _stalled,
    "endless": _endless,
    "gzip_bomb": _gzip_bomb,
    "body": _body,
    "edited": _edited,
    "paged": _paged,
    "hung_up": _hung_up,
}


def whole(answer: Answer) -> bytes:
    """The body in one piece."""
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
