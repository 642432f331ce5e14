"""What a version lacks for an approval, by the same checks that admission makes."""

from datetime import datetime

from governance.policy.document import Policy
from registry import standing
from registry.admission import checks
from registry.admission.offer import Offer
from registry.admission.question import Question, Reason
from registry.models import Evaluation, ModelVersion, ServingEnvironment

# Asked of a node, or answered by the approval itself.
NOT_ASKED = frozenset({"environment and region", "approval", "suspension", "files"})
LICENSE = "license"


def shortcomings(
    *,
    version: ModelVersion,
    environment: ServingEnvironment,
    purpose: str,
    policy: Policy,
    evaluation: Evaluation,
    now: datetime,
) -> tuple[list[Reason], list[Reason]]:
    """The reasons against an approval: those of the evidence, and those of the licence."""
    offer = Offer(environment=environment.name, purpose=purpose, model_digest=version.model_digest or "")
    candidate = standing.candidate(
        version,
        approvals=(),
        license_evidence=standing.license_evidence(evaluation.result),
        question=evaluation.request,
    )
    question = Question(offer, candidate, policy, None, now)
    evidence: list[Reason] = []
    terms: list[Reason] = []
    for check in checks.CHECKS:
        if check.name not in NOT_ASKED:
            (terms if check.name == LICENSE else evidence).extend(_found(check, question))
    return evidence, terms


def _found(check: checks.Check, question: Question) -> list[Reason]:
    """What a check says; one that says nothing that can be read has not passed."""
    found = check.reasons(question)
    if isinstance(found, list) and all(isinstance(item, Reason) for item in found):
        return found
    return [Reason(check.code, f"The check of the {check.name} could not be carried out.", question.page)]


def listed(reasons: list[Reason]) -> list[dict[str, str | None]]:
    """Reasons as a problem document shows them."""
    return [
        {"code": reason.code, "message": reason.message, "evidence_url": reason.evidence}
        for reason in reasons
    ]
