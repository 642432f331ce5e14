"""One verification from end to end: read a folder once, then ask every check. Pure, but for the files.

What is asked and what was found are plain data, so that they can cross into a process of their own and back.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from governance.policy.signature import TrustedSigner
from registry.observed import SourceFacts
from registry.verification import reading
from registry.verification.checks import run_checks
from registry.verification.one_file import Progress
from registry.verification.outcomes import CheckOutcome
from registry.verification.subject import Ancestor, Base, Expected, LicenseClaim, Subject


@dataclasses.dataclass(frozen=True, slots=True)
class BaseCopy:
    """Where the stored copy of an ancestor lies, and its manifest."""

    model: str
    relation: str
    root: str
    expected: Mapping[str, Expected]
    is_verified: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """Everything that the checks are given beside the files; `Subject` says what each member means."""

    source_kind: str
    revision: str | None
    expected: Mapping[str, Expected]
    licenses: tuple[LicenseClaim, ...] = ()
    model: str = ""
    examined_on: str = ""
    lineage: tuple[Ancestor, ...] = ()
    bases: tuple[BaseCopy, ...] = ()
    observed: SourceFacts | None = None
    observed_on: str = ""
    earlier: SourceFacts | None = None
    trusted: tuple[TrustedSigner, ...] = ()
    signature_required: bool = False
    last_read: Mapping[str, tuple[tuple[int, ...], str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Examination:
    """What all checks found, and what was read for it."""

    outcomes: tuple[CheckOutcome, ...]
    bytes_read: int
    file_states: Mapping[str, tuple[int, ...]]
    # SHA-256 of each file that could be read, in hexadecimal, by path.
    digests: Mapping[str, str] = dataclasses.field(default_factory=dict)


def examine(
    root: Path, question: Question, *, progress: Progress, now: reading.Now = reading.unwatched
) -> Examination:
    """Read every byte below `root` once and run all checks; what `progress` raises ends it."""
    read = reading.read_folder(root, question.expected, progress=progress, now=now)
    return Examination(
        outcomes=tuple(run_checks(_subject(question, read, now), now=now)),
        bytes_read=read.bytes_read,
        file_states={path: file.state for path, file in read.seen.items()},
        digests={path: file.sha256 for path, file in read.seen.items()},
    )


def _subject(question: Question, read: reading.Reading, now: reading.Now) -> Subject:
    asked = {field.name: getattr(question, field.name) for field in dataclasses.fields(question)}
    asked["bases"] = tuple(_base(copy, now) for copy in question.bases)
    return Subject(**asked, seen=read.seen, unreadable=read.unreadable)


def _base(copy: BaseCopy, now: reading.Now) -> Base:
    """What is needed of an ancestor; a copy that cannot be read, or is not its manifest's, shows no files."""
    now("base", copy.model)
    seen = reading.read_heads(Path(copy.root), copy.expected)
    return Base(copy.model, copy.relation, copy.expected, seen, is_verified=copy.is_verified)
