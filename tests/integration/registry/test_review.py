from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from governance.actions import policies
from governance.actors import Actor
from governance.errors import Forbidden, GovernanceError, InvalidInput
from governance.models import User
from governance.permissions import Role, Scope
from registry import models
from registry.actions import custody, review
from registry.lifecycle import Outcome
from tests import decisions, factories
from tests.reviewing import NOW, Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db


def refused(desk: Desk, **changes: Any) -> GovernanceError:
    """The refusal of a request; nothing was written."""
    approvals, entries = models.Approval.objects.count(), decisions.count()
    with pytest.raises(GovernanceError) as caught, transaction.atomic():
        desk.request(**changes)
    assert (models.Approval.objects.count(), decisions.count()) == (approvals, entries)
    return caught.value


def test_request_binds_what_was_seen() -> None:
    desk = open_desk()

    approval = desk.request()

    assert approval.status == "requested"
    assert approval.manifest_digest == desk.version.manifest_digest
    assert approval.verification_run == desk.version.verificationruns.get()
    assert approval.smoke_run == desk.version.smokeruns.get()
    assert approval.policy == desk.policy
    assert approval.evaluation.verdict == "allowed"
    event, actor, body = decisions.last(f"approval:{approval.pk}")
    assert (event, actor) == ("registry.approval.requested", str(desk.officer))
    assert body["manifest_digest"] == desk.version.manifest_digest
    assert body["policy_digest"] == desk.policy.policy_digest
    assert body["evaluation_digest"] == approval.evaluation.evaluation_digest
    assert "for the assistant" not in str(body)


def test_request_without_evidence_lists_what_is_missing() -> None:
    error = refused(open_desk(evidence=False))

    assert error.code == "evidence_missing"
    listed = error.extra["errors"]
    assert isinstance(listed, list)
    assert [item["code"] for item in listed] == ["evidence_stale", "evidence_stale", "remote_code_required"]


def test_request_with_a_failed_verification_is_refused() -> None:
    desk = open_desk()
    factories.verification_run(desk.version, Outcome.FAIL)

    assert refused(desk).code == "evidence_missing"


def test_error_of_the_smoke_run_is_no_pass() -> None:
    desk = open_desk()
    factories.smoke_run(desk.version, Outcome.ERROR)

    error = refused(desk)

    assert error.code == "evidence_missing"
    assert "smoke" in error.detail


def test_smoke_run_is_not_asked_for_where_the_policy_does_not() -> None:
    desk = open_desk(policy=policy_text(smoke_required="false"))
    factories.smoke_run(desk.version, Outcome.ERROR)

    assert desk.request().status == "requested"


def test_stale_evidence_is_refused() -> None:
    desk = open_desk()

    assert "older than the 30 days" in refused(desk, now=NOW + timedelta(days=31)).detail


def test_unknown_licence_is_refused_with_the_verdict() -> None:
    error = refused(open_desk(license_id="unknown"))

    assert error.code == "license_not_accepted"
    assert error.extra["verdict"] == "needs_review"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": "Not A Name"}, "purpose"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + timedelta(days=366)}, "expires_at"),
        ({"note": "x" * 4001}, "note"),
    ],
)
def test_request_refuses_what_makes_no_sense(changes: dict[str, Any], field: str) -> None:
    error = refused(open_desk(), **changes)

    assert isinstance(error, InvalidInput)
    assert error.field == field


def test_request_without_a_policy_is_refused() -> None:
    desk = open_desk()
    desk.policy.delete()

    assert refused(desk).code == "no_policy"


def test_draft_quarantined_and_revoked_versions_are_refused() -> None:
    desk = open_desk()
    assert refused(desk, version=factories.draft_version()).code == "version_not_usable"

    custody.quarantine(version=desk.version, reason="odd", actor=desk.officer, now=NOW)
    assert refused(desk).code == "version_not_usable"

    custody.revoke(version=desk.version, reason="bad", actor=desk.officer, now=NOW)
    assert refused(desk).code == "version_not_usable"


def test_evidence_from_before_a_quarantine_does_not_count() -> None:
    desk = open_desk()
    later = NOW + timedelta(minutes=5)
    custody.quarantine(version=desk.version, reason="odd", actor=desk.officer, now=later)
    desk.version.refresh_from_db()
    custody.release(version=desk.version, reason="looked at", actor=desk.officer, now=later)

    assert refused(desk, now=later).code == "evidence_missing"


