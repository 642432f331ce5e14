"""A folder on a disk that the service can read."""

from collections.abc import Sequence
from pathlib import Path

from modelcustody_client import folder as folders
from modelcustody_client import manifest

from registry.sources.base import (
    InvalidSource,
    PinnedRevision,
    Progress,
    RemoteFile,
    SourceNotFound,
    UnsafeListing,
)


def locate(text: str, *, allowed: Sequence[Path], private: Sequence[Path] = ()) -> Path:
    """The real place of a folder that exists and may be used.

    `allowed`: the folders it may lie in; none means any. `private`: folders that it may neither lie in nor hold.
    """
    path = Path(text)
    if not path.is_absolute() or "\x00" in text:
        raise InvalidSource(
            f"folder://{text} names no absolute path. Write it with three slashes: folder:///srv/models/name.",
            field="source",
        )
    try:
        real = path.resolve(strict=True)
        is_folder = real.is_dir()
    except (OSError, RuntimeError):
        is_folder = False
    if not is_folder:
        raise SourceNotFound(
            f"There is no folder {text} on the machine of the service, or it may not be read.", field="source"
        )
    if allowed and not any(real.is_relative_to(place.resolve()) for place in allowed):
        places = ", ".join(str(place) for place in allowed)
        raise SourceNotFound(
            f"{text} is outside the folders that may be used ({places}); an operator can add it to SOURCE_FOLDERS.",
            field="source",
        )
    secret = [place.resolve() for place in private]
    if any(real.is_relative_to(place) or place.is_relative_to(real) for place in secret):
        raise SourceNotFound(f"{text} is where the service keeps keys of its own.", field="source")
    return real


class FolderSource:
    """The files of one folder, used where they lie."""

    def __init__(self, location: str, *, allowed: Sequence[Path], private: Sequence[Path] = ()) -> None:
        self.root = locate(location, allowed=allowed, private=private)

    def pin(self, revision: str) -> PinnedRevision:
        """A folder has no commits."""
        if revision:
            raise InvalidSource("A folder has no revisions; leave `revision` out.", field="revision")
        return PinnedRevision(commit=None)

    def list_files(self) -> list[RemoteFile]:
        """The regular files; a link that leaves the folder, a device or an unsafe name is refused."""
        try:
            found = folders.list_files(self.root)
            return [
                RemoteFile(path=path, size=target.stat().st_size) for path, target in sorted(found.items())
            ]
        except folders.UnreadableFolder as error:
            raise SourceNotFound(f"The folder cannot be used: {error}.") from None
        except manifest.BadManifest as error:
            raise UnsafeListing(f"The folder cannot be used: {error}.") from None
        except OSError as error:
            raise SourceNotFound(f"{self.root} changed while it was listed: {error}.") from None

    def fetch(self, *, progress: Progress) -> Path:
        """Where the files lie already."""
        return self.root

    def discard(self, path: str) -> None:
        """Nothing: the folder belongs to someone else."""
