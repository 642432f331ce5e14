"""C22: what is said of a copy that is read again."""

import hashlib
from typing import Any

import pytest

from registry.lifecycle import Outcome, Severity
from registry.verification.checks import CHECKS, run_checks
from registry.verification.subject import Seen, Subject

C22 = [one for one in CHECKS if one.check_id == "C22-at-rest"]
STATE = (1, 2, 3, 4, 5)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def said(
    now: dict[str, tuple[tuple[int, ...], str]], then: dict[str, tuple[tuple[int, ...], str]]
) -> list[tuple[str, Outcome, Severity]]:
    seen = {path: Seen(path, len(text), sha256(text), state=state) for path, (state, text) in now.items()}
    subject = Subject(
        source_kind="folder",
        revision=None,
        expected={},
        seen=seen,
        last_read={path: (state, sha256(text)) for path, (state, text) in then.items()},
    )
    return [(one.finding.path, one.finding.outcome, one.severity) for one in run_checks(subject, checks=C22)]


CRITICAL = (Outcome.FAIL, Severity.CRITICAL)
LOW = (Outcome.FAIL, Severity.LOW)
INFO = (Outcome.FAIL, Severity.INFO)
PASS = (Outcome.PASS, Severity.CRITICAL)
SKIP = (Outcome.SKIP, Severity.LOW)


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        ({"a": (STATE, "x")}, {}, [("", *SKIP)]),
        ({"a": (STATE, "x")}, {"a": (STATE, "x")}, [("", *PASS)]),
        ({"a": (STATE, "y")}, {"a": (STATE, "x")}, [("a", *CRITICAL)]),
        ({"a": ((1, 2, 3, 4, 6), "y")}, {"a": (STATE, "x")}, [("a", *LOW)]),
        ({"a": ((), "y")}, {"a": (STATE, "x")}, [("a", *LOW)]),
        ({"a": ((1, 9, 3, 4, 5), "x")}, {"a": (STATE, "x")}, [("", *PASS), ("a", *INFO)]),
        ({"b": (STATE, "x")}, {"a": (STATE, "x")}, [("", *SKIP)]),
        ({"a": (STATE, "x"), "b": (STATE, "new")}, {"a": (STATE, "x")}, [("", *PASS)]),
        (
            {"a": (STATE, "y"), "b": ((), "x"), "c": ((), "x")},
            {"a": (STATE, "x"), "b": (STATE, "x"), "c": (STATE, "x")},
            [("a", *CRITICAL), ("b", *INFO)],
        ),
    ],
)
def test_what_is_said(now: Any, then: Any, expected: Any) -> None:
    assert said(now, then) == expected
