"""Whether somebody has approved this use, and until when that counts. Pure."""

from datetime import datetime, timedelta

from governance.policy.document import Policy
from registry.admission.axes import ApprovalEvidence
from registry.admission.question import Question, Reason


def approval_end(approval: ApprovalEvidence, policy: Policy) -> datetime | None:
    """When an approval stops to count: at its own end, or when the policy finds it too old."""
    if approval.decided_at is None or approval.expires_at is None:
        return None
    return min(approval.expires_at, approval.decided_at + timedelta(days=policy.approval_max_days))


def is_live(approval: ApprovalEvidence, question: Question) -> bool:
    """Return whether the approval counts at this moment."""
    end = approval_end(approval, question.policy)
    if end is None or approval.decided_at is None:
        return False
    return approval.decided_at <= question.now < end


def approval(question: Question) -> ApprovalEvidence | None:
    """Return the approval that carries an allow, the longest one first."""
    offer, digest = question.offer, question.candidate.manifest_digest
    fitting = [
        item
        for item in question.candidate.approvals
        if (item.environment, item.purpose) == (offer.environment, offer.purpose)
        and item.status == "approved"
        and digest is not None
        and item.manifest_digest == digest
        and is_live(item, question)
    ]
    return max(fitting, key=lambda item: (approval_end(item, question.policy), item.id), default=None)


def approved(question: Question) -> list[Reason]:
    """Return why no approval carries this use: none when one does."""
    if approval(question) is not None:
        return []
    offer, every = question.offer, question.candidate.approvals
    asked = [item for item in every if (item.environment, item.purpose) == (offer.environment, offer.purpose)]
    given = [item for item in asked if item.status in ("approved", "expired")]
    if given:
        return [_not_live(max(given, key=lambda item: item.id), question)]
    if asked:
        return [
            Reason(
                "not_approved", "The approval for this use was not given, or was taken back.", question.page
            )
        ]
    return [_elsewhere(question)]


def unsuspended(question: Question) -> list[Reason]:
    """Return why the approval that would carry this use admits nothing for now."""
    found = approval(question)
    if found is None or not found.suspended:
        return []
    text = f"The approval is {found.suspended} A reviewer must lift the suspension."
    return [Reason("license_condition_failed", text, f"/approvals/{found.id}")]


def _elsewhere(question: Question) -> Reason:
    """Return what the version is approved for instead, if anything."""
    offer = question.offer
    given = [
        item for item in question.candidate.approvals if item.status == "approved" and is_live(item, question)
    ]
    purposes = sorted({item.purpose for item in given if item.environment == offer.environment})
    if purposes:
        text = f"Approved for {', '.join(purposes)}, not for {offer.purpose}."
        return Reason("out_of_scope_purpose", text, question.page)
    if given:
        text = f"Approved for {', '.join(sorted({item.environment for item in given}))}, not for {offer.environment}."
        return Reason("out_of_scope_environment", text, question.page)
    return Reason("not_approved", "Nobody has approved this version for this use.", question.page)


def _not_live(approval: ApprovalEvidence, question: Question) -> Reason:
    page = f"/approvals/{approval.id}"
    if approval.manifest_digest != question.candidate.manifest_digest:
        return Reason("not_approved", "The approval was given for other files.", page)
    end = approval_end(approval, question.policy)
    if end is None or (approval.decided_at is not None and approval.decided_at > question.now):
        return Reason("not_approved", "The approval has no believable time.", page)
    return Reason("approval_expired", f"The approval ended on {end:%Y-%m-%d at %H:%M} UTC.", page)
