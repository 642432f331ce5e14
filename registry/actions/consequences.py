"""What follows from evaluating approvals again: alerts, and by policy suspensions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from audit import log
from governance.actions import policies
from governance.models import PolicyDocument
from governance.policy.document import Policy, WorseVerdict
from registry.actions import alerts, obligations, suspensions
from registry.actions.alerts import RAISED_BY, Settled, Wanted
from registry.bulk_evaluation import Failure
from registry.licensing import change
from registry.licensing.change import Direction
from registry.licensing.terms import Verdict
from registry.lifecycle import Severity
from registry.models import AlertKind, Approval, Evaluation, ModelVersion, Reevaluation


@dataclass(frozen=True)
class Outcome:
    """One approval, evaluated again."""

    approval: Approval
    # The evaluation before this one.
    was: Evaluation
    # The evaluation that holds now, new or confirmed; None where it failed.
    now: Evaluation | None
    failure: Failure | None = None

    @property
    def counted(self) -> str:
        """Which count of the campaign it adds to."""
        return str(change.direction(self.was.result, self.now.result)) if self.now else "failed"


def follow(outcomes: list[Outcome], *, reevaluation: Reevaluation, now: datetime) -> list[log.Decision]:
    """Work on obligations, suspensions and alerts that follow from the outcomes; none for approvals that ended meanwhile.

    In this order, in which those who end approvals write too: versions, approvals, alerts. So nobody waits in a circle.
    """
    changed = [
        (outcome.approval, outcome.now)
        for outcome in outcomes
        if outcome.now is not None and outcome.now.result["obligations"] != outcome.was.result["obligations"]
    ]
    _hold_versions({approval.version_id for approval, _ in changed})
    standing = _hold_approvals([outcome.approval.pk for outcome in outcomes])
    outcomes = [outcome for outcome in outcomes if outcome.approval.pk in standing]
    obliged = [found for approval, found in changed if approval.pk in standing]
    if obliged:
        obligations.open_many(evaluations=obliged, actor=RAISED_BY, now=now)
    try:
        policy_row, policy = policies.in_force()
    except policies.NoPolicy:
        policy_row, policy = None, None
    decisions: list[log.Decision] = []
    if policy_row is not None and policy is not None and policy.on_worse_verdict is WorseVerdict.SUSPEND:
        decisions = _suspended(outcomes, policy_row, policy, now=now)
    settled = [_settled(outcome, policy=policy) for outcome in outcomes]
    return decisions + alerts.settle(settled, reevaluation=reevaluation, now=now)[1]


def _hold_versions(ids: Collection[int]) -> None:
    """Take all locks that opening work takes, in one order."""
    list(
        ModelVersion.objects.select_for_update(of=["self"])
        .filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk")
    )


def _hold_approvals(ids: list[int]) -> set[int]:
    """Those that are still given; nobody ends them until this transaction is over, and admissions do not wait."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM registry_approval WHERE id = ANY(%s) AND status = 'approved' ORDER BY id FOR SHARE",
            [ids],
        )
        return {row[0] for row in cursor.fetchall()}


def _suspended(
    outcomes: list[Outcome], policy_row: PolicyDocument, policy: Policy, *, now: datetime
) -> list[log.Decision]:
    found = [
        suspensions.Found(outcome.approval, outcome.now, _worse_words(outcome.approval, outcome.now))
        for outcome in outcomes
        if outcome.now is not None
        and _is_worse(outcome.approval, outcome.now)
        and outcome.now.verdict not in policy.accepted_verdicts
    ]
    return suspensions.suspend(found, policy=policy_row, now=now)[1] if found else []


def _settled(outcome: Outcome, *, policy: Policy | None) -> Settled:
    """The alerts that are to stand for an approval: what is the case now against what two people approved."""
    approval, now = outcome.approval, outcome.now
    if now is None:
        # What an alert said before is as unknown as everything else, and stands.
        return Settled(approval, (_failed(outcome),), frozenset({AlertKind.NOT_EVALUATED}))
    added = change.new_obligations(approval.evaluation.result, now.result)
    if _is_worse(approval, now):
        return Settled(approval, (_worse(approval, now, added, policy=policy),))
    return Settled(approval, (_obliged(approval, now, added),) if added else ())


def _is_worse(approval: Approval, now: Evaluation) -> bool:
    return change.direction(approval.evaluation.result, now.result) is Direction.WORSE


def _worse(
    approval: Approval, now: Evaluation, added: list[Mapping[str, Any]], *, policy: Policy | None
) -> Wanted:
    if policy is not None and now.verdict in policy.accepted_verdicts:
        severity = Severity.MEDIUM
    else:
        severity = Severity.CRITICAL if now.verdict == Verdict.PROHIBITED else Severity.HIGH
    facts = {"was": approval.evaluation.verdict, "now": now.verdict, "new_obligations": _named(added)}
    return Wanted(AlertKind.VERDICT_WORSE, severity, _worse_words(approval, now), facts, now)


def _worse_words(approval: Approval, now: Evaluation) -> str:
    was, is_now = approval.evaluation.verdict.replace("_", " "), now.verdict.replace("_", " ")
    reasons = change.why(now.result)
    return f"The licence verdict was {was} when this was approved, and is {is_now} now{f': {reasons}' if reasons else ''}."


def _obliged(approval: Approval, now: Evaluation, added: list[Mapping[str, Any]]) -> Wanted:
    words = "; ".join(str(item["do"]) for item in added[: change.REASONS_SHOWN])
    more = len(added) - change.REASONS_SHOWN
    message = f"The licence asks for more than when this was approved: {words}{f' (and {more} more)' if more > 0 else ''}"
    return Wanted(AlertKind.NEW_OBLIGATIONS, Severity.LOW, message, {"new_obligations": _named(added)}, now)


def _named(added: list[Mapping[str, Any]]) -> list[list[object]]:
    return sorted([[str(item.get("license") or ""), str(item["id"]), str(item["clause"])] for item in added])


def _failed(outcome: Outcome) -> Wanted:
    failure = outcome.failure
    code, message = (failure.code, failure.message) if failure else ("evaluation_failed", "")
    return Wanted(
        AlertKind.NOT_EVALUATED,
        Severity.HIGH,
        f"The licence could not be evaluated again, so nothing is known of it now: {message}",
        {"code": code},
    )
