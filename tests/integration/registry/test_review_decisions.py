"""Decisions on what another person asked for, and how approvals end."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from governance.actions import policies
from governance.actors import Actor
from governance.errors import Forbidden, InvalidInput
from governance.models import User
from governance.permissions import Role
from registry import models
from registry.actions import custody, review
from registry.lifecycle import Outcome
from tests import decisions, factories
from tests.reviewing import NOW, Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db


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
