"""May this model be used in this way: the licenses of its whole lineage held against the facts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.licensing import detect, lineage, triggers
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.lineage import Ancestry, Burden
from registry.licensing.request import EvaluationRequest
from registry.licensing.situation import Outcome, Situation
from registry.licensing.terms import Condition, License, Obligation, Scope, State, Verdict


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
            "reason": f"{self.model} is declared as {', '.join(self.declared)}, but {self.imposed} comes with "
            f"{', '.join(self.ancestors)} and applies all the same",
        }


@dataclass(frozen=True)
class EvaluationResult:
    """The verdict, and everything that it rests on."""

    verdict: Verdict
    effective_licenses: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    findings: tuple[Finding, ...]
    conflicts: tuple[Conflict, ...]
    missing_facts: tuple[str, ...]
    catalog_digest: str

    def to_json(self) -> dict[str, Any]:
        """Return the answer as the contract spells it."""
        return {
            "verdict": self.verdict.value,
            "effective_licenses": list(self.effective_licenses),
            "obligations": [item.to_json() for item in self.obligations],
            "findings": [finding.to_json() for finding in self.findings],
            "conflicts": [conflict.to_json() for conflict in self.conflicts],
            "missing_facts": list(self.missing_facts),
            "catalog_digest": self.catalog_digest,
        }


def evaluate(request: EvaluationRequest, catalog: Catalog) -> EvaluationResult:
    """Answer the question: the most restrictive verdict over the lineage, the union of the obligations."""
    ancestry = lineage.trace(request, catalog)
    own, findings = _own_licenses(request, ancestry, catalog)
    findings += [_cycle(model) for model in ancestry.cycles]
    obligations: dict[Obligation, None] = {}
    burdens = lineage.burdens(ancestry, own, catalog)
    for burden in burdens:
        terms = catalog.get(burden.license)
        findings += _license_findings(request, burden, terms)
        obligations |= dict.fromkeys(_due(request, burden, terms))
    verdict = max(
        (finding.effect for finding in findings), key=lambda effect: effect.rank, default=Verdict.NEEDS_REVIEW
    )
    if obligations and verdict is Verdict.ALLOWED:
        verdict = Verdict.ALLOWED_WITH_OBLIGATIONS
    return EvaluationResult(
        verdict=verdict,
        effective_licenses=tuple(burden.license for burden in burdens),
        obligations=tuple(obligations),
        findings=tuple(findings),
        conflicts=_conflicts(request, own, burdens, catalog),
        missing_facts=tuple(sorted({fact for finding in findings for fact in finding.missing})),
        catalog_digest=catalog.catalog_digest,
    )


def _own_licenses(
    request: EvaluationRequest, ancestry: Ancestry, catalog: Catalog
) -> tuple[dict[str, tuple[str, ...]], list[Finding]]:
    """Return the licenses that each model is itself under, and a finding on where each of them was learned."""
    own: dict[str, tuple[str, ...]] = {}
    findings = []
    for model in ancestry.models:
        if model == lineage.PLANNED:
            continue
        own[model], reason = _licenses_of(model, request, catalog)
        unknown = [item for item in own[model] if item == UNKNOWN or item not in catalog.licenses]
        findings.append(
            Finding(
                license=", ".join(own[model]),
                condition="license_source" if model == lineage.subject(request) else "ancestor_license",
                outcome=State.UNKNOWN if unknown else State.MET,
                clause=None,
                reason=f"{model}: {reason}",
                effect=Verdict.NEEDS_REVIEW if unknown else Verdict.ALLOWED,
            )
        )
    return own, findings


def _licenses_of(model: str, request: EvaluationRequest, catalog: Catalog) -> tuple[tuple[str, ...], str]:
    """Return the licenses of one model: as given, else as the registry concluded, else as declared and inferred."""
    is_subject = model == lineage.subject(request)
    if is_subject and request.licenses:
        return tuple(sorted(request.licenses)), "given with the question"
    inferred = detect.repository_licenses(model, catalog)
    if concluded := request.known.get(model):
        # Anyone may register a folder under a publisher's name: what it says never lifts what the name is known for.
        more = sorted(set(inferred) - set(concluded))
        reason = f"; inferred from the repository: {', '.join(more)}" if more else ""
        return tuple(sorted({*concluded, *more})), f"concluded by the registry{reason}"
    if is_subject and request.declared.licenses:
        declared = detect.declared_licenses(request.declared, model, catalog)
        both = tuple(sorted({*declared.licenses, *inferred} - ({UNKNOWN} if inferred else set())))
        return both, declared.reason + (
            f"; inferred from the repository: {', '.join(inferred)}" if inferred else ""
        )
    if inferred:
        return inferred, "inferred from the repository"
    return (UNKNOWN,), "no license is known"


def _cycle(model: str) -> Finding:
    return Finding(
        None,
        "lineage_cycle",
        State.UNKNOWN,
        None,
        f"{model} is among its own ancestors",
        Verdict.NEEDS_REVIEW,
    )


def _license_findings(request: EvaluationRequest, burden: Burden, terms: License) -> list[Finding]:
    situation = Situation(
        request.org, request.use, request.derivative, request.evaluation_date, request.model, burden.models
    )
    applying = [
        condition
        for condition in terms.conditions
        if burden.scope is not Scope.OUTPUTS_ONLY or condition.on_outputs
    ]
    return [
        _reach(burden),
        *(
            _judged(burden.license, condition, condition.parameters.check(situation))
            for condition in applying
        ),
    ]


def _reach(burden: Burden) -> Finding:
    """Return what the license says of the way in which the model was made."""
    state, effect = {
        Scope.NEEDS_REVIEW: (State.UNKNOWN, Verdict.NEEDS_REVIEW),
        Scope.PROHIBITED: (State.VIOLATED, Verdict.PROHIBITED),
    }.get(burden.scope, (State.MET, Verdict.ALLOWED))
    reason = {
        Scope.NEEDS_REVIEW: "the license does not settle whether it reaches models made in this way",
        Scope.PROHIBITED: "the license forbids making other models in this way",
        Scope.OUTPUTS_ONLY: "only the terms on models trained with outputs apply",
    }.get(burden.scope, "the license applies")
    return Finding(burden.license, "scope", state, None, f"{reason}; from {', '.join(burden.models)}", effect)


def _judged(license_id: str, condition: Condition, outcome: Outcome) -> Finding:
    effect = {
        State.MET: Verdict.ALLOWED,
        State.UNKNOWN: Verdict.NEEDS_REVIEW,
        State.VIOLATED: condition.effect,
    }[outcome.state]
    return Finding(
        license=license_id,
        condition=condition.kind,
        outcome=outcome.state,
        clause=condition.clause,
        reason=outcome.reason,
        effect=effect,
        facts_used=outcome.facts_used,
        missing=outcome.missing,
        curable=condition.curable and outcome.state is State.VIOLATED,
        remedy=condition.remedy if outcome.state is not State.MET else None,
    )


def _due(request: EvaluationRequest, burden: Burden, terms: License) -> list[Obligation]:
    """Return the obligations that the use triggers, or may trigger."""
    return [
        obligation
        for obligation in terms.obligations
        if (burden.scope is not Scope.OUTPUTS_ONLY or obligation.on_outputs)
        and triggers.is_due(obligation.trigger, request.use, request.derivative)
    ]


def _conflicts(
    request: EvaluationRequest,
    own: Mapping[str, tuple[str, ...]],
    burdens: tuple[Burden, ...],
    catalog: Catalog,
) -> tuple[Conflict, ...]:
    model = lineage.subject(request)
    declared = own[model]
    if request.declared.licenses and not request.licenses:
        declared = detect.declared_licenses(request.declared, model, catalog).licenses
    freedom = max(catalog.get(item).category.rank for item in declared)
    return tuple(
        Conflict(model, declared, burden.license, burden.models)
        for burden in burdens
        if burden.license not in declared and catalog.get(burden.license).category.rank > freedom
    )
