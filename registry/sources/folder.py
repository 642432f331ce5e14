"""A folder on a disk that the service can read, used where it lies."""

from contextlib import AbstractContextManager
from pathlib import Path

from modelcustody_client import folder as folders
from modelcustody_client import manifest

from registry.observed import SourceFacts
from registry.sources import base, disk
from registry.sources.places import Places, locate


class FolderSource:
    """The files of one folder."""

    def __init__(self, location: str, *, places: Places) -> None:
        self.root = locate(location, places)

    @property
    def folder(self) -> Path:
        """Where the files lie already."""
        return self.root

    def pin(self, revision: str) -> base.PinnedRevision:
        """A folder has no commits."""
        if revision:
            raise base.InvalidSource("A folder has no revisions; leave `revision` out.", field="revision")
        return base.PinnedRevision(commit=None)

    def list_files(self) -> list[base.RemoteFile]:
        """The regular files; a link that leaves the folder, a device or an unsafe name is refused."""
        return disk.listed(self._targets())

    def observe(self) -> SourceFacts:
        """Only whether files came, went or were changed."""
        return SourceFacts(listing_digest=disk.listing_digest(self._targets()))

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        """Stream a file from the disk."""
        return disk.stream(self._targets()[file.path], file, offset=offset, validator=validator)

    def _targets(self) -> dict[str, Path]:
        try:
            return folders.list_files(self.root)
        except folders.UnreadableFolder as error:
            raise base.SourceNotFound(f"The folder cannot be used: {error}.") from None
        except manifest.BadManifest as error:
            raise base.UnsafeListing(f"The folder cannot be used: {error}.") from None
