"""The answer of an evaluation: verdict, findings, obligations, conflicts, as the contract spells them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.licensing.terms import Obligation, State, Verdict

# So many ancestors are named in a sentence.
NAMED = 10


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: a condition, or something about the lineage."""

    license: str | None
    condition: str
    outcome: State
    clause: str | None
    reason: str
    effect: Verdict = Verdict.ALLOWED
    facts_used: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    curable: bool = False
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the finding as the contract spells it."""
        return {
            "license": self.license,
            "condition": self.condition,
            "outcome": self.outcome.value,
            "clause": self.clause,
            "facts_used": dict(self.facts_used),
            "reason": self.reason,
            "curable": self.curable,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Due:
    """An obligation that the use triggers, or may trigger, and the license that it comes from."""

    license: str
    obligation: Obligation

    def to_json(self) -> dict[str, Any]:
        """Return the obligation as the contract spells it."""
        item = self.obligation
        return {
            "id": item.id,
            "license": self.license,
            "do": item.do,
            "evidence": item.evidence,
            "evidence_kind": item.evidence_kind.value,
            "clause": item.clause,
        }


@dataclass(frozen=True)
class Conflict:
    """A card that claims more freedom than an ancestor leaves."""

    model: str
    declared: tuple[str, ...]
    imposed: str
    ancestors: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the conflict as the contract spells it."""
        return {
            "kind": "declared_license_conflict",
            "model": self.model,
            "declared": list(self.declared),
            "imposed": self.imposed,
            "ancestors": list(self.ancestors),
            "reason": self.reason,
        }

    @property
    def reason(self) -> str:
        """The conflict in words; of many ancestors a few are named."""
        shown = ", ".join(self.ancestors[:NAMED])
        more = f" and {len(self.ancestors) - NAMED} more" if len(self.ancestors) > NAMED else ""
        return (
            f"{self.model} is declared as {', '.join(self.declared)}, but {self.imposed} comes with "
            f"{shown}{more} and applies all the same"
        )


@dataclass(frozen=True)
class NamingConflict:
    """Two licenses that both want to begin the model's name."""

    licenses: tuple[str, str]
    prefixes: tuple[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the conflict as the contract spells it."""
        return {
            "kind": "naming_conflict",
            "licenses": list(self.licenses),
            "prefixes": list(self.prefixes),
            "reason": self.reason,
        }

    @property
    def reason(self) -> str:
        """The conflict in words."""
        (one, other), (first, second) = self.licenses, self.prefixes
        return f'no name begins with both "{first}" ({one}) and "{second}" ({other})'


@dataclass(frozen=True)
class EvaluationResult:
    """The verdict, and everything that it rests on."""

    verdict: Verdict
    effective_licenses: tuple[str, ...]
    obligations: tuple[Due, ...]
    findings: tuple[Finding, ...]
    conflicts: tuple[Conflict | NamingConflict, ...]
    missing_facts: tuple[str, ...]
    catalog_digest: str

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the contract spells it."""
        return {
            "verdict": self.verdict.value,
            "effective_licenses": list(self.effective_licenses),
            "obligations": [due.to_json() for due in self.obligations],
            "findings": [finding.to_json() for finding in self.findings],
            "conflicts": [conflict.to_json() for conflict in self.conflicts],
            "missing_facts": list(self.missing_facts),
            "catalog_digest": self.catalog_digest,
        }
