"""May this model be used in this way: the licenses of its whole lineage held against the facts. Pure."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence

from registry.licensing import contradictions, judgement, lineage, ownership, reach
from registry.licensing.answer import Due, EvaluationResult, Finding
from registry.licensing.catalog import Catalog
from registry.licensing.contradictions import NamingDuty
from registry.licensing.judgement import Judgement
from registry.licensing.logic import both
from registry.licensing.ownership import Ownership
from registry.licensing.reach import Burden
from registry.licensing.request import EvaluationRequest
from registry.licensing.situation import Situation
from registry.licensing.terms import Scope, State, Verdict


def evaluate(request: EvaluationRequest, catalog: Catalog) -> EvaluationResult:
    """Answer the question: the most restrictive verdict over the lineage, the union of the obligations."""
    ancestry = lineage.trace(request, catalog)
    owners = ownership.owners(request, ancestry, catalog)
    reached = reach.reach(ancestry, {owned.model: owned.licenses for owned in owners}, catalog)
    conflicts = contradictions.declared_conflicts(owners, reached, lineage.subject(request), catalog)
    naming = contradictions.naming_conflicts(_naming_duties(request, reached.burdens, catalog))
    findings = [_source(owned) for owned in owners]
    findings += [_cycle(model) for model in ancestry.cycles]
    findings += [_hint(owned.model, hint) for owned in owners for hint in request.hints_of(owned.model)]
    findings += _unsaid(request)
    findings += contradictions.declared_findings(conflicts)
    findings += [finding for _, finding in naming]
    obligations: dict[Due, None] = {}
    licenses: dict[str, None] = {}
    for burden in reached.burdens:
        licenses[burden.license] = None
        findings.append(_reach(burden))
        for found in _judged(request, burden, catalog):
            findings += found.findings
            obligations |= dict.fromkeys(found.due)
            licenses |= dict.fromkeys(terms.id for terms in found.agreements)
    return EvaluationResult(
        verdict=_verdict(findings, obligations),
        effective_licenses=tuple(sorted(licenses)),
        obligations=tuple(obligations),
        findings=tuple(findings),
        conflicts=(*conflicts[: contradictions.LISTED], *(conflict for conflict, _ in naming)),
        missing_facts=tuple(sorted({fact for finding in findings for fact in finding.missing})),
        catalog_digest=catalog.catalog_digest,
    )


def _verdict(findings: Sequence[Finding], obligations: Collection[Due]) -> Verdict:
    worst = max((finding.effect for finding in findings), key=lambda effect: effect.rank)
    return Verdict.ALLOWED_WITH_OBLIGATIONS if obligations and worst is Verdict.ALLOWED else worst


def _source(owned: Ownership) -> Finding:
    """Return where the licenses of one model were learned."""
    return Finding(
        license=", ".join(owned.licenses),
        condition=owned.question,
        outcome=State.UNKNOWN if owned.is_open else State.MET,
        clause=None,
        reason=f"{owned.model}: {owned.reason}",
        effect=Verdict.NEEDS_REVIEW if owned.is_open else Verdict.ALLOWED,
        missing=owned.missing,
    )


def _hint(model: str, hint: str) -> Finding:
    """Return an open question about how a model was made; until someone answers it, the lineage is not known."""
    return Finding(
        license=None,
        condition="lineage_hint",
        outcome=State.UNKNOWN,
        clause=None,
        reason=f"{model} hints at a model that is not named as its ancestor: {hint}",
        effect=Verdict.NEEDS_REVIEW,
        missing=(f"lineage.{model}.ancestors",),
        remedy="State which model is meant, or that none is, with a reason.",
    )


def _unsaid(request: EvaluationRequest) -> Iterator[Finding]:
    """Return that a derivative is planned in a way that nobody stated: licenses tell students from fine-tunes."""
    if request.derivative.is_planned and request.derivative.relation is None:
        yield Finding(
            license=None,
            condition="derivative_relation",
            outcome=State.UNKNOWN,
            clause=None,
            reason="how the planned derivative is made is not stated; it is judged as a fine-tune meanwhile",
            effect=Verdict.NEEDS_REVIEW,
            missing=("derivative.relation",),
        )


def _cycle(model: str) -> Finding:
    return Finding(
        None,
        "lineage_cycle",
        State.UNKNOWN,
        None,
        f"{model} is among its own ancestors",
        Verdict.NEEDS_REVIEW,
    )


def _judged(request: EvaluationRequest, burden: Burden, catalog: Catalog) -> Iterator[Judgement]:
    """Judge a license, and the signed agreements that lifted something of it, or of one of them: each has its terms."""
    waiting, judged = [catalog.get(burden.license)], set[str]()
    while waiting:
        terms = waiting.pop(0)
        license_id = terms.id if judged else burden.license
        judged.add(terms.id)
        at = _situation(request, dataclasses.replace(burden, license=license_id))
        found = judgement.judge(terms, at, catalog, outputs_only=burden.scope is Scope.OUTPUTS_ONLY)
        yield found
        more = {agreement.id: agreement for agreement in found.agreements}
        waiting += [one for one in more.values() if one.id not in judged | {item.id for item in waiting}]


def _situation(request: EvaluationRequest, burden: Burden) -> Situation:
    return Situation(
        org=request.org,
        use=request.use,
        plan=request.derivative,
        on=request.evaluation_date,
        model=request.model,
        license=burden.license,
        models=burden.models,
        derived=any(model != lineage.subject(request) for model in burden.models),
        learned=burden.learned,
    )


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


def _naming_duties(
    request: EvaluationRequest, burdens: tuple[Burden, ...], catalog: Catalog
) -> Iterator[NamingDuty]:
    """Every license that wants to begin the model's name, unless a signed agreement lifts that."""
    for burden in burdens:
        at = _situation(request, burden)
        for condition in catalog.get(burden.license).conditions:
            if condition.kind != "name_prefix" or (
                burden.scope is Scope.OUTPUTS_ONLY and not condition.on_outputs
            ):
                continue
            if not judgement.is_lifted(condition, at, catalog):
                due = both(condition.applies.holds(at), condition.parameters.concerns(at))
                yield NamingDuty(burden.license, condition.parameters.prefix, condition.clause, due)
