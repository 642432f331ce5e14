"""What checks say, and what many of them say together. Pure."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from registry.lifecycle import MINOR, Outcome, Severity

# So many further findings about one file are told beside the worst.
MOST_OTHERS = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One outcome of one check, in words that need no engineer."""

    outcome: Outcome
    message: str
    path: str = ""
    severity: Severity | None = None
    evidence: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class CheckOutcome:
    """A finding with the check that made it."""

    check_id: str
    title: str
    severity: Severity
    finding: Finding
    duration_ms: float
    tool: str
    tool_version: str


def passed(message: str, *, path: str = "", **evidence: Any) -> Finding:
    """No known indicators were found."""
    return Finding(outcome=Outcome.PASS, message=message, path=path, evidence=evidence)


def failed(message: str, *, path: str = "", severity: Severity | None = None, **evidence: Any) -> Finding:
    """Something is wrong."""
    return Finding(outcome=Outcome.FAIL, message=message, path=path, severity=severity, evidence=evidence)


def undecided(message: str, *, path: str = "", **evidence: Any) -> Finding:
    """The check could not decide; never counts as a pass."""
    return Finding(outcome=Outcome.ERROR, message=message, path=path, evidence=evidence)


def skipped(message: str, *, path: str = "", severity: Severity = Severity.LOW, **evidence: Any) -> Finding:
    """There was nothing to hold against each other; never counts as a pass."""
    return Finding(outcome=Outcome.SKIP, message=message, path=path, severity=severity, evidence=evidence)


def worst_of_each(findings: Iterable[Finding], severity: Severity) -> list[Finding]:
    """One finding a file, by path: the worst, with what else was found about the file in its evidence.

    `severity` is that of findings which do not say theirs.
    """
    by_path: dict[str, list[Finding]] = {}
    for finding in findings:
        by_path.setdefault(finding.path, []).append(finding)
    return [
        _with_others(sorted(found, key=lambda one: rank(one.outcome, one.severity or severity)))
        for _, found in sorted(by_path.items())
    ]


def _with_others(found: list[Finding]) -> Finding:
    worst, *others = found
    said = list(dict.fromkeys(one.message for one in others if one.outcome is not Outcome.PASS))
    if not said:
        return worst
    return dataclasses.replace(worst, evidence={**worst.evidence, "also": said[:MOST_OTHERS]})


def rank(outcome: Outcome, severity: Severity) -> tuple[int, int]:
    """The worst first: failures that count, what could not be decided, minor failures, skips, passes."""
    if outcome is Outcome.FAIL:
        return (0 if severity not in MINOR else 2, -list(Severity).index(severity))
    return ({Outcome.ERROR: 1, Outcome.SKIP: 3, Outcome.PASS: 4}[outcome], 0)


def run_outcome(outcomes: Iterable[CheckOutcome]) -> Outcome:
    """`fail` where a check of weight failed, else `error` where one could not decide or none passed, else `pass`."""
    every = list(outcomes)
    if any(item.finding.outcome is Outcome.FAIL and item.severity not in MINOR for item in every):
        return Outcome.FAIL
    found = {item.finding.outcome for item in every}
    return Outcome.ERROR if Outcome.ERROR in found or Outcome.PASS not in found else Outcome.PASS


def critical(outcomes: Iterable[CheckOutcome]) -> list[CheckOutcome]:
    """The failures after which the version must not be touched."""
    return [
        item
        for item in outcomes
        if item.finding.outcome is Outcome.FAIL and item.severity is Severity.CRITICAL
    ]


def summary(outcomes: Iterable[CheckOutcome]) -> str:
    """The first words that explain why a run did not pass; empty where it passed."""
    every = list(outcomes)
    worst = [item for item in every if item.finding.outcome is Outcome.FAIL and item.severity not in MINOR]
    worst = worst or [item for item in every if item.finding.outcome is Outcome.ERROR]
    if not worst:
        return ""
    more = f" And {len(worst) - 1} more." if len(worst) > 1 else ""
    return f"{worst[0].check_id}: {worst[0].finding.message}{more}"
