"""The Hugging Face Hub or a mirror of it: one repository, pinned to one commit."""

import functools
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from modelcustody_client import manifest
from modelcustody_client.folder import MAX_FILES

from registry.observed import SourceFacts
from registry.sources import base, hub_facts
from registry.sources.hub_api import HubApi, NotOffered
from registry.sources.ranges import Answer, BadAnswer

SHA256 = re.compile(r"[0-9a-f]{64}")
MOST_SIZE = 1 << 60


class HubSource:
    """`org/name` at one endpoint. Nothing that it says counts as checked: every file is hashed by us."""

    folder = None

    def __init__(
        self, repository: str, *, api: HubApi, revision: str = "", commit: str | None = None
    ) -> None:
        self.repository = repository
        self.revision = revision or commit or "main"
        self.commit = commit
        self._api = api

    def pin(self, revision: str) -> base.PinnedRevision:
        """Resolve a branch or tag to its commit, once; everything later uses the commit.

        Raises `base.RepositoryRenamed`: a version is kept under the name that its publisher uses.
        """
        self.revision = revision or "main"
        info = self._api.info(self.revision)
        self.commit = self._commit_of(info)
        name = hub_facts.text(info.get("id"))
        if name and name != self.repository:
            raise base.RepositoryRenamed(
                f"The Hub knows {self.repository} as {name} now. Register hf://{name}, if that is the publisher you "
                "mean: a name that was given up can be taken by someone else."
            )
        return base.PinnedRevision(commit=self.commit, committed_at=self._committed_at())

    def list_files(self) -> list[base.RemoteFile]:
        """Every file of the commit; refuses what cannot be kept safely, and a branch that moved on meanwhile."""
        try:
            files = self._listed()
            manifest.check_paths(file.path for file in files)
        except manifest.BadManifest as error:
            raise base.UnsafeListing(f"{self.repository} cannot be kept safely: {error}.") from None
        if not files:
            raise base.UnsafeListing(f"{self.repository} holds no files at {self._pinned()[:12]}.")
        if self.revision != self.commit and self._commit_of(self._api.info(self.revision)) != self.commit:
            raise base.RevisionMoved(
                f"{self.revision} of {self.repository} moved away from {self._pinned()[:12]} while it was resolved. "
                "Register again, or name the commit that is meant."
            )
        return files

    def observe(self) -> SourceFacts:
        """What the Hub says now of the repository, the branch and the pinned commit; None is "not told".

        Raises `base.RepositoryNotFound` and `base.RevisionNotFound` where they are gone.
        """
        return hub_facts.observe(self._api, revision=self.revision, commit=self._pinned())

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        """Stream a file of the pinned commit; refuses at once if the answer is about another commit or content."""
        return self._api.files.open_range(
            self._api.file_address(self._pinned(), file.path),
            size=file.size,
            offset=offset,
            validator=validator,
            headers=self._api.headers,
            judge=functools.partial(self._judge, file),
        )

    def _judge(self, file: base.RemoteFile, answer: Answer) -> None:
        self._api.judge(answer)
        commit = answer.headers.get("x-repo-commit", "")
        if commit and commit != self._pinned():
            raise base.RevisionMoved(
                f"{self.repository} gives {file.path} of {commit[:12]} when asked for {self._pinned()[:12]}."
            )
        tag = answer.headers.get("x-linked-etag", "").removeprefix("W/").strip('"')
        if file.claim_kind == "sha256" and SHA256.fullmatch(tag) and tag != file.claimed_digest:
            raise base.DownloadCorrupted(
                f"{file.path} is listed with SHA-256 {file.claimed_digest[:12]} and offered with {tag[:12]}.",
                path=file.path,
            )

    def _listed(self) -> list[base.RemoteFile]:
        try:
            entries = self._api.tree(self._pinned())
            found = [_remote_file(entry) for entry in _bounded(entries) if entry.get("type") != "directory"]
        except NotOffered:
            siblings = self._api.info(self._pinned(), blobs=True).get("siblings")
            if not isinstance(siblings, list) or not all(isinstance(entry, dict) for entry in siblings):
                raise BadAnswer(f"The Hub does not list the files of {self.repository}.") from None
            found = [_remote_file(_as_entry(sibling)) for sibling in _bounded(iter(siblings))]
        return sorted(found, key=lambda file: file.path)

    def _pinned(self) -> str:
        if self.commit is None:
            raise base.SourceRefused(f"{self.repository} is not pinned to a commit.")
        return self.commit

    def _commit_of(self, info: Mapping[str, Any]) -> str:
        found = info.get("sha")
        if not isinstance(found, str) or not base.COMMIT.fullmatch(found):
            raise base.RevisionNotFound(f"{self.repository} does not say which commit {self.revision} is.")
        if base.COMMIT.fullmatch(self.revision) and found != self.revision:
            raise base.RevisionMoved(
                f"{self.repository} answers with {found[:12]} for the commit {self.revision[:12]}."
            )
        return found

    def _committed_at(self) -> datetime | None:
        """When the commit was made, where the Hub says so; mirrors often do not, and nothing depends on it."""
        return hub_facts.moment(hub_facts.commit_entry(self._api, self._pinned()).get("date"))


def _bounded(entries: Any) -> Any:
    for count, entry in enumerate(entries):
        if count >= 2 * MAX_FILES:  # folders are listed, too
            raise base.ListingTooLong(
                f"More than {2 * MAX_FILES} files and folders are listed; nothing is fetched."
            )
        yield entry


def _as_entry(sibling: Mapping[str, Any]) -> dict[str, Any]:
    """A file as `info` lists it, in the words of the tree."""
    lfs = sibling.get("lfs")
    large = {"oid": lfs.get("sha256"), "size": lfs.get("size")} if isinstance(lfs, dict) else None
    names = {"path": sibling.get("rfilename"), "size": sibling.get("size"), "oid": sibling.get("blobId")}
    return {"type": "file", **names, "lfs": large}


def _remote_file(entry: Mapping[str, Any]) -> base.RemoteFile:
    """A large file is claimed by the SHA-256 of its content, a small one by its git object id.

    The object id of a large file is its pointer's, so it is no claim about the content.
    """
    path, lfs, size = entry.get("path"), entry.get("lfs"), entry.get("size")
    if entry.get("type") != "file" or not isinstance(path, str):
        raise base.UnsafeListing(f"The Hub lists something that is no file: {ascii(path)[:200]}.")
    if isinstance(lfs, dict):
        size = lfs.get("size", size)
    if size is not None and (
        not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MOST_SIZE
    ):
        raise base.UnsafeListing(f"The Hub lists {ascii(path)[:200]} with no usable size.")
    if isinstance(lfs, dict):
        digest = lfs.get("oid")
        if not isinstance(digest, str) or not SHA256.fullmatch(digest):
            raise base.UnsafeListing(
                f"The Hub lists {ascii(path)[:200]} as a large file without its SHA-256."
            )
        return base.RemoteFile(path, size=size, claimed_digest=digest, claim_kind="sha256")
    oid = entry.get("oid")
    if "xetHash" in entry or not isinstance(oid, str) or not base.COMMIT.fullmatch(oid):
        return base.RemoteFile(path, size=size)
    return base.RemoteFile(path, size=size, claimed_digest=oid, claim_kind="git-oid")
