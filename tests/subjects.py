"""What checks look at, made from plain bytes; no disk, no database."""

import dataclasses
import hashlib
from typing import Any

from registry.formats.roles import role_of
from registry.lifecycle import Outcome
from registry.verification.checks import CHECKS, run_checks
from registry.verification.outcomes import CheckOutcome
from registry.verification.subject import Base, Expected, LicenseClaim, Seen, Subject

MIT = (LicenseClaim("declared", "mit"), LicenseClaim("discovered", "mit", "LICENSE"))


def seen(files: dict[str, bytes]) -> dict[str, Seen]:
    """Files as they were read, whole."""
    return {
        path: Seen(path, len(data), hashlib.sha256(data).hexdigest(), data, is_whole=True)
        for path, data in files.items()
    }


def expected(files: dict[str, bytes]) -> dict[str, Expected]:
    """The manifest of these files."""
    return {
        path: Expected(path, len(data), hashlib.sha256(data).hexdigest(), role_of(path))
        for path, data in files.items()
    }


def subject(files: dict[str, bytes], **more: Any) -> Subject:
    """A folder with these files and their manifest."""
    given = {
        "source_kind": "folder",
        "revision": None,
        "licenses": MIT,
        "expected": expected(files),
        "seen": seen(files),
    }
    return Subject(**given | more)


def base(model: str, files: dict[str, bytes], relation: str = "adapter") -> Base:
    """A registered ancestor with these files."""
    return Base(model, relation, expected(files), seen(files), is_verified=True)


def cut(given: Subject, path: str, length: int = 1) -> Subject:
    """The same, with a file of which only the beginning was kept."""
    file = given.seen[path]
    short = dataclasses.replace(file, start=file.start[:length], is_whole=False)
    return dataclasses.replace(given, seen={**given.seen, path: short})


def outcomes(check_id: str, given: Subject) -> dict[str, CheckOutcome]:
    """What one check says, by path."""
    (check,) = (check for check in CHECKS if check.check_id == check_id)
    return {item.finding.path: item for item in run_checks(given, checks=[check])}


def verdict(check_id: str, given: Subject) -> str:
    """The outcomes of one check in words, with the severities of what failed."""
    return " ".join(
        sorted(
            f"{item.finding.outcome}:{item.severity}"
            if item.finding.outcome is Outcome.FAIL
            else str(item.finding.outcome)
            for item in outcomes(check_id, given).values()
        )
    )