def test_one_live_approval_for_a_use() -> None:
    desk = open_desk()
    desk.request()

    assert refused(desk).code == "approval_exists"
    assert desk.request(purpose="translation").status == "requested"


def test_expired_approval_makes_room_for_the_next() -> None:
    desk = open_desk()
    old = desk.approved(expires_at=NOW + timedelta(days=1))

    desk.request(now=NOW + timedelta(days=2))

    old.refresh_from_db()
    assert old.status == "expired"
    assert decisions.last(f"approval:{old.pk}")[:2] == ("registry.approval.expired", "system:expiry")


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR, Role.ADMIN])
def test_only_officers_ask(role: Role) -> None:
    assert isinstance(refused(open_desk(), actor=factories.actor(role)), Forbidden)


def test_tokens_neither_ask_nor_decide() -> None:
    desk = open_desk()
    approval = desk.request()
    token, _ = factories.api_token(
        *(scope for scope in Scope if scope is not Scope.RECORD), owner=desk.reviewer.user
    )
    actor = Actor(user=desk.reviewer.user, token=token)

    assert isinstance(refused(desk, actor=actor), Forbidden)
    with pytest.raises(Forbidden):
        review.approve(approval=approval, note="", actor=actor, now=NOW)


def test_approve_records_who_and_when() -> None:
    desk = open_desk()

    approval = desk.approved()

    assert (approval.status, approval.decided_by, approval.decided_at) == (
        "approved",
        desk.reviewer.user,
        NOW,
    )
    event, actor, body = decisions.last(f"approval:{approval.pk}")
    assert (event, actor) == ("registry.approval.approved", str(desk.reviewer))
    assert body["evaluation_digest"] == approval.evaluation.evaluation_digest
    confirmed = models.Evaluation.objects.get(pk=body["confirmed_by_evaluation"])
    assert confirmed.pk != approval.evaluation_id


def test_nobody_approves_what_they_asked_for() -> None:
    desk = open_desk()
    approval = desk.request()
    User.objects.filter(pk=desk.officer.user.pk).update(role=Role.REVIEWER)
    same_person = Actor(user=User.objects.get(pk=desk.officer.user.pk))

    for action in (review.approve, review.reject):
        with pytest.raises(review.FourEyesRequired) as caught:
            action(approval=approval, note="mine", actor=same_person, now=NOW)
        assert (caught.value.code, caught.value.status) == ("four_eyes_required", 403)
    approval.refresh_from_db()
    assert approval.status == "requested"


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.ADMIN])
def test_only_reviewers_decide(role: Role) -> None:
    approval = open_desk().request()

    with pytest.raises(Forbidden):
        review.approve(approval=approval, note="", actor=factories.actor(role), now=NOW)


def changed(desk: Desk, approval: models.Approval, *, now: Any = NOW) -> review.EvidenceChanged:
    with pytest.raises(review.EvidenceChanged) as caught, transaction.atomic():
        review.approve(approval=approval, note="", actor=desk.reviewer, now=now)
    approval.refresh_from_db()
    assert approval.status == "requested"
    assert caught.value.code == "evidence_changed"
    return caught.value


def test_approve_refuses_when_a_later_run_failed() -> None:
    desk = open_desk()
    approval = desk.request()
    factories.verification_run(desk.version, Outcome.FAIL)

    assert "C3-digests" in changed(desk, approval).detail


def test_approve_refuses_when_the_policy_now_wants_more() -> None:
    desk = open_desk()
    approval = desk.request()
    policies.load_policy(text=policy_text(required="true"), actor=factories.actor(Role.ADMIN), now=NOW)

    errors = changed(desk, approval).extra["errors"]

    assert isinstance(errors, list)
    assert [item["code"] for item in errors] == ["signature_missing"]


def test_approve_refuses_when_the_verdict_is_worse() -> None:
    desk = open_desk()
    approval = desk.request()
    desk.environment.use = {**desk.environment.use, "distribute_weights": True}
    desk.environment.save()

    error = changed(desk, approval)

    assert (error.extra["was"], error.extra["now"]) == ("allowed", "allowed_with_obligations")


