"""C20: the declared licence against the text, the terms of gated repositories, and what the source says now."""

import dataclasses

import pytest

from registry.lifecycle import Outcome, Severity
from registry.observed import SourceFacts
from registry.verification.subject import LicenseClaim
from tests import subjects

CHECK = "C20-license-text"
FACTS = SourceFacts(license="mit", gated="no")


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([("declared", "mit"), ("discovered", "mit")], Outcome.PASS),
        ([("declared", "mit"), ("discovered", "apache-2.0")], Outcome.FAIL),
        ([("declared", "mit"), ("discovered", "unknown")], Outcome.FAIL),
        ([("declared", "mit")], Outcome.SKIP),
        ([("discovered", "mit")], Outcome.SKIP),
        ([("declared", "unknown"), ("discovered", "mit")], Outcome.SKIP),
        ([], Outcome.FAIL),
        ([("declared", "llama3.1"), ("discovered", "llama3.1"), ("discovered", "mit")], Outcome.PASS),
        ([("contradicted", "mit")], Outcome.FAIL),
        ([("settled", "mit"), ("declared", "x")], Outcome.PASS),
        ([("settled", "unknown")], Outcome.FAIL),
    ],
)
def test_the_declaration_is_held_against_the_text(claims: list[tuple[str, str]], expected: Outcome) -> None:
    licenses = tuple(LicenseClaim(kind, name, f"LICENSE-{name}") for kind, name in claims)

    (found,) = subjects.outcomes(CHECK, subjects.subject({}, licenses=licenses)).values()
    assert found.finding.outcome is expected


@pytest.mark.parametrize(
    ("earlier", "now", "severity", "says"),
    [
        ({}, {"gated": "auto"}, Severity.LOW, "changed who may have the files"),
        ({"gated": "manual"}, {"gated": "manual"}, Severity.INFO, "whom its owners let in"),
        ({"gated": None}, {"gated": "yes"}, Severity.INFO, "is part of what governs"),
        ({}, {"license": "other"}, Severity.LOW, "other instead of mit"),
        ({"license_name": "a"}, {"license_name": "b"}, Severity.LOW, "the licence's name"),
    ],
)
def test_terms_at_the_source_are_named_and_decide_nothing(
    earlier: dict[str, object], now: dict[str, object], severity: Severity, says: str
) -> None:
    given = subjects.subject(
        {}, earlier=dataclasses.replace(FACTS, **earlier), observed=dataclasses.replace(FACTS, **now)
    )
    found = subjects.outcomes(CHECK, given)

    assert found["README.md"].severity is severity
    assert says in str(found["README.md"].finding)
    assert found[""].finding.outcome is Outcome.PASS


@pytest.mark.parametrize("observed", [None, FACTS, SourceFacts()])
def test_nothing_told_is_nothing_said(observed: SourceFacts | None) -> None:
    given = subjects.subject({}, earlier=FACTS, observed=observed)

    assert subjects.verdict(CHECK, given) == "pass"
