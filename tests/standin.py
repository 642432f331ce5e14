"""A stand-in for the service on 127.0.0.1: keeps what it was sent, answers what it was told to."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@dataclasses.dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)

    def lines(self) -> bytes:
        return gzip.decompress(self.body)


@dataclasses.dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


class Standin:
    """Answers each path from its list, the last one again and again; without one, as the service would."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, list[Answer]] = {}
        self.url = ""

    def tell(self, path: str, status: int, body: object = b"", **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append(Answer(status, data, named))

    def answer(self, request: Request) -> Answer:
        planned = self.answers.get(request.path)
        if planned:
            return planned.pop(0) if len(planned) > 1 else planned[0]
        if request.path == "/api/v1/deployments":
            digest = "sha256:" + hashlib.sha256(request.body).hexdigest()
            return Answer(201, json.dumps({"deployment_digest": digest}).encode())
        if request.path == "/api/v1/served-requests":
            return Answer(202, json.dumps({"digest": digest_of(request)}).encode())
        return Answer(404, b'{"title":"Not found","code":"not_found"}')

    def sent(self, path: str) -> list[Request]:
        return [request for request in self.requests if request.path == path]


def digest_of(request: Request) -> str:
    return "sha256:" + hashlib.sha256(request.lines()).hexdigest()


@contextmanager
def serving() -> Iterator[Standin]:
    standin = Standin()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.path, headers, body)
            standin.requests.append(request)
            answer = standin.answer(request)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST  # noqa: N815 (the name that http.server calls)

        def log_message(self, *_args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    standin.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield standin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
