"""A stand-in for the Hub: real HTTP servers on this machine that serve the endpoints its clients ask.

One repository with several commits, branches and tags; a second host for large files, as the Hub's CDN is; what a
mirror lacks; and faults, by route (`tests.hub_faults`).
"""

import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.hub_faults import Fault
from tests.hub_server import CdnHandler, Handler

COMMIT = "1" * 40
MOVED = "2" * 40
COMMITTED_AT = "2024-06-30T12:00:00.000Z"
PREFIX = "/artifactory/api/huggingfaceml/models"


@dataclasses.dataclass
class Commit:
    """One state of the repository, and what it came from."""

    id: str
    files: dict[str, bytes]
    parent: str | None = None
    title: str = "a commit"
    authors: tuple[str, ...] = ("acme",)
    date: str = COMMITTED_AT

    def to_json(self) -> dict[str, Any]:
        authors = [{"user": name, "avatar": ""} for name in self.authors]
        return {"id": self.id, "title": self.title, "message": "", "authors": authors, "date": self.date}


@dataclasses.dataclass
class Cdn:
    """Where large files lie."""

    endpoint: str
    files: dict[str, tuple[str, bytes]] = dataclasses.field(default_factory=dict)

    def address_of(self, path: str, data: bytes) -> str:
        place = f"/repos/{hashlib.sha256(data).hexdigest()}"
        self.files[place] = (path, data)
        return f"{self.endpoint}{place}?Signature=abc&Expires=1"


class Hub:
    """One repository, and the faults that a test wants."""

    def __init__(self, repository: str, files: dict[str, bytes]) -> None:
        self.repository = repository
        self.commits = {COMMIT: Commit(COMMIT, files)}
        self.branches = {"main": COMMIT}
        self.tags: dict[str, str] = {}
        self.former: set[str] = set()  # names that it had before; each leads to the present one
        self.card: dict[str, Any] = {"license": "mit"}
        self.scans: dict[str, dict[str, Any]] = {}  # path -> what the scanners say of it
        self.is_gated: bool | str = False  # or auto, or manual
        self.is_private = self.is_disabled = self.is_down = False
        self.token = ""
        # What a mirror does not do: tree, tree-expand, commits, refs, paths-info, security, extras, commit-header.
        self.lacks: set[str] = set()
        self.accepts_ranges = True
        self.page_size: int | None = None
        self.prefix = ""
        self.endpoint = ""
        self.cdn: Cdn | None = None
        self.moves_after_listing = False
        self.moved = MOVED
        self.truncated: set[str] = set()
        self.replaced: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.tokens: set[str] = set()
        self.cdn_tokens: set[str] = set()
        self.closing = threading.Event()

    @property
    def files(self) -> dict[str, bytes]:
        """The files of the first commit, which a test may change."""
        return self.commits[COMMIT].files

    def fault(
        self,
        route: str,
        kind: str,
        *,
        path: str | None = None,
        method: str | None = None,
        after: int = 0,
        times: int | None = None,
        **options: Any,
    ) -> None:
        """Spoil the answers of a route: info, tree, paths-info, refs, commits, whoami, resolve, cdn, or any."""
        if kind == "stalled":
            options["until"] = self.closing
        self.faults.append(Fault(route, kind, options, path=path, method=method, after=after, times=times))

    def add_commit(self, commit: str, files: dict[str, bytes], **more: Any) -> Commit:
        """One more commit; `parent=None` makes it the first of a history of its own."""
        made = Commit(commit, files, **({"parent": COMMIT} | more))
        self.commits[commit] = made
        return made

    def commit(self, revision: str) -> Commit | None:
        found = self.branches.get(revision) or self.tags.get(revision) or revision
        if found == self.moved and found not in self.commits:
            return dataclasses.replace(self.commits[COMMIT], id=found, parent=COMMIT)
        return self.commits.get(found)

    def history(self, commit: Commit) -> list[Commit]:
        found = [commit]
        while (parent := found[-1].parent) is not None:
            found.append(self.commits[parent])
        return found

    def renamed_to(self, path: str) -> str | None:
        """The path under the present name, where it was asked under a former one."""
        for old in self.former:
            for start in (f"/api/models/{old}", f"/{old}"):
                if path == start or path.startswith(f"{start}/"):
                    return start.removesuffix(old) + self.repository + path.removeprefix(start)
        return None

    def is_large(self, path: str) -> bool:
        return path.endswith((".safetensors", ".gguf", ".bin"))

    def oid(self, data: bytes) -> str:
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def tree(self, commit: Commit, folder: str, expand: bool) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = [
            {"type": "directory", "path": parent, "size": 0, "oid": self.oid(parent.encode())}
            for parent in sorted({path.rsplit("/", 1)[0] for path in commit.files if "/" in path})
        ]
        for path, data in commit.files.items():
            if folder and not path.startswith(f"{folder}/"):
                continue
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": self.oid(data)}
            if self.is_large(path):
                digest = hashlib.sha256(data).hexdigest()
                pointer = (
                    f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n"
                )
                entry["oid"] = self.oid(pointer.encode())
                entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": len(pointer)}
            if expand and "tree-expand" not in self.lacks:
                entry["lastCommit"] = {"id": commit.id, "title": commit.title, "date": commit.date}
                entry["securityFileStatus"] = self.scans.get(path, CLEAN)
            entries.append(entry)
        return entries

    def information(self, commit: Commit, blobs: bool, security: bool) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for entry in self.tree(commit, "", expand=False):
            if entry["type"] == "file":
                more: dict[str, Any] = {"size": entry["size"], "blobId": entry["oid"]}
                if "lfs" in entry:
                    lfs = entry["lfs"]
                    more["lfs"] = {
                        "sha256": lfs["oid"],
                        "size": lfs["size"],
                        "pointerSize": lfs["pointerSize"],
                    }
                siblings.append({"rfilename": entry["path"]} | (more if blobs else {}))
        found = {"id": self.repository, "modelId": self.repository, "sha": commit.id, "siblings": siblings}
        if "extras" in self.lacks:
            return found
        found |= {
            "private": self.is_private,
            "gated": "auto" if self.is_gated is True else self.is_gated,
            "disabled": self.is_disabled,
            "lastModified": self.commits.get(self.branches["main"], commit).date,
            "tags": [f"license:{self.card['license']}"] if "license" in self.card else [],
            "cardData": self.card,
        }
        if security and "security" not in self.lacks:
            issues = [
                {"path": path, "level": scan["status"]}
                for path, scan in self.scans.items()
                if scan["status"] in {"unsafe", "suspicious", "caution"}
            ]
            found["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": issues}
        return found


CLEAN = {
    "status": "safe",
    "avScan": {"status": "safe", "virusFound": False, "virusNames": None},
    "pickleImportScan": None,
}


def _serve(stack: ExitStack, hub: Hub, handler: type[BaseHTTPRequestHandler]) -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HubHandler", (handler,), {"hub": hub}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    for step in (thread.join, server.server_close, server.shutdown):
        stack.callback(step)
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextmanager
def running(
    repository: str, files: dict[str, bytes], *, prefix: str = "", with_cdn: bool = False
) -> Iterator[Hub]:
    """The stand-in, answering at `hub.endpoint`; below a path, as Artifactory does, with `prefix`."""
    hub = Hub(repository, files)
    hub.prefix = prefix
    with ExitStack() as stack:
        hub.endpoint = _serve(stack, hub, Handler) + prefix
        if with_cdn:
            hub.cdn = Cdn(_serve(stack, hub, CdnHandler))
        stack.callback(hub.closing.set)
        yield hub
