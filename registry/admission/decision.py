"""May this node serve these files, here, for this purpose, now: allow, or every reason why not. Pure.

The decision is the list of named checks in `checks.CHECKS`; `allow` needs every one of them to have returned no
reason. A check that breaks, or that cannot know, does not pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from governance.policy import origin_rules
from governance.policy.document import Policy
from governance.policy.origin_rules import OriginFact
from registry.admission import approvals, checks
from registry.admission.axes import ApprovalEvidence, Candidate
from registry.admission.offer import Offer
from registry.admission.question import Environment, Question, Reason

_UNUSABLE = ("revoked", "quarantined")


@dataclass(frozen=True)
class AdmissionDecision:
    """The answer, complete but for the id that the caller gives it."""

    decision: str
    version_id: int | None
    model_version: str | None
    model_digest: str
    approval_id: int | None
    policy_digest: str
    reasons: tuple[Reason, ...]
    obligations: tuple[Any, ...]
    expires_at: datetime | None
    mode: str
    origin: tuple[OriginFact, ...] | None = None

    def to_json(self, *, admission_id: str, evidence_base: str = "") -> dict[str, Any]:
        """Return the answer as the contract spells it; evidence addresses begin with the base."""
        return {
            "decision": self.decision,
            "admission_id": admission_id,
            "model_version": self.model_version,
            "model_digest": self.model_digest,
            "approval_id": self.approval_id,
            "policy_digest": self.policy_digest,
            "reasons": [
                {
                    "code": reason.code,
                    "message": reason.message,
                    "evidence_url": evidence_base + reason.evidence if reason.evidence else None,
                }
                for reason in self.reasons
            ],
            "obligations": [dict(item) for item in self.obligations],
            "expires_at": self.expires_at.isoformat().replace("+00:00", "Z") if self.expires_at else None,
            "mode": self.mode,
        }


def decide(
    offer: Offer,
    *,
    candidates: Iterable[Candidate],
    policy: Policy,
    environment: Environment | None,
    now: datetime,
) -> AdmissionDecision:
    """Return the decision on an offer, given the versions with its digest, or else the closest one."""
    judged = [
        (candidate, _reasons(Question(offer, candidate, policy, environment, now)))
        for candidate in candidates
    ]
    if not judged:
        reason = Reason("not_registered", "No registered version has these files.")
        return _answer(offer, policy, candidate=None, reasons=(reason,))
    candidate, reasons = min(judged, key=lambda item: _order(offer, *item))
    if not reasons:
        candidate, reasons = _withdrawn(offer, judged) or (candidate, reasons)
    if reasons:
        return _answer(offer, policy, candidate=candidate, reasons=reasons)
    return _allow(Question(offer, candidate, policy, environment, now))


def _withdrawn(
    offer: Offer, judged: list[tuple[Candidate, tuple[Reason, ...]]]
) -> tuple[Candidate, tuple[Reason, ...]] | None:
    """A version of the same model digest that was taken out of use: another README does not bring it back."""
    for candidate, reasons in judged:
        if candidate.status in _UNUSABLE and candidate.model_digest == offer.model_digest:
            said = tuple(reason for reason in reasons if reason.code in _UNUSABLE)
            plain = Reason(candidate.status, f"A version with the same model digest is {candidate.status}.")
            return candidate, said or (plain,)
    return None


def _order(offer: Offer, candidate: Candidate, reasons: tuple[Reason, ...]) -> tuple[bool, bool, int, int]:
    """Rank the versions: those with the offered files first; among versions of one content a withdrawn one speaks for all."""
    same = candidate.model_digest == offer.model_digest and not any(
        reason.code in checks.FILE_CODES for reason in reasons
    )
    return not same, candidate.status not in _UNUSABLE, len(reasons), -candidate.version_id


def _reasons(question: Question) -> tuple[Reason, ...]:
    found: list[Reason] = []
    for check in checks.CHECKS:
        found += _carried_out(check, question)
    return tuple(dict.fromkeys(found))


def _carried_out(check: checks.Check, question: Question) -> tuple[Reason, ...]:
    broken = Reason(check.code, f"The check of the {check.name} could not be carried out.", question.page)
    try:
        found = check.reasons(question)
    except Exception:  # noqa: BLE001 - whatever breaks, the answer is no
        return (broken,)
    return (
        tuple(found)
        if isinstance(found, list) and all(isinstance(item, Reason) for item in found)
        else (broken,)
    )


def _allow(question: Question) -> AdmissionDecision:
    approval = approvals.approval(question)
    if approval is None:  # cannot be: the check of the approval has passed
        reason = Reason("not_approved", "The approval could not be found again.", question.page)
        return _answer(question.offer, question.policy, candidate=question.candidate, reasons=(reason,))
    return _answer(
        question.offer,
        question.policy,
        candidate=question.candidate,
        approval_id=approval.id,
        expires_at=_expiry(question, approval),
    )


def _answer(
    offer: Offer,
    policy: Policy,
    *,
    candidate: Candidate | None,
    reasons: tuple[Reason, ...] = (),
    approval_id: int | None = None,
    expires_at: datetime | None = None,
) -> AdmissionDecision:
    evaluated = candidate.license if candidate else None
    return AdmissionDecision(
        decision="allow" if approval_id is not None and expires_at is not None and not reasons else "deny",
        version_id=candidate.version_id if candidate else None,
        model_version=candidate.name if candidate else None,
        model_digest=offer.model_digest,
        approval_id=approval_id,
        policy_digest=policy.policy_digest,
        reasons=reasons,
        obligations=evaluated.obligations if evaluated else (),
        expires_at=expires_at,
        mode=policy.mode.value,
        origin=_origin(candidate, policy),
    )


def _origin(candidate: Candidate | None, policy: Policy) -> tuple[OriginFact, ...] | None:
    """Where the model comes from, with what the policy declares: as it was judged."""
    if candidate is None or candidate.origin is None:
        return None
    return origin_rules.corrected(candidate.origin, policy.origin)


def _expiry(question: Question, approval: ApprovalEvidence) -> datetime:
    """How long the allow may be relied on: no longer than anything that it rests on."""
    policy, candidate = question.policy, question.candidate
    ends = [question.now + timedelta(minutes=policy.ttl_minutes), approvals.approval_end(approval, policy)]
    if candidate.verification and candidate.verification.finished_at:
        ends.append(candidate.verification.finished_at + timedelta(days=policy.verification_max_age_days))
    if policy.smoke_required and candidate.smoke and candidate.smoke.finished_at:
        ends.append(candidate.smoke.finished_at + timedelta(days=policy.smoke_max_age_days))
    return min(end for end in ends if end is not None)
