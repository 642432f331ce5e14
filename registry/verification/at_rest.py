"""C22: the stored copy is still what was read the last time, and nothing changed it behind everybody's back. Pure.

A disk that loses bits, and whoever writes below the file system, leave a file's times and number as they were; that is
how silent damage shows. A file that was plainly written to is the business of C3, and is named here too.
"""

from collections.abc import Iterator
from typing import Any

from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, passed, skipped
from registry.verification.subject import Seen, Subject

MOST_NAMED = 20


def unchanged(subject: Subject) -> Iterator[Finding]:
    """C22: each file holds what it held at the last complete reading."""
    if not subject.last_read:
        yield skipped(
            "This is the first complete reading that is on record; the next one is held against it."
        )
        return
    known = [file for file in subject.files() if file.path in subject.last_read]
    damaged = [file for file in known if file.sha256 != subject.last_read[file.path][1]]
    for file in damaged:
        yield _damage(file, subject)
    touched = [file.path for file in known if file not in damaged and _is_touched(file, subject)]
    if touched:
        more = f" (and {len(touched) - 1} more files)" if len(touched) > 1 else ""
        yield failed(
            f"The file was written, moved or restored since it was last read, with the same content{more}.",
            path=touched[0],
            severity=Severity.INFO,
            paths=touched[:MOST_NAMED],
            count=len(touched),
        )
    if not known:
        yield skipped("No file is left that was read before.")
    elif not damaged:
        yield passed(
            f"All {len(known)} files that were read before hold the same content as then.", files=len(known)
        )


def _damage(file: Seen, subject: Subject) -> Finding:
    state, sha256 = subject.last_read[file.path]
    evidence: dict[str, Any] = {
        "expected": sha256,
        "found": file.sha256,
        "state_then": list(state),
        "state_now": list(file.state),
    }
    if _is_touched(file, subject):
        return failed(
            "The file was written to since it was last read, and holds something else now.",
            path=file.path,
            severity=Severity.LOW,
            **evidence,
        )
    return failed(
        "The stored copy is damaged: the file system says that nobody wrote to the file, and it holds something else "
        "than when it was last read. Bits were lost, or somebody changed it behind the file system's back.",
        path=file.path,
        **evidence,
    )


def _is_touched(file: Seen, subject: Subject) -> bool:
    """Whether the file system knows of a change; without a state on either side, it must be supposed."""
    state = subject.last_read[file.path][0]
    return not state or not file.state or tuple(state) != tuple(file.state)
