"""The one HTTP client for the bytes of models: asks for a file from an offset on, and believes little (RFC 9110, 14)."""

import dataclasses
import email.utils
import re
import time
import urllib.parse
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import httpcore2

from registry.sources import base
from registry.sources.addresses import Guard, Origin, origin_of, shown
from registry.sources.connections import Clock, Limits, Pools

# Bytes as they lie there: an answer that unpacks to a thousand times its size cannot be bounded by its length.
HEADERS = {"User-Agent": "modelcustody", "Accept": "*/*", "Accept-Encoding": "identity"}
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_DELAY_SECONDS = 3600.0
DRAINED_BYTES = 16 * 1024
STRONG_TAG = re.compile(
    r'"[\x21\x23-\x7e]{1,250}"'
)  # RFC 9110, 8.8.3; a weak one cannot be given to If-Range
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")  # RFC 9110, 14.4
FAULTS = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


class TryAgain(base.SourceUnavailable):
    """It may work later; `delay` is how many seconds the source asked us to wait, if it said so."""

    def __init__(self, detail: str, *, delay: float | None = None) -> None:
        super().__init__(detail)
        self.delay = delay


class StateChanged(base.SourceUnavailable):
    """What is there now is not what was begun, so the rest does not fit: begin at 0."""


class AccessRefused(base.SourceRefused):
    """The source knows us and says no, or wants to know us."""

    code = "access_refused"


class BadAnswer(base.SourceRefused):
    """The source answers in a way that cannot be used; asking again gives the same."""

    code = "bad_answer"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """The head of one answer; names of headers are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]

    @property
    def length(self) -> int | None:
        """How many bytes follow, where it is said."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None

    @property
    def validator(self) -> str:
        """The strong entity tag, or nothing."""
        tag = self.headers.get("etag", "")
        return tag if STRONG_TAG.fullmatch(tag) else ""


# Is shown every answer, redirects too, before anything of it is used; what it raises ends the request.
Judge = Callable[[Answer], None]


def judge(answer: Answer) -> None:
    """Put an answer that is no file into the words of `base`."""
    place, status = shown(answer.url), answer.status
    if status in {200, 206} or status in REDIRECTS:
        return
    if status == 416:
        raise StateChanged(f"{place} has fewer bytes than it had.")
    if status in {408, 425, 429} or status >= 500:
        raise TryAgain(f"{place} answers {status}.", delay=retry_after(answer))
    if status in {401, 403, 407}:
        raise AccessRefused(f"{place} may not be read with the account that the service has ({status}).")
    if status in {404, 410}:
        raise base.SourceNotFound(f"There is nothing at {place}.")
    raise BadAnswer(f"{place} answers {status}, which is no file.")


def retry_after(answer: Answer) -> float | None:
    """How many seconds to wait (RFC 9110, 10.2.3), at most an hour."""
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return min(float(text), MOST_DELAY_SECONDS)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    left = (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(left, 0.0), MOST_DELAY_SECONDS)


