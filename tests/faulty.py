"""An HTTP server on a bare socket that serves files with ranges, and does wrong exactly where a test asks it to."""

import dataclasses
import hashlib
import re
import socket
import socketserver
import ssl
import struct
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

REASON = "Because"


@dataclasses.dataclass
class Request:
    """One request as it came, and how many bytes of a body were sent for it."""

    method: str
    path: str
    headers: dict[str, str]
    sent: int = 0

    @property
    def offset(self) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(found[1]) if found else 0


class Reset(Exception):
    """Break the connection off with a reset instead of an end."""


class Server:
    """Files by path, and for each path the faults to come, one for each request, then none."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.requests: list[Request] = []
        self.url = ""
        self.lock = threading.Lock()

    def tag(self, path: str) -> str:
        return f'"{hashlib.sha256(self.files[path]).hexdigest()[:16]}"'

    def fail(self, path: str, *faults: "Fault") -> None:
        self.faults[path].extend(faults)

    def answer(self, request: Request) -> Iterable[bytes]:
        with self.lock:
            self.requests.append(request)
            waiting = self.faults[request.path]
            fault = waiting.popleft() if waiting else self.always.get(request.path, honest)
        return fault(self, request)

    def sent(self, path: str) -> int:
        """How many bytes of a file's body went out, over all requests."""
        return sum(request.sent for request in self.requests if request.path == path)

    def offsets(self, path: str) -> list[int]:
        return [
            request.offset for request in self.requests if request.path == path and request.method == "GET"
        ]


Fault = Callable[[Server, Request], Iterable[bytes]]


def head(status: int, headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {REASON}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def parts(server: Server, request: Request) -> tuple[int, dict[str, str], bytes]:
    """What an honest server would say: status, headers and body."""
    data = server.files.get(request.path)
    if data is None:
        return 404, {"Content-Length": "0"}, b""
    headers = {"ETag": server.tag(request.path), "Accept-Ranges": "bytes"}
    matches = request.headers.get("if-range", server.tag(request.path)) == server.tag(request.path)
    if request.offset and matches:
        if request.offset >= len(data):
            return 416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"}, b""
        headers["Content-Range"] = f"bytes {request.offset}-{len(data) - 1}/{len(data)}"
        data = data[request.offset :]
        return 206, headers | {"Content-Length": str(len(data))}, data
    return 200, headers | {"Content-Length": str(len(data))}, data


def honest(server: Server, request: Request) -> Iterator[bytes]:
    status, headers, body = parts(server, request)
    yield head(status, headers)
    yield from (body[at : at + 16384] for at in range(0, len(body), 16384))


def changing(
    *, status: int | None = None, body: Callable[[bytes], bytes] = lambda b: b, **headers: str | None
) -> Fault:
    """An honest answer with some of it changed; a header of None is left out."""

    def fault(server: Server, request: Request) -> Iterator[bytes]:
        own_status, own, data = parts(server, request)
        given = own | {name.replace("_", "-"): value for name, value in headers.items() if value is not None}
        for name, value in headers.items():
            if value is None:
                given.pop(name.replace("_", "-"), None)
        yield head(status or own_status, given)
        yield body(data)
        if "Content-Length" not in given or len(body(data)) != int(given["Content-Length"]):
            raise ConnectionAbortedError

    return fault


def truncated(at: int) -> Fault:
    return changing(body=lambda data: data[:at])


def replaced(data: bytes) -> Fault:
    """Other content; of the same size where `data` has it."""
    return changing(body=lambda body: data[len(data) - len(body) :])


def says(status: int, **headers: str) -> Fault:
    given = {"Content-Length": "0"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda *_: [head(status, given)]


def redirect(to: str, status: int = 302) -> Fault:
    return says(status, Location=to)


def whole(server: Server, request: Request) -> Iterable[bytes]:
    """200 with everything, whatever was asked for."""
    return honest(server, Request(request.method, request.path, {}))


def reset(at: int) -> Fault:
    def fault(server: Server, request: Request) -> Iterator[bytes]:
        status, headers, body = parts(server, request)
        yield head(status, headers)
        yield body[:at]
        raise Reset

    return fault


def drip(server: Server, request: Request) -> Iterator[bytes]:
    """One byte in each packet; with a clock that runs fast that takes for ever."""
    status, headers, body = parts(server, request)
    yield head(status, headers)
    yield from (body[at : at + 1] for at in range(len(body)))


def changed(data: bytes) -> Fault:
    """The file becomes another one just before this request."""

    def fault(server: Server, request: Request) -> Iterable[bytes]:
        server.files[request.path] = data
        return honest(server, request)

    return fault


class _Handler(socketserver.StreamRequestHandler):
    server: "_Socket"
    disable_nagle_algorithm = True
    timeout = 20

    def setup(self) -> None:
        if self.server.tls is not None:
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        try:
            while (request := self.read()) is not None:
                self.send(request)
        except Reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            pass  # the client hung up, or the fault asks for an end

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.connection.close()

    def read(self) -> Request | None:
        first = self.rfile.readline(8192).decode("latin-1").split()
        if len(first) != 3:
            return None
        headers = {}
        while line := self.rfile.readline(8192).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(first[0], first[1].partition("?")[0], headers)

    def send(self, request: Request) -> None:
        head_is_sent = False
        for piece in self.server.owner.answer(request):
            if head_is_sent and request.method == "HEAD":
                continue
            self.connection.sendall(piece)
            request.sent += len(piece) if head_is_sent else 0
            head_is_sent = True


class _Socket(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    owner: Server
    tls: ssl.SSLContext | None = None

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that ends a handshake is part of what is tested."""


@contextmanager
def serving(files: dict[str, bytes], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """The server, answering at `server.url`; paths begin with a slash."""
    with _Socket(("127.0.0.1", 0), _Handler) as listener:
        server = listener.owner = Server(files)
        listener.tls = tls
        server.url = f"http{'s' if tls else ''}://127.0.0.1:{listener.server_address[1]}"
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
