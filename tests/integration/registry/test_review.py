from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from governance.actors import Actor
from governance.errors import Forbidden, GovernanceError, InvalidInput
from governance.permissions import Role, Scope
from registry import models
from registry.actions import custody, review
from registry.lifecycle import Outcome
from tests import decisions, factories, releasing
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
    assert refused(open_desk(with_policy=False)).code == "no_policy"


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
    releasing.released(desk.version, now=later)

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
