"""Reads how a source is written: `hf://org/name` or `folder:///absolute/path`."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from registry.sources.base import COMMIT, InvalidSource
from registry.sources.folder import locate

PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
# With `.git` at its end it is an address, which a licence question takes for no name.
NAME = re.compile(rf"({PART})/({PART})(?<!\.git)", re.ASCII | re.IGNORECASE)
# What git accepts in a branch or tag, and nothing that could leave a path or a URL.
REVISION = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._/-]{0,198}[A-Za-z0-9_-])?")
HOW = "Write hf://org/name for a Hub repository, or folder:///absolute/path for a folder."


@dataclasses.dataclass(frozen=True, slots=True)
class SourceAddress:
    """What is to be registered, and under which name."""

    kind: str  # hub or folder
    location: str
    publisher: str
    name: str
    revision: str


def parse(
    source: str,
    *,
    revision: str | None,
    name: str | None,
    allowed: Sequence[Path] = (),
    private: Sequence[Path] = (),
) -> SourceAddress:
    """The address that a person or a pipeline wrote; refuses with how to mend it.

    `allowed` and `private`: which folders may be used (`folder.locate`).
    """
    scheme, separator, rest = source.partition("://")
    if not separator or scheme not in {"hf", "folder"}:
        raise InvalidSource(f"{source[:200]!r} is no source that is known. {HOW}", field="source")
    if scheme == "hf":
        return _hub(rest, revision=revision, name=name)
    publisher, model = _folder_name(revision=revision, name=name)
    location = locate(rest, allowed=allowed, private=private)
    return SourceAddress("folder", location=str(location), publisher=publisher, name=model, revision="")


def _hub(rest: str, *, revision: str | None, name: str | None) -> SourceAddress:
    match = NAME.fullmatch(rest)
    if match is None or ".." in rest or "--" in rest:
        raise InvalidSource(f"hf://{rest[:200]} names no Hub repository. {HOW}", field="source")
    if name is not None and name != rest:
        raise InvalidSource(f"A Hub repository keeps its own name, {rest}; leave `name` out.", field="name")
    wanted = revision or "main"
    if not REVISION.fullmatch(wanted) or ".." in wanted:
        raise InvalidSource(f"{wanted[:200]!r} is no branch, tag or 40-digit commit.", field="revision")
    if re.fullmatch(r"[0-9a-fA-F]{40}", wanted):
        wanted = wanted.lower()
    publisher, model = match.groups()
    return SourceAddress("hub", location=rest, publisher=publisher, name=model, revision=wanted)


def _folder_name(*, revision: str | None, name: str | None) -> tuple[str, str]:
    if revision:
        raise InvalidSource("A folder has no revisions; leave `revision` out.", field="revision")
    match = NAME.fullmatch(name or "")
    if match is None:
        raise InvalidSource("A folder needs a name of the form publisher/model.", field="name")
    publisher, model = match.groups()
    return publisher, model


def is_commit(revision: str) -> bool:
    """Whether the revision is a full commit, which can never move."""
    return COMMIT.fullmatch(revision) is not None
