"""A question and its answer as bytes, between a worker and the process that reads the files. Pure.

What comes back was made beside hostile files: it is decoded by its types, and bounded before that.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from registry.verification.examination import Examination, Question
from registry.verification.outcomes import CheckOutcome, Finding, rank

ANSWER_BYTES = 64 * 1024 * 1024
# Of one check, and of one finding; what is beyond is counted, not shown.
MOST_FINDINGS = 1000
MESSAGE_CHARACTERS = 2000
EVIDENCE_BYTES = 16 * 1024
EVIDENCE_TOTAL_BYTES = 8 * 1024 * 1024
# The path of the finding that stands for those that are not shown; no file's path begins with a slash.
NOT_SHOWN = "/…"
T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Task:
    """What the process is to do."""

    root: str
    question: Question


@dataclasses.dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and with what the checks ran, and what they took."""

    host: str
    python: str
    tools: Mapping[str, str]
    network: str
    system_calls: str
    peak_memory_bytes: int
    cpu_seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """One line from the process: bytes read since the last one, what it is at now, or at the end the answer."""

    read: int = 0
    now: tuple[str, ...] | None = None
    stopped: str = ""  # what it ran out of
    examination: Examination | None = None
    surroundings: Surroundings | None = None


class Nonsense(ValueError):
    """The bytes are not what was agreed."""


def encode_task(task: Task) -> bytes:
    """The task as JSON."""
    return msgspec.json.encode(task)


def decode_task(data: bytes) -> Task:
    """The task again; raises `Nonsense`."""
    return _decode(data, Task)


def encode_line(line: Line) -> bytes:
    """One line with its end; findings beyond the bounds are counted."""
    if line.examination is not None:
        line = dataclasses.replace(line, examination=_bounded(line.examination))
    return msgspec.json.encode(line) + b"\n"


def decode_line(data: bytes) -> Line:
    """One line; raises `Nonsense`."""
    return _decode(data, Line)


def plain(value: Any) -> Any:
    """What a hostile file says, as JSON that any store can hold: no NUL, no lone surrogates."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Nonsense(str(error)[:200]) from None


def _bounded(found: Examination) -> Examination:
    by_check: dict[str, list[CheckOutcome]] = {}
    for outcome in found.outcomes:
        by_check.setdefault(outcome.check_id, []).append(outcome)
    kept = (outcome for outcomes in by_check.values() for outcome in _worst(outcomes))
    states = {plain(path): state for path, state in found.file_states.items()}
    digests = {plain(path): digest for path, digest in found.digests.items()}
    return dataclasses.replace(found, outcomes=tuple(_cut(kept)), file_states=states, digests=digests)


def _worst(outcomes: list[CheckOutcome]) -> list[CheckOutcome]:
    """The findings of one check; of very many the gravest, and one that says how many more there are."""
    if len(outcomes) <= MOST_FINDINGS:
        return outcomes
    ordered = sorted(outcomes, key=lambda one: rank(one.finding.outcome, one.severity))
    kept, rest = ordered[:MOST_FINDINGS], ordered[MOST_FINDINGS:]
    more = Finding(
        rest[0].finding.outcome, f"{len(rest)} more findings of this check are not shown.", path=NOT_SHOWN
    )
    return [*kept, dataclasses.replace(rest[0], finding=more)]


def _evidence(value: Mapping[str, Any], *, most: int) -> tuple[dict[str, Any], int]:
    """Evidence as JSON with its size; what is too large, or no JSON, is left out and says so."""
    try:
        found = plain(value)
        size = len(msgspec.json.encode(found))
    except (RecursionError, TypeError, ValueError) as error:
        return {"left_out": f"it is no JSON: {type(error).__name__}"}, 0
    return (found, size) if size <= most else ({"left_out": f"{size} bytes"}, 0)


def _cut(outcomes: Iterable[CheckOutcome]) -> Iterator[CheckOutcome]:
    left = EVIDENCE_TOTAL_BYTES
    for outcome in outcomes:
        finding = outcome.finding
        evidence, size = _evidence(finding.evidence, most=min(EVIDENCE_BYTES, left))
        left -= size
        message = plain(finding.message)
        if len(message) > MESSAGE_CHARACTERS:
            message = f"{message[:MESSAGE_CHARACTERS]}…"
        yield dataclasses.replace(
            outcome,
            finding=dataclasses.replace(
                finding, message=message, path=plain(finding.path), evidence=evidence
            ),
        )
