"""A source for the fetch engine, whatever it claims, and a child process that fetches until it is killed."""

import hashlib
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from registry.fetch import fetcher, partial, placing, room
from registry.fetch.patience import Patience
from registry.fetch.store import Fetched, Store
from registry.observed import SourceFacts
from registry.sources import base
from registry.sources.addresses import Guard
from registry.sources.ranges import RangeClient

# No wait between tries, so that tests take no time.
AT_ONCE = Patience(first_seconds=0.0, chance=lambda: 0.0)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def git_oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def listed(path: str, data: bytes, claim: str = "sha256") -> base.RemoteFile:
    digest = {"sha256": sha256, "git-oid": git_oid, "": lambda _: ""}[claim](data)
    return base.RemoteFile(path, size=len(data), claimed_digest=digest, claim_kind=claim)


class Served:
    """The files of a `faulty.Server`."""

    folder = None

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = RangeClient(Guard(url))

    def pin(self, revision: str) -> base.PinnedRevision:
        return base.PinnedRevision(commit=None)

    def list_files(self) -> list[base.RemoteFile]:
        return []

    def observe(self) -> SourceFacts:
        return SourceFacts()

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        return self.client.open_range(
            f"{self.url}/{file.path}", size=file.size, offset=offset, validator=validator
        )


class Meter:
    """Adds up what progress says."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, count: int) -> None:
        self.total += count


def fetch(url: str, root: Path, files: list[base.RemoteFile], **given: Any) -> dict[str, Fetched]:
    """Fetch into a store and place as `root/file/version`, unless told otherwise."""
    place = given.pop("place", root / "file" / "version")
    store = given.pop("store", None) or Store(root, keep_free_bytes=0)
    with room.held(store) as hold:
        given = {"progress": Meter(), "scope": url, "patience": AT_ONCE} | given
        fetched = fetcher.fetch(Served(url), files, hold, **given)
        if place is not None:
            placing.place(hold, place, fetched)
    return dict(fetched)


def main(url: str, root: str, path: str, size: str, digest: str, sync_bytes: str) -> None:
    """In a child process: fetch one file, and say after each chunk how far it came."""
    partial.SYNC_BYTES = int(sync_bytes)
    came = 0

    def progress(count: int) -> None:
        nonlocal came
        came += count
        os.write(1, b"%d\n" % came)

    file = base.RemoteFile(path, size=int(size), claimed_digest=digest, claim_kind="sha256")
    fetch(url, Path(root), [file], connections=1, progress=progress)


if __name__ == "__main__":
    main(*sys.argv[1:])
