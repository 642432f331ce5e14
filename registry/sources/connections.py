"""Connections that go only where a guard lets them, and that are given up when the other side is too slow.

Made on httpcore2, the transport below the Hub's own client: the guard has to stand between the look-up of a name
and the first byte sent, and what a whole HTTP client adds above that (cookies, .netrc, redirects, unpacking) is
what must not happen here.
"""

import dataclasses
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable
from typing import Any

import httpcore2

from registry.sources.addresses import Guard, HostUnknown, Origin

Clock = Callable[[], float]


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """How long the other side is waited for (seconds), and how many times it may send us on."""

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    # Over each window of waiting there must come at least so many bytes a second.
    window_seconds: float = 60.0
    bytes_per_second: float = 1024.0
    redirects: int = 5

    @property
    def timeouts(self) -> dict[str, float]:
        """In the words of the transport."""
        return {"connect": self.connect_seconds, "read": self.read_seconds, "write": self.read_seconds}


class TooSlow(httpcore2.ReadTimeout):
    """Bytes come, but so few that the other side might as well be gone."""


class Patience:
    """Adds up the time spent waiting for bytes; what we do with them meanwhile is not the sender's fault."""

    def __init__(self, limits: Limits, *, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.begin()

    def begin(self) -> None:
        """Forget what was before: another request."""
        self.waited = 0.0
        self.count = 0

    def note(self, count: int, *, since: float) -> None:
        """Count what arrived after waiting from `since` until now; raises `TooSlow`."""
        self.waited += self.clock() - since
        self.count += count
        if self.waited < self.limits.window_seconds:
            return
        if self.count < self.limits.bytes_per_second * self.waited:
            raise TooSlow(f"only {self.count} bytes came in {self.waited:.0f} seconds")
        self.begin()


class MeteredStream(httpcore2.NetworkStream):
    """A connection whose reading is timed."""

    def __init__(self, inner: httpcore2.NetworkStream, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what is there; raises `TooSlow`."""
        since = self._patience.clock()
        data = self._inner.read(max_bytes, timeout)
        self._patience.note(len(data), since=since)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; a request begins."""
        self._patience.begin()
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        """Close."""
        self._inner.close()

    def start_tls(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        """The same over TLS."""
        return MeteredStream(self._inner.start_tls(*args, **kwargs), self._patience)

    def get_extra_info(self, info: str) -> Any:
        """What the connection below knows of itself."""
        return self._inner.get_extra_info(info)


class GuardedBackend(httpcore2.SyncBackend):
    """Resolves a name once, asks the guard, and connects to what it agreed to."""

    def __init__(self, guard: Guard | None, *, limits: Limits, clock: Clock) -> None:
        self._guard = guard
        self._limits = limits
        self._clock = clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers; raises `AddressRefused` before anything is sent."""
        try:
            places = [host] if self._guard is None else self._guard.addresses(host, port)
        except HostUnknown as error:
            raise httpcore2.ConnectError(str(error)) from None
        *others, last = places
        for place in others:
            try:
                return self._metered(super().connect_tcp(place, port, timeout, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._metered(super().connect_tcp(last, port, timeout, local_address, socket_options))

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore2.NetworkStream:
        """No source lies behind a socket of this machine."""
        raise httpcore2.UnsupportedProtocol("sockets of this machine are not asked")

    def _metered(self, stream: httpcore2.NetworkStream) -> httpcore2.NetworkStream:
        connection = stream.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return MeteredStream(stream, Patience(self._limits, clock=self._clock))


class Pools:
    """The open connections of one guard: straight ones, and those through each proxy of the environment.

    Behind a proxy the proxy looks names up and decides what may be reached; the guard then sees names only.
    """

    def __init__(self, guard: Guard, *, limits: Limits, clock: Clock = time.monotonic) -> None:
        self._guard = guard
        self._limits = limits
        self._clock = clock
        self._pools: dict[str, httpcore2.ConnectionPool] = {}

    def of(self, target: Origin) -> httpcore2.ConnectionPool:
        """The pool through which an origin is asked."""
        self._guard.check(target)
        proxy = _proxy_of(target)
        # Two threads that come at once make one pool too many, which holds nothing and is dropped.
        return self._pools.get(proxy) or self._pools.setdefault(proxy, self._make(proxy))

    def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()

    def _make(self, proxy: str) -> httpcore2.ConnectionPool:
        backend = GuardedBackend(None if proxy else self._guard, limits=self._limits, clock=self._clock)
        return httpcore2.ConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            proxy=_proxy(proxy) if proxy else None,
            max_connections=None,
            max_keepalive_connections=16,
            keepalive_expiry=20.0,
            network_backend=backend,
        )


def _proxy_of(target: Origin) -> str:
    """The proxy that the environment names for an origin (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), or nothing."""
    named = urllib.request.getproxies().get(target.scheme, "")
    return "" if not named or urllib.request.proxy_bypass(f"{target.host}:{target.port}") else named


def _proxy(address: str) -> httpcore2.Proxy:
    parts = urllib.parse.urlsplit(address if "://" in address else f"http://{address}")
    auth = None
    if parts.username is not None:
        auth = (urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or ""))
    port = f":{parts.port}" if parts.port else ""
    return httpcore2.Proxy(f"{parts.scheme}://{parts.hostname}{port}/", auth=auth)
