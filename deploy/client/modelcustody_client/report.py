"""The result of a verification: what was proved, what is wrong, what cannot be said. Pure."""

from __future__ import annotations

import dataclasses
from typing import Any

PROVED, FAILED, UNDECIDED = "proved", "failed", "undecided"
_EXIT_CODES = {"verified": 0, "tampered": 1, "undecided": 2}
_MARKS = {PROVED: "PROVED   ", FAILED: "FAILED   ", UNDECIDED: "UNDECIDED"}
_VERDICTS = {
    "verified": "VERIFIED: everything listed as proved below was checked, with keys that you pinned.",
    "tampered": "NOT VERIFIED: this is damaged, incomplete or forged. Do not rely on it.",
    "undecided": "CANNOT DECIDE: nothing wrong was found, but something that must be checked could not be.",
}


@dataclasses.dataclass(frozen=True)
class Check:
    """The outcome of one step."""

    id: str
    outcome: str
    detail: str


@dataclasses.dataclass
class Report:
    """Collects outcomes; one failure outweighs everything, one doubt outweighs all proofs."""

    subject: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    checks: list[Check] = dataclasses.field(default_factory=list)
    limits: list[str] = dataclasses.field(default_factory=list)

    def add(self, check_id: str, outcome: str, detail: str) -> None:
        """Note the outcome of a step."""
        self.checks.append(Check(check_id, outcome, detail))

    def limit(self, text: str) -> None:
        """Note what this verification says nothing about."""
        self.limits.append(text)

    @property
    def verdict(self) -> str:
        """Return `verified`, `tampered` or `undecided`; with no checks at all it is undecided."""
        outcomes = {check.outcome for check in self.checks}
        if FAILED in outcomes:
            return "tampered"
        return "verified" if outcomes == {PROVED} else "undecided"

    @property
    def exit_code(self) -> int:
        """Return the exit status that stands for the verdict."""
        return _EXIT_CODES[self.verdict]

    def as_json(self) -> dict[str, Any]:
        """Return the report for programs."""
        return {
            "type": "modelcustody/verification-report/v1",
            "subject": self.subject,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "facts": self.facts,
            **{outcome: self._details(outcome) for outcome in (PROVED, FAILED, UNDECIDED)},
            "checks": [dataclasses.asdict(check) for check in self.checks],
            "limits": self.limits,
        }

    def _details(self, outcome: str) -> list[str]:
        return [check.detail for check in self.checks if check.outcome == outcome]

    def as_text(self) -> str:
        """Return the report for people; what came from the pack is shown without control characters."""
        lines = [f"{self.subject}", _VERDICTS[self.verdict], ""]
        lines += [f"  {name}: {value}" for name, value in self.facts.items()]
        lines += ["", "What was checked"]
        lines += [f"  {_MARKS[check.outcome]} {check.detail}" for check in self.checks]
        if self.limits:
            lines += ["", "What this cannot show"]
            lines += [f"  - {text}" for text in self.limits]
        return "\n".join(printable(line) for line in lines) + "\n"


def printable(text: str) -> str:
    """Return `text` with everything that could steer a terminal made visible."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
