"""Checks of what the source says of the commit and of its own scans: evidence of a day, never a pass of ours. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.formats.sign import Level, Sign
from registry.lifecycle import Severity
from registry.observed import SUSPICIOUS, UNSAFE, Scan, SourceFacts
from registry.verification.outcomes import Finding, failed, passed, skipped
from registry.verification.signs import finding
from registry.verification.subject import Subject

SAFE = frozenset({"safe"})
SLACK = timedelta(days=1)
# Git was first released on this day; no commit was made before.
FIRST = datetime(2005, 4, 7, tzinfo=UTC)
NOT_ASKED = "The source was not asked what it says of this version beside its files."


def commit(subject: Subject) -> Iterator[Finding]:
    """C5: who made the commit, whether it is signed, and whether the repository is still the same one."""
    observed = subject.observed
    if observed is None:
        yield skipped(NOT_ASKED)
        return
    signs = [
        *_name(subject.model, subject.earlier, observed),
        *_history(subject, observed),
        *_people(subject, observed),
        *_dates(subject, observed),
    ]
    if signs:
        yield finding("The source", signs, path="", told=_told(observed))
        return
    if observed.commit_verified is None and observed.authors is None and observed.has_pinned is None:
        missing = ", ".join(observed.not_told[:8])
        yield skipped(
            f"The source does not tell who made the commit or whether it is signed (not told: {missing})."
        )
        return
    signed = {True: " The source says that its signature is valid.", False: " It is not signed.", None: ""}[
        observed.commit_verified
    ]
    yield passed(f"Nothing that the source tells of the commit speaks against it.{signed}", **_told(observed))


def _told(observed: SourceFacts) -> dict[str, Any]:
    names = (
        "repository",
        "commit",
        "head",
        "has_pinned",
        "committed_at",
        "authors",
        "commit_title",
        "commit_verified",
        "last_modified",
    )
    return {name: getattr(observed, name) for name in names}


def _name(model: str, earlier: SourceFacts | None, observed: SourceFacts) -> Iterator[Sign]:
    """A repository that goes by another name; its old name can be taken by anybody."""
    before = earlier.repository if earlier is not None and earlier.repository else None
    if observed.repository and before and observed.repository.casefold() != before.casefold():
        words = (
            f"calls the repository {observed.repository[:200]} now, and no longer {before[:200]}. "
            "Whoever takes the old name can put other files there"
        )
        yield Sign(Level.DOUBT, "renamed", words)
    if observed.disabled:
        yield Sign(
            Level.WARNING,
            "disabled",
            "has disabled the repository; find out why before using what came from it",
        )


def _history(subject: Subject, observed: SourceFacts) -> Iterator[Sign]:
    if observed.has_pinned is False:
        words = "no longer has the registered commit in its history: the history was rewritten, or another repository has taken the name"
        yield Sign(Level.DANGER, "rewritten", words)


def _people(subject: Subject, observed: SourceFacts) -> Iterator[Sign]:
    earlier = subject.earlier
    if earlier is None:
        return
    before, now = earlier.authors, observed.authors
    if before is not None and now is not None and set(before) != set(now):
        words = (
            f"names {_names(now)} as authors of the registered commit, and named {_names(before)} before: "
            "an account was renamed or removed, or this is another commit"
        )
        yield Sign(Level.DOUBT, "authors", words)
    if earlier.commit_verified and observed.commit_verified is False:
        yield Sign(
            Level.WARNING, "signature", "says that the commit is not signed, and said before that it is"
        )


def _names(people: tuple[str, ...]) -> str:
    return ", ".join(sorted(people))[:200] or "nobody"


def _dates(subject: Subject, observed: SourceFacts) -> Iterator[Sign]:
    made, changed, now = (
        _time(text) for text in (observed.committed_at, observed.last_modified, subject.examined_on)
    )
    if made and now and made > now + SLACK:
        yield Sign(Level.DOUBT, "date", f"dates the commit in the future ({observed.committed_at})")
    if made and made < FIRST:
        yield Sign(Level.DOUBT, "date", f"dates the commit before git existed ({observed.committed_at})")
    if made and changed and made > changed + SLACK:
        words = f"dates the commit ({observed.committed_at}) after the last change of the repository ({observed.last_modified})"
        yield Sign(Level.DOUBT, "date", words)
    earlier = subject.earlier
    if earlier is None:
        return
    if _differ(earlier.committed_at, observed.committed_at):
        words = "gives the registered commit another date than before, although no commit can change its date"
        yield Sign(Level.WARNING, "date", words)
    before = _time(earlier.last_modified)
    if before and changed and changed < before:
        yield Sign(
            Level.DOUBT, "date", "says that the repository was last changed earlier than it said before"
        )


def _differ(before: str | None, now: str | None) -> bool:
    first, second = _time(before), _time(now)
    return first is not None and second is not None and first != second


def _time(text: str | None) -> datetime | None:
    """A moment in RFC 3339; None for what is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def hub_scan(subject: Subject) -> Iterator[Finding]:
    """C21: what the source's own scanners said on the day that it was asked; it never outweighs our checks."""
    observed = subject.observed
    if observed is None:
        yield skipped(NOT_ASKED)
        return
    if not observed.scans and observed.scan_status is None:
        yield skipped("The source does not tell what its scanners found.")
        return
    day = f" on {subject.observed_on[:10]}" if subject.observed_on else ""
    scans = observed.scans or ()
    for scan in sorted(scans, key=lambda item: item.path):
        found = _scan(scan, day)
        if found is not None:
            yield found
    yield _overall(observed, scans, day)


def _scan(scan: Scan, day: str) -> Finding | None:
    status = scan.status.casefold()
    if status not in UNSAFE | SUSPICIOUS:
        return None
    details = f" ({' '.join(scan.details.split())[:200]})" if scan.details else ""
    return failed(
        f"The source's own scanners call this file {scan.status[:40]}{details}, as told{day}.",
        path=scan.path,
        severity=Severity.HIGH if status in UNSAFE else Severity.MEDIUM,
        status=scan.status,
        details=scan.details[:1000],
    )


def _overall(observed: SourceFacts, scans: tuple[Scan, ...], day: str) -> Finding:
    """What remains to be said of the repository: an opinion of that day, or that there is none yet."""
    overall = (observed.scan_status or "").casefold()
    named = {scan.status.casefold() for scan in scans}
    if overall in UNSAFE | SUSPICIOUS and not named & (UNSAFE | SUSPICIOUS):
        severity = Severity.HIGH if overall in UNSAFE else Severity.MEDIUM
        return failed(
            f"The source's own scanners call the repository {overall}, and name no file, as told{day}.",
            severity=severity,
        )
    open_ = sorted(scan.path for scan in scans if scan.status.casefold() not in SAFE | UNSAFE | SUSPICIOUS)
    safe = sum(scan.status.casefold() in SAFE for scan in scans)
    if open_ or (not scans and overall not in SAFE):
        files = f"{len(open_)} of {len(scans)} files" if scans else "the repository"
        return skipped(
            f"The source's scanners have not finished with {files} (as told{day}: {overall or 'queued or not scanned'})."
        )
    return skipped(
        f"The source's own scanners call {f'{safe} files' if scans else 'the repository'} safe, as told{day}. "
        "That is its opinion of that day; it decides nothing, and never outweighs the checks here.",
        severity=Severity.INFO,
        safe=safe,
        status=observed.scan_status,
        files=len(scans),
    )
