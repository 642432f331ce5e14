"""A stand-in for the Hub: a real HTTP server on this machine that serves the endpoints its client asks."""

import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "1" * 40
MOVED = "2" * 40
COMMITTED_AT = "2024-06-30T12:00:00.000Z"


class Hub:
    """One repository, and the faults that a test wants."""

    def __init__(self, repository: str, files: dict[str, bytes]) -> None:
        self.repository = repository
        self.files = files
        self.branches = {"main": COMMIT}
        self.is_gated = False
        self.token = ""
        self.moves_after_listing = False
        self.is_down = False
        self.truncated: set[str] = set()
        self.replaced: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.tokens: set[str] = set()
        self.endpoint = ""

    def is_large(self, path: str) -> bool:
        return path.endswith(".safetensors")

    def oid(self, data: bytes) -> str:
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def tree(self) -> list[dict[str, Any]]:
        entries = []
        for path, data in self.files.items():
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": self.oid(data)}
            if self.is_large(path):
                entry["lfs"] = {
                    "oid": hashlib.sha256(data).hexdigest(),
                    "size": len(data),
                    "pointerSize": 130,
                }
            entries.append(entry)
        return entries


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *args: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.hub.tokens.add(token)
        if self.hub.is_down:
            self.say(503, b"{}", {"Retry-After": "0"})
        elif self.hub.repository not in path:
            self.say(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        elif path.startswith(f"/api/models/{self.hub.repository}/tree/"):
            self.listing()
        elif path.startswith(f"/api/models/{self.hub.repository}/commits/"):
            body = [{"id": path.rsplit("/", 1)[1], "title": "a commit", "authors": [], "date": COMMITTED_AT}]
            self.say(200, json.dumps(body).encode(), {"Content-Type": "application/json"})
        elif path.startswith(f"/api/models/{self.hub.repository}"):
            self.information(
                path.removeprefix(f"/api/models/{self.hub.repository}").removeprefix("/revision/")
            )
        elif self.hub.is_gated and token != self.hub.token:
            self.say(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        else:
            self.file(path.split("/resolve/", 1)[1], with_body=with_body)

    def information(self, revision: str) -> None:
        revision = revision or "main"
        commit = self.hub.branches.get(revision, revision)
        if commit not in {COMMIT, MOVED}:
            self.say(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})
            return
        body = {
            "id": self.hub.repository,
            "modelId": self.hub.repository,
            "sha": commit,
            "siblings": [],
            "tags": [],
        }
        self.say(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def listing(self) -> None:
        self.say(200, json.dumps(self.hub.tree()).encode(), {"Content-Type": "application/json"})
        if self.hub.moves_after_listing:
            self.hub.branches["main"] = MOVED

    def file(self, rest: str, *, with_body: bool) -> None:
        revision, path = rest.split("/", 1)
        data = self.hub.files.get(path)
        if data is None or revision != COMMIT:
            self.say(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
            return
        digest = hashlib.sha256(data).hexdigest() if self.hub.is_large(path) else self.hub.oid(data)
        headers = {
            "ETag": f'"{digest}"',
            "X-Repo-Commit": COMMIT,
            "X-Linked-Size": str(len(data)),
            "Content-Length": str(len(data)),
        }
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            sent = self.hub.replaced.get(path, data)
            self.wfile.write(sent[: len(sent) // 2] if path in self.hub.truncated else sent)
            if path in self.hub.truncated:
                self.close_connection = True

    def say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def running(repository: str, files: dict[str, bytes]) -> Iterator[Hub]:
    """The stand-in, answering at `hub.endpoint`."""
    hub = Hub(repository, files)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
