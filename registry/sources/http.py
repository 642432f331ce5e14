"""Files beside a checksum file on a web server: what `sha256sum` prints is the list, and the claim for each file."""

import re
import urllib.parse
from collections.abc import Mapping, Sequence
from concurrent import futures
from contextlib import AbstractContextManager

from modelcustody_client import canonical, manifest

from registry.observed import SourceFacts
from registry.sources import base
from registry.sources.addresses import Guard, require_configured, shown
from registry.sources.ranges import AccessRefused, BadAnswer, RangeClient

MOST_LIST_BYTES = 16 * 1024 * 1024
MOST_FILES = 100_000
HEADS_AT_ONCE = 4
# Digest, a space, and a space for text or a star for binary; GNU coreutils, "sha2 utilities".
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)", re.ASCII | re.IGNORECASE)


class HttpSource:
    """`location` is the address of the checksum file; its files lie relative to it."""

    def __init__(self, location: str, *, hosts: Sequence[str]) -> None:
        self.location = location
        self.host = require_configured(location, hosts).name
        self._client = RangeClient(Guard(location))
        self._listed: Mapping[str, str] | None = None

    @property
    def folder(self) -> None:
        """None: the files are fetched."""
        return

    def pin(self, revision: str) -> base.PinnedRevision:
        """What the checksum file says now is what is meant; there are no commits."""
        if revision:
            raise base.InvalidSource(
                "A checksum file has no revisions; leave `revision` out.", field="revision"
            )
        self._listed = self._read_list()
        return base.PinnedRevision(commit=None)

    def list_files(self) -> list[base.RemoteFile]:
        """Every file that is listed, with its size where the server tells it; refuses if the list changed meanwhile."""
        pinned, now = self._listed, self._read_list()
        if pinned is not None and now != pinned:
            raise base.RevisionMoved(f"{shown(self.location)} changed while it was read. Register again.")
        with futures.ThreadPoolExecutor(max_workers=HEADS_AT_ONCE) as pool:
            try:
                sizes = list(pool.map(self._size, now))
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return [
            base.RemoteFile(path, size=size, claimed_digest=now[path], claim_kind="sha256")
            for path, size in zip(now, sizes, strict=True)
        ]

    def observe(self) -> SourceFacts:
        """What is listed now; a web server tells nothing else."""
        return SourceFacts(endpoint=self.host, listing_digest=canonical.digest(dict(self._read_list())))

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        """Stream a listed file."""
        return self._client.open_range(
            self._address(file.path), size=file.size, offset=offset, validator=validator
        )

    def _read_list(self) -> dict[str, str]:
        return parse_list(self._client.read(self.location, most=MOST_LIST_BYTES), place=shown(self.location))

    def _size(self, path: str) -> int | None:
        try:
            return self._client.head(self._address(path)).length
        except (AccessRefused, BadAnswer):  # some servers answer GET only
            return None

    def _address(self, path: str) -> str:
        return urllib.parse.urljoin(self.location, urllib.parse.quote(f"./{path}"))


def parse_list(data: bytes, *, place: str) -> dict[str, str]:
    """The digest of each path, by path; raises `base.UnsafeListing` for anything that is not plain."""
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise base.UnsafeListing(f"{place} is not text in UTF-8.") from None
    if len(lines) > MOST_FILES:
        raise base.UnsafeListing(f"{place} lists more than {MOST_FILES} files.")
    listed: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        found = LINE.fullmatch(line)
        if found is None:
            raise base.UnsafeListing(
                f"Line {number} of {place} is not what `sha256sum` prints for a plain name: "
                "64 hexadecimal digits, two spaces (or a space and a star), a relative path."
            )
        path = found[2].removeprefix("./")
        if path in listed:
            raise base.UnsafeListing(f"{place} lists {path[:200]!a} twice.")
        listed[path] = found[1].lower()
    try:
        manifest.check_paths(listed)
    except manifest.BadManifest as error:
        raise base.UnsafeListing(f"{place} cannot be kept safely: {error}.") from None
    return {path: listed[path] for path in sorted(listed)}
