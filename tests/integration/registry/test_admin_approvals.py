"""Approvals at the desk: the queue, two people, and what the database refuses whoever asks."""

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.models import PolicyDocument
from governance.permissions import Role
from registry.models import Approval
from tests import decisions, desk, factories

pytestmark = pytest.mark.django_db

DECIDERS = {"approve": {Role.REVIEWER}, "reject": {Role.REVIEWER}, "withdraw": {Role.OFFICER}}


@pytest.fixture
def waiting(tmp_path: Path) -> Approval:
    desk.load_policy()
    return desk.request_approval(desk.evidence(tmp_path / "model"), factories.environment())


def address(approval: Approval, button: str = "") -> str:
    if button:
        return reverse("admin:registry_approval_act", args=[approval.pk, button])
    return reverse("admin:registry_approval_change", args=[approval.pk])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("button", DECIDERS)
def test_buttons_are_for_those_who_may_decide(role: Role, button: str) -> None:
    desk.load_policy()
    client, _ = desk.client(role)
    approval = factories.approval(policy=PolicyDocument.objects.get())
    before = decisions.count()

    page = client.get(address(approval)).content.decode()
    form = client.get(address(approval, button))
    answer = client.post(address(approval, button), {})

    may = role in DECIDERS[button]
    assert (address(approval, button) in page) == may
    assert form.status_code == (200 if may else 403)
    if not may:
        assert answer.status_code == 403
        assert decisions.count() == before
        approval.refresh_from_db()
        assert approval.status == "requested"


def test_a_reviewer_approves_and_the_log_names_both(waiting: Approval) -> None:
    client, reviewer = desk.client(Role.REVIEWER)

    page = client.get(address(waiting)).content.decode()
    answer = client.post(address(waiting, "approve"), {"note": "Read the checks."}, follow=True)

    assert "The evidence is complete and fresh" in page
    assert "Approved. Nodes may now ask for admission." in answer.content.decode()
    waiting.refresh_from_db()
    assert (waiting.status, waiting.decided_by, waiting.decision_note) == (
        "approved",
        reviewer,
        "Read the checks.",
    )
    event, actor, _ = decisions.last(f"approval:{waiting.pk}")
    assert (event, actor) == ("registry.approval.approved", f"user:{reviewer.username}")


def test_a_rejection_needs_a_reason(waiting: Approval) -> None:
    client, _ = desk.client(Role.REVIEWER)

    without = client.post(address(waiting, "reject"), {"reason": ""})
    client.post(address(waiting, "reject"), {"reason": "The licence forbids this use."})

    assert without.status_code == 422
    waiting.refresh_from_db()
    assert (waiting.status, waiting.decision_note) == ("rejected", "The licence forbids this use.")


def own(approval: Approval) -> Client:
    """The person who asked, in the meantime a reviewer."""
    person = approval.requested_by
    person.role = Role.REVIEWER
    person.save()
    browser = Client()
    browser.force_login(person)
    return browser


def test_ones_own_request_is_refused_by_the_form(waiting: Approval) -> None:
    browser = own(waiting)
    before = decisions.count()

    page = browser.get(address(waiting)).content.decode()
    answer = browser.post(address(waiting, "approve"), {"note": ""})

    assert "You requested this, so another reviewer decides." in page
    assert address(waiting, "approve") not in page
    assert answer.status_code == 409
    assert "another person must decide" in answer.content.decode()
    waiting.refresh_from_db()
    assert waiting.status == "requested"
    assert decisions.count() == before


def test_ones_own_request_is_refused_by_the_database(waiting: Approval) -> None:
    rows = Approval.objects.filter(pk=waiting.pk)

    with pytest.raises(IntegrityError, match="registry_approval_four_eyes"), transaction.atomic():
        rows.update(status="approved", decided_by=waiting.requested_by, decided_at=timezone.now())

    waiting.refresh_from_db()
    assert waiting.status == "requested"


def test_what_waits_comes_first_and_the_oldest_at_the_top() -> None:
    decided = factories.approval(status="approved")
    older, newer = factories.approval(), factories.approval()
    client, _ = desk.client(Role.REVIEWER)

    answer = client.get(reverse("admin:registry_approval_changelist"))

    assert [row.pk for row in answer.context["page"].rows] == [older.pk, newer.pk, decided.pk]
    assert 'title="waiting for you">2<' in answer.content.decode()


def test_the_queue_takes_as_many_queries_for_many_as_for_one(django_assert_max_num_queries: object) -> None:
    for _ in range(8):
        factories.approval()
    client, _ = desk.client(Role.REVIEWER)

    with django_assert_max_num_queries(14):  # type: ignore[operator]
        client.get(reverse("admin:registry_approval_changelist"))


def test_a_request_that_no_longer_stands_says_what_speaks_against_it(waiting: Approval) -> None:
    client, _ = desk.client(Role.REVIEWER)
    factories.verification_run(waiting.version, "fail", at=timezone.now())

    page = client.get(address(waiting)).content.decode()
    answer = client.post(address(waiting, "approve"), {"note": ""})

    assert "not ready" in page
    assert answer.status_code == 409
    assert "Since this was asked for" in answer.content.decode()
