"""The words of state and the moves between them; database triggers and pages are made from these tables. Pure."""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class Status(StrEnum):
    """Where a version stands; says nothing of evidence or approval."""

    DRAFT = auto()
    RESOLVED = auto()
    QUARANTINED = auto()
    REVOKED = auto()


class ApprovalStatus(StrEnum):
    """Where an approval for one environment and purpose stands."""

    REQUESTED = auto()
    APPROVED = auto()
    REJECTED = auto()
    WITHDRAWN = auto()
    EXPIRED = auto()
    REVOKED = auto()


class TaskStatus(StrEnum):
    """Where an obligation that a use triggered stands."""

    OPEN = auto()
    DONE = auto()
    WAIVED = auto()
    LAPSED = auto()


class RunState(StrEnum):
    """A run row is a lease: a worker holds it while its heart beats."""

    QUEUED = auto()
    RUNNING = auto()
    FINISHED = auto()


class Outcome(StrEnum):
    """What a check or a run found; only `pass` ever counts as a pass."""

    PASS = auto()
    FAIL = auto()
    ERROR = auto()
    SKIP = auto()


class Severity(StrEnum):
    """How much a failed check matters; a critical one quarantines the version."""

    INFO = auto()
    LOW = auto()
    MEDIUM = auto()
    HIGH = auto()
    CRITICAL = auto()


# A finding of these severities is recorded and shown, and decides nothing.
MINOR = frozenset({Severity.INFO, Severity.LOW})

VERSION_MOVES: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.RESOLVED, Status.REVOKED}),
    Status.RESOLVED: frozenset({Status.QUARANTINED, Status.REVOKED}),
    Status.QUARANTINED: frozenset({Status.RESOLVED, Status.REVOKED}),
    Status.REVOKED: frozenset(),
}
APPROVAL_MOVES: dict[ApprovalStatus, frozenset[ApprovalStatus]] = {
    ApprovalStatus.REQUESTED: frozenset(
        {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED, ApprovalStatus.WITHDRAWN}
    ),
    ApprovalStatus.APPROVED: frozenset(
        {ApprovalStatus.WITHDRAWN, ApprovalStatus.EXPIRED, ApprovalStatus.REVOKED}
    ),
    ApprovalStatus.REJECTED: frozenset(),
    ApprovalStatus.WITHDRAWN: frozenset(),
    ApprovalStatus.EXPIRED: frozenset(),
    ApprovalStatus.REVOKED: frozenset(),
}
TASK_MOVES: dict[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.OPEN: frozenset({TaskStatus.DONE, TaskStatus.WAIVED, TaskStatus.LAPSED}),
    # What was done or waived no longer counts once the obligation is not due any more, or says something else.
    TaskStatus.DONE: frozenset({TaskStatus.LAPSED}),
    TaskStatus.WAIVED: frozenset({TaskStatus.LAPSED}),
    TaskStatus.LAPSED: frozenset(),
}
RUN_MOVES: dict[RunState, frozenset[RunState]] = {
    RunState.QUEUED: frozenset({RunState.RUNNING, RunState.FINISHED}),
    RunState.RUNNING: frozenset({RunState.QUEUED, RunState.FINISHED}),
    RunState.FINISHED: frozenset(),
}


def edges(moves: Mapping[S, frozenset[S]]) -> list[tuple[str, str]]:
    """The permitted moves as sorted pairs; only a state that can still move may also stay as it is."""
    pairs = {(source.value, target.value) for source, targets in moves.items() for target in targets}
    return sorted(pairs | {(source.value, source.value) for source, targets in moves.items() if targets})
