"""The endpoints of the Hub, over what `tests.hub.Hub` says there is."""

import dataclasses
import hashlib
import json
import re
import urllib.parse
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from tests.hub_faults import SPOIL, Answer

if TYPE_CHECKING:
    from tests.hub import Commit, Hub

JSON = {"Content-Type": "application/json; charset=utf-8"}
TREE_PAGE, COMMITS_PAGE = 1000, 50


class Handler(BaseHTTPRequestHandler):
    """Answers what the Hub's API answers; a fault spoils the answer as it goes out."""

    protocol_version = "HTTP/1.1"
    hub: "Hub"

    def log_message(self, *args: Any) -> None: ...

    def do_HEAD(self) -> None:
        self.serve()

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        parts = urllib.parse.urlsplit(self.path)
        self.path_asked = urllib.parse.unquote(parts.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.hub.requests.append(f"{self.command} {self.path_asked}")
        self.file_asked: str | None = None
        self.route = "any"
        answer = self.answer()
        for fault in self.hub.faults:
            if fault.strikes(route=self.route, path=self.file_asked, method=self.command):
                answer = SPOIL[fault.kind](answer, **fault.options)
        self.say(answer)

    def answer(self) -> Answer:
        hub = self.hub
        hub.tokens.add(self.token)
        if not self.path_asked.startswith(hub.prefix):
            return problem(404)
        path = self.path_asked.removeprefix(hub.prefix)
        if path == "/api/whoami-v2":
            self.route = "whoami"
            return self.whoami()
        if (new := hub.renamed_to(path)) is not None:
            return Answer(307, {"Location": urllib.parse.quote(hub.prefix + new)})
        if path.startswith("/api/models/"):
            return self.api(path.removeprefix("/api/models/"))
        return self.file(path.removeprefix("/"))

    def api(self, path: str) -> Answer:
        hub = self.hub
        if path != hub.repository and not path.startswith(f"{hub.repository}/"):
            return problem(404, "RepoNotFound", "Repository not found")
        verb, _, rest = path.removeprefix(hub.repository).removeprefix("/").partition("/")
        self.route = verb if verb in {"tree", "commits", "refs", "paths-info"} else "info"
        if (refusal := self.refusal()) is not None:
            return refusal
        if self.route in hub.lacks:
            return problem(404)
        return self.refs() if self.route == "refs" else self.about_commit(rest)

    def refusal(self) -> Answer | None:
        """Why nothing of the repository is shown, if so."""
        hub = self.hub
        if hub.is_down:
            return Answer(503, {"Retry-After": "0"}, b"{}")
        if hub.is_private and self.token != hub.token:
            return problem(401, "RepoNotFound", "Repository not found")
        if hub.is_disabled:
            return problem(403, message="Access to this resource is disabled.")
        return None

    def about_commit(self, rest: str) -> Answer:
        """Answers that are about one revision, which stands first in what is left of the path."""
        revision, folder = self.split(rest)
        commit = self.hub.commit(revision)
        if commit is None:
            return problem(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if self.route == "tree":
            answer = self.page(self.hub.tree(commit, folder, self.wants("expand")), TREE_PAGE)
            if self.hub.moves_after_listing:
                self.hub.branches["main"] = self.hub.moved
            return answer
        if self.route == "commits":
            return self.page([one.to_json() for one in self.hub.history(commit)], COMMITS_PAGE)
        if self.route == "paths-info":
            asked = urllib.parse.parse_qs(self.form).get("paths", [])
            found = self.hub.tree(commit, "", self.wants("expand") or "expand=True" in self.form)
            return say_json([entry for entry in found if entry["path"] in asked])
        return say_json(self.hub.information(commit, self.wants("blobs"), self.wants("securityStatus")))

    def split(self, rest: str) -> tuple[str, str]:
        """A branch's name may hold slashes: the longest one that is known comes first."""
        for known in sorted({*self.hub.branches, *self.hub.tags}, key=len, reverse=True):
            if rest == known or rest.startswith(f"{known}/"):
                return known, rest.removeprefix(known).strip("/")
        revision, _, folder = rest.partition("/")
        return revision or "main", folder

    def wants(self, name: str) -> bool:
        return self.query.get(name, "").lower() in {"true", "1"}

    def page(self, entries: list[Any], size: int) -> Answer:
        size = self.hub.page_size or size
        start = int(self.query.get("cursor", "0"))
        answer = say_json(entries[start : start + size])
        if start + size < len(entries):
            query = urllib.parse.urlencode(self.query | {"cursor": str(start + size)})
            where = self.hub.endpoint.removesuffix(self.hub.prefix) + urllib.parse.quote(self.path_asked)
            answer.headers["Link"] = f'<{where}?{query}>; rel="next"'
        return answer

    def refs(self) -> Answer:
        found = {"branches": self.hub.branches, "tags": self.hub.tags}
        folders = {"branches": "heads", "tags": "tags"}
        body: dict[str, Any] = {"converts": []}
        for kind, refs in found.items():
            body[kind] = [
                {"name": name, "ref": f"refs/{folders[kind]}/{name}", "targetCommit": target}
                for name, target in refs.items()
            ]
        return say_json(body)

    def whoami(self) -> Answer:
        if not self.token or self.token != self.hub.token:
            return problem(401, message="Invalid credentials in Authorization header")
        return say_json({"type": "user", "name": "someone", "auth": {"type": "access_token"}})

    def file(self, path: str) -> Answer:
        hub = self.hub
        self.route = "resolve"
        match = re.fullmatch(rf"{re.escape(hub.repository)}/resolve/(.+)", path)
        if match is None:
            return problem(404, "RepoNotFound", "Repository not found")
        if (refusal := self.refusal()) is not None:
            return refusal
        if hub.is_gated and self.token != hub.token:
            return problem(401, "GatedRepo", "Access is restricted")
        revision, self.file_asked = self.split(match[1])
        commit = hub.commit(revision)
        if commit is None:
            return problem(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        if self.file_asked not in commit.files:
            return problem(404, "EntryNotFound", "Entry not found")
        return self.content(commit, self.file_asked, commit.files[self.file_asked])

    def content(self, commit: "Commit", path: str, data: bytes) -> Answer:
        hub = self.hub
        digest = hashlib.sha256(data).hexdigest() if hub.is_large(path) else hub.oid(data)
        named = {} if "commit-header" in hub.lacks else {"X-Repo-Commit": commit.id}
        sent = hub.replaced.get(path, data)
        if hub.is_large(path):
            named |= {"X-Linked-ETag": f'"{digest}"', "X-Linked-Size": str(len(data))}
            if hub.cdn is not None:
                return Answer(302, named | {"Location": hub.cdn.address_of(path, sent)})
        answer = ranged(sent, etag=f'"{digest}"', asked=self.headers, accepts=hub.accepts_ranges)
        answer.headers |= named
        if path in hub.truncated:
            return SPOIL["truncated"](answer)
        return answer

    def say(self, answer: Answer) -> None:
        if answer.status == 0:
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(answer.status)
        headers = dict(answer.headers)
        if isinstance(answer.body, bytes):
            headers.setdefault("Content-Length", str(len(answer.body)))
        elif "Content-Length" not in headers:
            answer = dataclasses.replace(answer, breaks_off=True)
        if answer.breaks_off:
            headers["Connection"] = "close"
            self.close_connection = True
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(answer)

    def send_body(self, answer: Answer) -> None:
        try:
            for chunk in [answer.body] if isinstance(answer.body, bytes) else answer.body:
                self.wfile.write(chunk)
        except OSError:  # whoever asked has heard enough
            self.close_connection = True


class CdnHandler(Handler):
    """The second host, which holds large files under addresses that need no token."""

    def answer(self) -> Answer:
        self.route = "cdn"
        self.hub.cdn_tokens.add(self.token)
        assert self.hub.cdn is not None
        path, data = self.hub.cdn.files.get(self.path_asked, (None, None))
        self.file_asked = path
        if path is None or data is None:
            return problem(403, message="The signature is not valid")
        etag = f'"{hashlib.md5(data).hexdigest()}-1"'  # a store's own, which is no digest of the file
        answer = ranged(data, etag=etag, asked=self.headers, accepts=self.hub.accepts_ranges)
        return SPOIL["truncated"](answer) if path in self.hub.truncated else answer


def ranged(data: bytes, *, etag: str, asked: Any, accepts: bool) -> Answer:
    """All of it, or the part that was asked for, if it is still the state that was asked for (RFC 9110, 13 and 14)."""
    headers = {"ETag": etag, "Accept-Ranges": "bytes" if accepts else "none"}
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.get("Range", ""))
    if match is None or not accepts or asked.get("If-Range", etag) != etag:
        return Answer(200, headers, data)
    first = int(match[1])
    last = min(int(match[2]) if match[2] else len(data) - 1, len(data) - 1)
    if first > last:
        return Answer(416, headers | {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return Answer(206, headers, data[first : last + 1])


def say_json(value: Any) -> Answer:
    return Answer(200, dict(JSON), json.dumps(value).encode())


def problem(status: int, code: str = "", message: str = "") -> Answer:
    named = {"X-Error-Code": code, "X-Error-Message": message}
    return Answer(
        status,
        JSON | {name: value for name, value in named.items() if value},
        json.dumps({"error": message or "Not found"}).encode(),
    )