def test_approve_refuses_when_the_evidence_has_aged() -> None:
    desk = open_desk()
    approval = desk.request()

    assert "older" in changed(desk, approval, now=NOW + timedelta(days=40)).detail


def test_approve_refuses_a_version_that_is_quarantined_meanwhile() -> None:
    desk = open_desk()
    approval = desk.request()
    custody.quarantine(version=desk.version, reason="odd", actor=desk.officer, now=NOW)

    with pytest.raises(review.VersionNotUsable):
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)


def test_approve_refuses_what_would_have_ended() -> None:
    desk = open_desk()
    approval = desk.request(expires_at=NOW + timedelta(days=1))

    with pytest.raises(review.ApprovalNotOpen, match="would have ended"):
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW + timedelta(days=2))


def test_decided_approval_is_not_decided_again() -> None:
    desk = open_desk()
    approval = desk.approved()

    with pytest.raises(review.ApprovalNotOpen):
        review.approve(approval=approval, note="", actor=desk.reviewer, now=NOW)
    with pytest.raises(review.ApprovalNotOpen):
        review.reject(approval=approval, note="no", actor=desk.reviewer, now=NOW)


def test_reject_says_why() -> None:
    desk = open_desk()
    approval = desk.request()

    with pytest.raises(InvalidInput):
        review.reject(approval=approval, note=" ", actor=desk.reviewer, now=NOW)
    review.reject(approval=approval, note="not here", actor=desk.reviewer, now=NOW)

    assert (approval.status, approval.decision_note) == ("rejected", "not here")
    assert decisions.last(f"approval:{approval.pk}")[:2] == ("registry.approval.rejected", str(desk.reviewer))


def test_withdraw_takes_back_request_and_approval() -> None:
    desk = open_desk()
    for approval in (desk.request(), desk.approved(purpose="translation")):
        review.withdraw(approval=approval, reason="no need", actor=desk.officer, now=NOW)

        assert (approval.status, approval.ended_by, approval.end_reason) == (
            "withdrawn",
            str(desk.officer),
            "no need",
        )
        assert decisions.last(f"approval:{approval.pk}")[0] == "registry.approval.withdrawn"
        with pytest.raises(review.ApprovalNotOpen):
            review.withdraw(approval=approval, reason="again", actor=desk.officer, now=NOW)


def test_revoke_ends_an_approval_and_needs_a_reason() -> None:
    desk = open_desk()
    approval = desk.approved()

    with pytest.raises(InvalidInput):
        review.revoke(approval=approval, reason="", actor=desk.reviewer, now=NOW)
    with pytest.raises(Forbidden):
        review.revoke(approval=approval, reason="x", actor=factories.actor(Role.AUDITOR), now=NOW)
    review.revoke(approval=approval, reason="weights are poisoned", actor=desk.reviewer, now=NOW)

    assert approval.status == "revoked"
    assert decisions.last(f"approval:{approval.pk}")[:2] == ("registry.approval.revoked", str(desk.reviewer))


def test_request_is_withdrawn_not_revoked() -> None:
    desk = open_desk()
    approval = desk.request()

    with pytest.raises(review.ApprovalNotOpen):
        review.revoke(approval=approval, reason="x", actor=desk.reviewer, now=NOW)


def test_expire_due_ends_what_is_past_its_date_once() -> None:
    desk = open_desk()
    given = desk.approved(expires_at=NOW + timedelta(days=1))
    asked = desk.request(purpose="translation", expires_at=NOW + timedelta(days=1))
    lasting = desk.approved(purpose="search")

    assert review.expire_due(NOW + timedelta(hours=1)) == 0
    assert review.expire_due(NOW + timedelta(days=1)) == 2
    assert review.expire_due(NOW + timedelta(days=1)) == 0

    for approval, status in ((given, "expired"), (asked, "withdrawn"), (lasting, "approved")):
        approval.refresh_from_db()
        assert approval.status == status


def test_end_for_version_ends_everything_that_is_live() -> None:
    desk = open_desk()
    given, asked = desk.approved(), desk.request(purpose="translation")

    assert review.end_for_version(version=desk.version, reason="gone", by="system:test", now=NOW) == 2

    given.refresh_from_db()
    asked.refresh_from_db()
    assert (given.status, asked.status) == ("revoked", "withdrawn")
