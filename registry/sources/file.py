"""One GGUF file on a disk that the service can read, or all parts of a model that was split into several."""

import re
from contextlib import AbstractContextManager
from pathlib import Path

from registry.observed import SourceFacts
from registry.sources import base, disk
from registry.sources.places import Places, locate_file

SPLIT = re.compile(r"(.+)-(\d{5})-of-(\d{5})\.gguf", re.ASCII | re.IGNORECASE)
MOST_PARTS = 1_000


class FileSource:
    """The file, or the parts, copied into the store under their own names."""

    folder = None

    def __init__(self, location: str, *, places: Places) -> None:
        self._files = parts(location, places)

    def pin(self, revision: str) -> base.PinnedRevision:
        """A file has no commits."""
        if revision:
            raise base.InvalidSource("A file has no revisions; leave `revision` out.", field="revision")
        return base.PinnedRevision(commit=None)

    def list_files(self) -> list[base.RemoteFile]:
        """The file, or each part."""
        return disk.listed(self._files)

    def observe(self) -> SourceFacts:
        """Only whether the file was changed."""
        return SourceFacts(listing_digest=disk.listing_digest(self._files))

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        """Stream a part from the disk."""
        return disk.stream(self._files[file.path], file, offset=offset, validator=validator)


def parts(location: str, places: Places) -> dict[str, Path]:
    """Each file by its name; raises `base.SourceNotFound` naming the part that is not there."""
    path = Path(location)
    if path.suffix.lower() != ".gguf":
        raise base.InvalidSource(
            f"{location[:200]} is no GGUF file. For several files name their folder: folder://{path.parent}.",
            field="source",
        )
    split = SPLIT.fullmatch(path.name)
    if split is None:
        return {path.name: locate_file(location, places)}
    number, count = int(split[2]), int(split[3])
    if number != 1 or not 1 <= count <= MOST_PARTS:
        raise base.InvalidSource(
            f"{path.name} is part {number} of {count}: name the first part, of at most {MOST_PARTS}.",
            field="source",
        )
    names = [f"{split[1]}-{i:05}-of-{count:05}{path.suffix}" for i in range(1, count + 1)]
    return {name: locate_file(str(path.with_name(name)), places) for name in names}
