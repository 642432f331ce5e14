"""One license held against one situation: its conditions, what signed agreements lift of them, its obligations. Pure."""

from dataclasses import dataclass, field

from registry.licensing import triggers
from registry.licensing.answer import Due, Finding
from registry.licensing.catalog import Catalog
from registry.licensing.logic import NO, YES, Truth
from registry.licensing.names import matches
from registry.licensing.situation import Outcome, Situation
from registry.licensing.terms import Condition, Grant, License, Obligation, State, Verdict

_EFFECTLESS = {State.MET: Verdict.ALLOWED, State.UNKNOWN: Verdict.NEEDS_REVIEW}


@dataclass(frozen=True)
class Judgement:
    """What came of a license: findings, obligations, and the agreements that lifted something."""

    findings: list[Finding] = field(default_factory=list)
    due: list[Due] = field(default_factory=list)
    agreements: list[License] = field(default_factory=list)


def judge(terms: License, at: Situation, catalog: Catalog, *, outputs_only: bool) -> Judgement:
    """Hold every term that applies against the situation."""
    found = Judgement()
    for condition in terms.conditions:
        if condition.on_outputs or not outputs_only:
            _judge_condition(condition, at, catalog, into=found)
    for obligation in terms.obligations:
        if obligation.on_outputs or not outputs_only:
            _judge_obligation(obligation, at, into=found)
    return found


def _judge_condition(condition: Condition, at: Situation, catalog: Catalog, *, into: Judgement) -> None:
    outcome = within(condition, at)
    finding = Finding(
        license=at.license,
        condition=condition.kind,
        outcome=outcome.state,
        clause=condition.clause,
        reason=outcome.reason,
        effect=_EFFECTLESS.get(outcome.state, condition.effect),
        facts_used=outcome.facts_used,
        missing=outcome.missing,
        curable=condition.curable and outcome.state is State.VIOLATED,
        remedy=condition.remedy if outcome.state is not State.MET else None,
    )
    if outcome.state is not State.MET:
        for agreement, grant in catalog.grants.get(at.license, ()):
            concerns = _concerns(grant, condition, at)
            if concerns.value is False:
                continue
            finding = _lifted(finding, agreement, grant, concerns)
            if concerns.value:
                into.agreements.append(agreement)
                break
    into.findings.append(finding)


def is_lifted(condition: Condition, at: Situation, catalog: Catalog) -> bool:
    """Whether a signed agreement lifts a condition, for certain."""
    return any(_concerns(grant, condition, at).value for _, grant in catalog.grants.get(at.license, ()))


def within(condition: Condition, at: Situation) -> Outcome:
    """Return the outcome of a condition inside its gate: outside it is met, at an unknown gate at most unknown."""
    gate: Truth = condition.applies.holds(at)
    if gate.value is False:
        return Outcome(State.MET, "does not concern this use", (), condition.applies.facts(at))
    inner: Outcome = condition.parameters.check(at)
    used = {**condition.applies.facts(at), **inner.facts_used}
    if gate.value or inner.state is State.MET:
        return Outcome(inner.state, inner.reason, inner.missing, used)
    missing = tuple(sorted({*gate.missing, *inner.missing}))
    return Outcome(State.UNKNOWN, f"cannot be decided without {', '.join(missing)}", missing, used)


def _concerns(grant: Grant, condition: Condition, at: Situation) -> Truth:
    """Whether an agreement lifts a condition for every model that brings it; the licensee must be the one named."""
    in_time = (grant.effective_on is None or grant.effective_on <= at.on) and (
        grant.expires_on is None or at.on <= grant.expires_on
    )
    if not in_time or condition.kind not in grant.conditions:
        return NO
    if not at.models or not all(matches(model, grant.models) for model in at.models):
        return NO
    if not grant.licensees:
        return YES
    entity = at.org.licensee_entity
    return Truth.of(None if entity is None else entity in grant.licensees, "org.licensee_entity")


def _lifted(finding: Finding, agreement: License, grant: Grant, concerns: Truth) -> Finding:
    until = f" until {grant.expires_on}" if grant.expires_on else ""
    if concerns.value:
        return Finding(
            license=finding.license,
            condition=finding.condition,
            outcome=State.MET,
            clause=finding.clause,
            reason=f"lifted by {agreement.id} ({grant.reference}){until}; without it: {finding.reason}",
            facts_used=finding.facts_used,
        )
    return Finding(
        license=finding.license,
        condition=finding.condition,
        outcome=State.UNKNOWN,
        clause=finding.clause,
        reason=f"{finding.reason}; {agreement.id} lifts it{until} if the licensee is {' or '.join(grant.licensees)}",
        effect=max(Verdict.NEEDS_REVIEW, finding.effect, key=lambda effect: effect.rank),
        facts_used=finding.facts_used,
        missing=tuple(sorted({*finding.missing, *concerns.missing})),
        remedy=finding.remedy,
    )


def _judge_obligation(obligation: Obligation, at: Situation, *, into: Judgement) -> None:
    """Add an obligation that is due, or may be; one behind a threshold that nobody can decide needs a review too."""
    if (
        not triggers.is_due(obligation.trigger, at.use, at.plan)
        or obligation.applies.holds(at).value is False
    ):
        return
    if not obligation.above:
        into.due.append(Due(at.license, obligation))
        return
    passed = [threshold.check(at) for threshold in obligation.above]
    states = {outcome.state for outcome in passed}
    if states == {State.MET}:
        return
    into.due.append(Due(at.license, obligation))
    if State.VIOLATED not in states:
        into.findings.append(_undecided(obligation, passed, at))


def _undecided(obligation: Obligation, passed: list[Outcome], at: Situation) -> Finding:
    missing = tuple(sorted({fact for outcome in passed for fact in outcome.missing}))
    return Finding(
        license=at.license,
        condition="obligation_threshold",
        outcome=State.UNKNOWN,
        clause=obligation.clause,
        reason=f"whether {obligation.id} is due cannot be decided without {', '.join(missing)}",
        effect=Verdict.NEEDS_REVIEW,
        facts_used={name: value for outcome in passed for name, value in outcome.facts_used.items()},
        missing=missing,
    )