class RangeClient:
    """Asks one configured origin, and whoever it sends us to as far as the guard lets it. Threads may share it."""

    def __init__(self, guard: Guard, *, limits: Limits | None = None, clock: Clock = time.monotonic) -> None:
        self._limits = limits or Limits()
        self._pools = Pools(guard, limits=self._limits, clock=clock)
        self.close = weakref.finalize(self, self._pools.close)

    @contextmanager
    def open_range(
        self,
        url: str,
        *,
        size: int | None = None,
        offset: int = 0,
        validator: str = "",
        headers: Mapping[str, str] | None = None,
        judge: Judge = judge,
    ) -> Iterator[base.Stream]:
        """Stream a file from `offset` on; the stream says where it really begins.

        It begins at 0 where the source cannot resume, or where `validator` names a state that is gone. Never more
        than `size` bytes in all. Raises `TryAgain`, `StateChanged` (begin at 0), `base.DownloadCorrupted` (more or
        fewer bytes than `size`), and refusals.
        """
        asked = dict(headers or {})
        if offset:
            asked["Range"] = f"bytes={offset}-"
            if validator:
                asked["If-Range"] = validator
        with self._ask("GET", url, headers=asked, judge=judge) as (answer, body):
            begin, total = _placed(answer, offset=offset, validator=validator)
            _check_length(answer, total=total, size=size)
            chunks = _bounded(body, url=url, most=None if size is None else size - begin)
            yield base.Stream(offset=begin, size=total, validator=answer.validator, chunks=chunks)

    def head(self, url: str, *, headers: Mapping[str, str] | None = None, judge: Judge = judge) -> Answer:
        """Only the head of the answer; raises as `open_range` does."""
        with self._ask("HEAD", url, headers=dict(headers or {}), judge=judge) as (answer, _):
            return answer

    def read(
        self, url: str, *, most: int, headers: Mapping[str, str] | None = None, judge: Judge = judge
    ) -> bytes:
        """A small file, whole; raises `BadAnswer` if it has more than `most` bytes, else as `open_range` does."""
        read = bytearray()
        with self.open_range(url, headers=headers, judge=judge) as stream:
            for chunk in stream.chunks:
                read += chunk
                if len(read) > most:
                    raise BadAnswer(f"{shown(url)} has more than {most} bytes; it is not read.")
            if stream.size is not None and len(read) != stream.size:
                raise TryAgain(f"{shown(url)} broke off after {len(read)} of {stream.size} bytes.")
        return bytes(read)

    @contextmanager
    def _ask(
        self, method: str, url: str, *, headers: dict[str, str], judge: Judge
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        """Ask, and follow redirects; what the caller said is told to no other origin."""
        begin, place, own = origin_of(url), url, headers
        for _ in range(self._limits.redirects + 1):
            target = origin_of(place)
            if target != begin:
                own = {name: value for name, value in own.items() if name in {"Range", "If-Range"}}
            with self._answered(method, place, target=target, headers=own) as (answer, body):
                judge(answer)
                if answer.status not in REDIRECTS:
                    _require_identity(answer)
                    yield answer, body
                    return
                place = _next_place(answer)
                _drain(answer, body)
        raise BadAnswer(f"{shown(url)} sends us on more than {self._limits.redirects} times.")

    @contextmanager
    def _answered(
        self, method: str, place: str, *, target: Origin, headers: Mapping[str, str]
    ) -> Iterator[tuple[Answer, Iterator[bytes]]]:
        pool = self._pools.of(target)
        address = place.partition("#")[0]
        with (
            _in_our_words(place),
            pool.stream(
                method,
                address,
                headers=list({**HEADERS, **headers}.items()),
                extensions={"timeout": self._limits.timeouts},
            ) as response,
        ):
            shown_headers = {
                name.decode("latin-1").lower(): value.decode("latin-1").strip()
                for name, value in response.headers
            }
            yield Answer(place, response.status, shown_headers), response.iter_stream()


@contextmanager
def _in_our_words(place: str) -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise TryAgain(f"{shown(place)} does not answer as it should: {words}") from None


def _next_place(answer: Answer) -> str:
    place = urllib.parse.urljoin(answer.url, answer.headers.get("location", ""))
    if place == answer.url or "location" not in answer.headers:
        raise BadAnswer(f"{shown(answer.url)} sends us nowhere.")
    return place


def _drain(answer: Answer, body: Iterator[bytes]) -> None:
    """Read the few words beside a redirect, so that the connection can be used again."""
    if answer.length is not None and answer.length <= DRAINED_BYTES:
        for _ in body:
            pass


def _require_identity(answer: Answer) -> None:
    coding = answer.headers.get("content-encoding", "identity").lower()
    if coding not in {"identity", ""}:
        raise BadAnswer(
            f"{shown(answer.url)} is sent packed ({coding[:20]}) although it was asked for as it is; it is not read."
        )


def _placed(answer: Answer, *, offset: int, validator: str) -> tuple[int, int | None]:
    """Where the body begins within the file, and how long the whole file is where that is known."""
    if answer.status == 200:
        return 0, answer.length
    found = CONTENT_RANGE.fullmatch(answer.headers.get("content-range", ""))
    if not offset or found is None:
        raise BadAnswer(f"{shown(answer.url)} sends a part that was not asked for.")
    first, last = int(found[1]), int(found[2])
    total = None if found[3] == "*" else int(found[3])
    is_whole = first <= last and (total is None or last < total)
    if first != offset or not is_whole or answer.length not in {None, last - first + 1}:
        raise StateChanged(f"{shown(answer.url)} sends another part than the one from byte {offset} on.")
    if validator and answer.validator not in {"", validator}:
        raise StateChanged(f"{shown(answer.url)} is another file than when it was begun.")
    return first, total


def _check_length(answer: Answer, *, total: int | None, size: int | None) -> None:
    if size is not None and total not in {None, size}:
        raise base.DownloadCorrupted(f"{shown(answer.url)} has {total} bytes, its source says {size}.")


def _bounded(body: Iterator[bytes], *, url: str, most: int | None) -> Iterator[bytes]:
    """The chunks of a body; raises `base.DownloadCorrupted` for more than `most` bytes, `TryAgain` for fewer."""
    count = 0
    with _in_our_words(url):
        for chunk in body:
            count += len(chunk)
            if most is not None and count > most:
                raise base.DownloadCorrupted(f"{shown(url)} sends more bytes than its source lists.")
            if chunk:
                yield chunk
    if most is not None and count < most:
        raise TryAgain(f"{shown(url)} broke off, {most - count} bytes before its end.")
