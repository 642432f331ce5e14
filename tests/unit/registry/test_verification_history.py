"""C5 and C21: what a source says of the commit and of its own scans; not told is never a pass."""

import dataclasses

import pytest

from registry.lifecycle import Outcome, Severity
from registry.observed import Scan, SourceFacts
from tests import subjects

COMMIT = "C5-commit"
SCAN = "C21-hub-scan"
FACTS = SourceFacts(
    repository="acme/model",
    commit="a" * 40,
    has_pinned=True,
    committed_at="2026-01-02T03:04:05+00:00",
    authors=("ann",),
    last_modified="2026-02-01T00:00:00.000Z",
)


def facts(**changes: object) -> SourceFacts:
    return dataclasses.replace(FACTS, **changes)


@pytest.mark.parametrize(
    ("earlier", "now", "expected", "says"),
    [
        ({}, {}, "pass", "Nothing that the source tells"),
        ({}, {"commit_verified": True}, "pass", "signature is valid"),
        ({}, {"commit_verified": False}, "pass", "not signed"),
        ({}, {"has_pinned": False}, "fail:high", "no longer has the registered commit"),
        ({}, {"repository": "other/model"}, "fail:low", "calls the repository other/model now"),
        ({}, {"repository": "Acme/Model"}, "pass", "Nothing"),
        ({}, {"disabled": True}, "fail:medium", "disabled"),
        (
            {},
            {"authors": ("ben",)},
            "fail:low",
            "names ben as authors of the registered commit, and named ann",
        ),
        ({"commit_verified": True}, {"commit_verified": False}, "fail:medium", "said before that it is"),
        ({}, {"committed_at": "2026-01-03T03:04:05+00:00"}, "fail:medium", "another date than before"),
        (
            {"committed_at": None},
            {"committed_at": "2027-01-03T03:04:05+00:00", "last_modified": None},
            "fail:low",
            "in the future",
        ),
        ({"committed_at": None}, {"committed_at": "1970-01-01T00:00:00Z"}, "fail:low", "before git existed"),
        (
            {"committed_at": None},
            {"committed_at": "2026-02-20T00:00:00Z"},
            "fail:low",
            "after the last change",
        ),
        (
            {},
            {"last_modified": "2025-01-01T00:00:00Z", "committed_at": None},
            "fail:low",
            "earlier than it said before",
        ),
        ({}, {"last_modified": "nonsense", "committed_at": "soon"}, "pass", "Nothing"),
        ({}, {"authors": None, "has_pinned": None}, "skip", "does not tell who made the commit"),
    ],
)
def test_what_a_source_says_of_a_commit(
    earlier: dict[str, object], now: dict[str, object], expected: str, says: str
) -> None:
    given = subjects.subject(
        {}, earlier=facts(**earlier), observed=facts(**now), examined_on="2026-03-01T00:00:00+00:00"
    )

    assert subjects.verdict(COMMIT, given) == expected
    assert says in subjects.outcomes(COMMIT, given)[""].finding.message


@pytest.mark.parametrize("check", [COMMIT, SCAN])
def test_a_source_that_was_not_asked_is_no_pass(check: str) -> None:
    given = subjects.subject({})

    assert subjects.verdict(check, given) == "skip"
    assert "not asked" in subjects.outcomes(check, given)[""].finding.message


@pytest.mark.parametrize(
    ("scans", "status", "expected", "says"),
    [
        (None, None, "skip", "does not tell what its scanners found"),
        ((), None, "skip", "does not tell"),
        ((Scan("a.bin", "safe"), Scan("b.bin", "safe")), "safe", "skip", "call 2 files safe, as told on 2026-03-01"),
        (None, "safe", "skip", "the repository safe"),
        ((Scan("a.bin", "unsafe", "picklescan: os.system"),), "unsafe", "fail:high skip", "call this file unsafe (picklescan: os.system)"),
        ((Scan("a.bin", "SUSPICIOUS"), Scan("b.bin", "safe")), None, "fail:medium skip", "call this file SUSPICIOUS"),
        ((Scan("a.bin", "caution"),), None, "fail:medium skip", "caution"),
        ((Scan("a.bin", "queued"), Scan("b.bin", "safe")), "queued", "skip", "not finished with 1 of 2 files"),
        (None, "queued", "skip", "not finished with the repository"),
        (None, "unsafe", "fail:high", "call the repository unsafe, and name no file"),
    ],
)  # fmt: skip
def test_what_a_sources_own_scanners_say(
    scans: tuple[Scan, ...] | None, status: str | None, expected: str, says: str
) -> None:
    given = subjects.subject(
        {}, observed=facts(scans=scans, scan_status=status), observed_on="2026-03-01T08:00:00+00:00"
    )

    assert subjects.verdict(SCAN, given) == expected
    assert any(says in item.finding.message for item in subjects.outcomes(SCAN, given).values())


def test_a_scan_that_found_nothing_decides_nothing() -> None:
    given = subjects.subject({}, observed=facts(scans=(Scan("a.bin", "safe"),), scan_status="safe"))
    found = subjects.outcomes(SCAN, given)[""]

    assert (found.finding.outcome, found.severity) == (Outcome.SKIP, Severity.INFO)
    assert "never outweighs" in found.finding.message
