"""What every source of model files can do, and what can go wrong with it."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from governance.errors import GovernanceError, InvalidInput, Unavailable
from registry.observed import SourceFacts

COMMIT = re.compile(r"[0-9a-f]{40}")
# Called with the number of bytes that arrived since the last call, negative where some were given up; what it raises
# ends the transfer.
Progress = Callable[[int], None]


class InvalidSource(InvalidInput):
    """The source is not written in a form that is known."""

    code = "invalid_source"


class SourceRefused(GovernanceError):
    """The source answered, and the answer is no; trying again does not help."""

    code = "source_refused"
    status = 422
    title = "The source cannot be used"


class SourceNotFound(SourceRefused):
    """The folder does not exist, or the service may not read it."""

    code = "source_not_found"


class RepositoryNotFound(SourceRefused):
    """The Hub knows no such repository, or hides it from this token."""

    code = "repository_not_found"


class RepositoryDisabled(SourceRefused):
    """The Hub has withdrawn the repository: nobody is given its files."""

    code = "repository_disabled"


class RepositoryRenamed(SourceRefused):
    """The Hub leads from the name that was asked for to another one."""

    code = "repository_renamed"


class RevisionNotFound(SourceRefused):
    """The repository has no such branch, tag or commit."""

    code = "revision_not_found"


class GatedRepository(SourceRefused):
    """The publisher gives the files only to accounts that accepted its terms."""

    code = "gated_repository"


class RevisionMoved(SourceRefused):
    """The branch or tag pointed elsewhere at the end than at the start."""

    code = "revision_moved"


class UnsafeListing(SourceRefused):
    """The source lists files under names that cannot be kept safely."""

    code = "unsafe_listing"


class ListingTooLong(SourceRefused):
    """The source lists more than any model has."""

    code = "listing_too_long"


class DownloadCorrupted(SourceRefused):
    """A file arrived with another content or length than the source itself claims."""

    code = "download_corrupted"


class SourceUnavailable(Unavailable):
    """The source did not answer; trying again later may work."""

    code = "source_unavailable"


# Everything that a source can answer instead of what it was asked for.
FAILURES = (SourceRefused, SourceUnavailable)


@dataclasses.dataclass(frozen=True, slots=True)
class PinnedRevision:
    """The one state that is meant from now on; a folder has no commit."""

    commit: str | None
    committed_at: datetime | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file as the source lists it, with the digest that it claims, if any."""

    path: str
    size: int | None
    claimed_digest: str = ""
    claim_kind: str = ""
    # The state that was listed, in the source's own words (an entity tag); `open` refuses any other.
    state: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Stream:
    """The bytes of a file from `offset` on; a source that cannot resume begins at 0 again.

    `validator` names the state that is sent (an entity tag, or a version id): a later request that gives it back gets
    the rest of the same state, or everything of the new one from 0.
    """

    offset: int
    size: int | None
    validator: str
    chunks: Iterator[bytes]


class ModelSource(Protocol):
    """Where the files of one version come from."""

    @property
    def folder(self) -> Path | None:
        """Where the files lie and are used in place; None where they are fetched into the store."""
        ...

    def pin(self, revision: str) -> PinnedRevision:
        """Resolve a branch or tag, once."""
        ...

    def list_files(self) -> list[RemoteFile]:
        """List the files of the pinned state, and make sure that it is still the one that was asked for."""
        ...

    def observe(self) -> SourceFacts:
        """Say what the source tells beside the files, now; what it cannot tell is None."""
        ...

    def open(
        self, file: RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[Stream]:
        """Stream a file of the pinned state, from `offset` on where that is still the same state."""
        ...
