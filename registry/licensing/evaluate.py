"""May this model be used in this way: the licenses of its whole lineage held against the facts. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping

from registry.licensing import detect, judgement, lineage
from registry.licensing.answer import Conflict, Due, EvaluationResult, Finding
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.judgement import Judgement
from registry.licensing.lineage import Ancestry, Burden
from registry.licensing.request import EvaluationRequest
from registry.licensing.situation import Situation
from registry.licensing.terms import Scope, State, Verdict


def evaluate(request: EvaluationRequest, catalog: Catalog) -> EvaluationResult:
    """Answer the question: the most restrictive verdict over the lineage, the union of the obligations."""
    ancestry = lineage.trace(request, catalog)
    own, findings = _own_licenses(request, ancestry, catalog)
    findings += [_cycle(model) for model in ancestry.cycles]
    obligations: dict[Due, None] = {}
    agreements: dict[str, None] = {}
    burdens = lineage.burdens(ancestry, own, catalog)
    for burden in burdens:
        findings.append(_reach(burden))
        for found in _judged(request, burden, catalog):
            findings += found.findings
            obligations |= dict.fromkeys(found.due)
            agreements |= dict.fromkeys(terms.id for terms in found.agreements)
    verdict = max(
        (finding.effect for finding in findings), key=lambda effect: effect.rank, default=Verdict.NEEDS_REVIEW
    )
    if obligations and verdict is Verdict.ALLOWED:
        verdict = Verdict.ALLOWED_WITH_OBLIGATIONS
    return EvaluationResult(
        verdict=verdict,
        effective_licenses=tuple(sorted({*(burden.license for burden in burdens), *agreements})),
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


def _judged(request: EvaluationRequest, burden: Burden, catalog: Catalog) -> Iterator[Judgement]:
    """Judge a license, and then the signed agreements that lifted something of it, which have terms of their own."""
    outputs_only = burden.scope is Scope.OUTPUTS_ONLY
    found = judgement.judge(
        catalog.get(burden.license), _situation(request, burden), catalog, outputs_only=outputs_only
    )
    yield found
    for license_id, agreement in {terms.id: terms for terms in found.agreements}.items():
        at = _situation(request, dataclasses.replace(burden, license=license_id))
        yield judgement.judge(agreement, at, catalog, outputs_only=outputs_only)


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
