"""HTTP to the service, by the standard library: bounded in time and size, never redirected."""

from __future__ import annotations

import dataclasses
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

from modelcustody_client import errors

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
MAX_TOKEN_BYTES = 4096
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ServiceUnavailable(errors.Refused):
    """No usable answer came from the service."""

    code = "service_unavailable"


class BadSettings(errors.Refused):
    """The address or the token of the service is missing or malformed."""

    code = "bad_settings"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the service said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def problem(self) -> str:
        """Return in one line what was wrong (RFC 9457)."""
        value = self.json()
        value = value if isinstance(value, dict) else {}
        parts = [str(value[name])[:500] for name in ("title", "detail", "code") if value.get(name)]
        return f"HTTP {self.status}" + (f": {', '.join(parts)}" if parts else "")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to a place nobody configured."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


class Service:
    """The service at one address, spoken to with one token."""

    def __init__(self, url: str, *, token: Callable[[], str]) -> None:
        self.url = check_url(url)
        self._token = token
        host = urllib.parse.urlsplit(self.url).hostname
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if host in _LOOPBACK:
            handlers.append(urllib.request.ProxyHandler({}))
        self._opener = urllib.request.build_opener(*handlers)

    def post(self, path: str, *, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """POST and return the answer whatever its status; `ServiceUnavailable` where there is none in time."""
        request = urllib.request.Request(self.url + path, data=body, method="POST")  # noqa: S310 (checked)
        for name, value in headers.items():
            request.add_header(name, value)
        request.add_header("Authorization", f"Bearer {self._token()}")
        request.add_header("Accept", "application/json")
        deadline = time.monotonic() + timeout
        try:
            try:
                with self._opener.open(request, timeout=timeout) as response:
                    return _answer(response.status, response, deadline=deadline)
            except urllib.error.HTTPError as error:
                with error:
                    return _answer(error.code, error, deadline=deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ServiceUnavailable(f"{self.url} does not answer: {reason}") from None


def check_url(url: str) -> str:
    """Return the address without a trailing slash; http and https only, no user name or query in it."""
    try:
        parts = urllib.parse.urlsplit(url)
        is_good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise BadSettings(f"{url!r} is no address") from None
    if (
        not is_good
        or parts.username
        or parts.password
        or parts.query
        or parts.fragment
        or not url.isprintable()
    ):
        raise BadSettings(f"{url!r} is no plain http(s) address of the service")
    return url.rstrip("/")


def token_source(environ: Mapping[str, str], *, file: str | None = None) -> Callable[[], str]:
    """Return a function that gives the token; one from a file is read anew, so that it can be rotated."""
    path = file or environ.get("MODELCUSTODY_TOKEN_FILE")
    if path:
        return lambda: _clean_token(_read_token(Path(path)))
    value = environ.get("MODELCUSTODY_TOKEN")
    if not value:
        raise BadSettings("no token: set MODELCUSTODY_TOKEN or MODELCUSTODY_TOKEN_FILE, or give --token-file")
    token = _clean_token(value)
    return lambda: token


def _read_token(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_TOKEN_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise BadSettings(f"cannot read the token file {path}: {error.strerror}") from None


def _clean_token(text: str) -> str:
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise BadSettings("the token is empty or not one word")
    return token


def _answer(status: int, response: Any, *, deadline: float) -> Answer:
    body = bytearray()
    stream = cast("BinaryIO", response)
    while chunk := stream.read1(65536) if hasattr(stream, "read1") else stream.read(65536):
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise ServiceUnavailable(f"the answer is larger than {MAX_RESPONSE_BYTES} bytes")
        if time.monotonic() > deadline:
            raise ServiceUnavailable("the answer took too long")
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status, headers, bytes(body))
