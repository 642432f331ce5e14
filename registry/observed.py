"""What a source says of a version beside its files. Pure.

None means that the source did not tell: a mirror often cannot. It never means "no".
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from modelcustody_client import canonical

# Words of sources for files that their scanners warn of.
UNSAFE = frozenset({"unsafe", "infected", "malicious", "dangerous"})
SUSPICIOUS = frozenset({"suspicious", "caution"})


@dataclasses.dataclass(frozen=True, slots=True)
class Scan:
    """What the source's own scanners say of one file; evidence of a day, never a pass."""

    path: str
    status: str  # the source's own word: safe, unsafe, suspicious, queued, ...
    details: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFacts:
    """One look at the source of a version."""

    endpoint: str = ""
    # The name under which the source knows the repository now; another one than was asked for means: renamed.
    repository: str | None = None
    # Where the branch or tag that was registered points now, and where the default branch does.
    commit: str | None = None
    head: str | None = None
    # Whether the pinned commit is still part of the history of the branch.
    has_pinned: bool | None = None
    committed_at: str | None = None
    authors: tuple[str, ...] | None = None
    commit_title: str | None = None
    commit_verified: bool | None = None
    # Branches and tags by their full names (refs/heads/main), each with its commit.
    refs: Mapping[str, str] | None = None
    last_modified: str | None = None
    gated: str | None = None  # no, auto, manual; yes where no more is told
    private: bool | None = None
    disabled: bool | None = None
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    scan_status: str | None = None
    scans: tuple[Scan, ...] | None = None
    # For sources without commits: the digest of what they list (paths, sizes, entity tags or digests).
    listing_digest: str | None = None

    @property
    def not_told(self) -> tuple[str, ...]:
        """What the source did not tell, by name."""
        return tuple(field.name for field in dataclasses.fields(self) if getattr(self, field.name) is None)

    def to_json(self) -> dict[str, Any]:
        """As it is stored, with what was not told named."""
        return {**dataclasses.asdict(self), "not_told": list(self.not_told)}

    @property
    def digest(self) -> str:
        """The name of exactly these facts."""
        return canonical.digest(self.to_json())


def from_json(value: Mapping[str, Any]) -> SourceFacts:
    """The facts as they were stored; members that are not known any more are left out."""
    known = {field.name for field in dataclasses.fields(SourceFacts)}
    found = {name: item for name, item in value.items() if name in known}
    if found.get("scans") is not None:
        found["scans"] = tuple(Scan(**scan) for scan in found["scans"])
    if found.get("authors") is not None:
        found["authors"] = tuple(found["authors"])
    return SourceFacts(**found)
