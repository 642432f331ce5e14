"""One finding a file out of many: what a check says of each file is stored once. Pure."""

import dataclasses
from collections.abc import Iterable, Iterator

from registry.lifecycle import Outcome, Severity
from registry.verification.outcomes import MINOR, Finding

MAX_ALSO = 20
_ORDER = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW, Severity.INFO]


def by_file(findings: Iterable[Finding]) -> Iterator[Finding]:
    """For each file the gravest finding, with the words of the others; a failure never hides behind a lesser one."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.path, []).append(finding)
    for every in grouped.values():
        first, *others = sorted(every, key=_weight)
        yield _also(first, others) if others else first


def _also(first: Finding, others: list[Finding]) -> Finding:
    named = [f"{other.severity or Severity.HIGH}: {other.message}" for other in others[:MAX_ALSO]]
    count = f"{len(others)} more of this file"
    return dataclasses.replace(
        first,
        message=f"{first.message} (And {count}: {others[0].message})",
        evidence={**first.evidence, "also": named, "also_count": len(others)},
    )


def _weight(finding: Finding) -> tuple[int, int]:
    """Failures that decide come first, then what could not be decided, then what is only shown."""
    severity = finding.severity or Severity.HIGH
    if finding.outcome is Outcome.FAIL:
        return (2 if severity in MINOR else 0), _ORDER.index(severity)
    return {Outcome.ERROR: (1, 0), Outcome.SKIP: (3, 0), Outcome.PASS: (4, 0)}[finding.outcome]
