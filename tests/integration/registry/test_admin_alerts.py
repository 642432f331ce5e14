"""Alerts, re-evaluations and suspensions at the desk."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.permissions import Role
from registry.models import Alert, Reevaluation, Suspension
from tests import desk as pages
from tests import factories
from tests.reevaluating import LARGE, SMALL, approval, change
from tests.rest import approve, as_, fresh_desk
from tests.reviewing import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def worse() -> Desk:
    """An approval of this moment, suspended by facts of this moment."""
    now = timezone.now()
    desk = fresh_desk(license_id="llama-3.3")
    factories.organization(facts=SMALL, effective_at=now - timedelta(days=2))
    approve(desk)
    change(desk, LARGE, at=timezone.now())
    return desk


def page(client: Client, name: str, *arguments: object) -> str:
    response = client.get(reverse(f"admin:{name}", args=arguments))
    assert response.status_code == 200
    return response.content.decode()


def test_an_alert_is_shown_wherever_it_matters(worse: Desk) -> None:
    client, _ = pages.client(Role.AUDITOR)
    alert = Alert.objects.get()

    listed = page(client, "registry_alert_changelist")
    assert alert.message[:100] in listed.replace("&#x27;", "'")
    shown = page(client, "registry_alert_change", alert.pk)
    assert "The verdict that raised it" in shown
    assert "Nodes are refused until a reviewer lifts the suspension." in shown
    version = page(client, "registry_modelversion_change", worse.version.pk)
    assert reverse("admin:registry_alert_change", args=[alert.pk]) in version
    assert "until a reviewer lifts it" in version
    assert "suspended" in page(client, "registry_modelversion_changelist")
    assert "suspended" in page(client, "registry_approval_changelist")
    assert "that nobody looks after yet" in page(client, "index")
    assert "state=open" in page(client, "index")


def test_an_officer_acknowledges(worse: Desk) -> None:
    client = as_(worse.officer.user)
    alert = Alert.objects.get()
    address = reverse("admin:registry_alert_act", args=[alert.pk, "acknowledge"])
    assert address in page(client, "registry_alert_change", alert.pk)

    answer = client.post(address, {"note": "I ask for a licence."}, follow=True)

    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", worse.officer.user)
    assert "I ask for a licence." in answer.content.decode()
    assert address not in answer.content.decode()
    again = client.post(address, {"note": ""})
    assert again.status_code == 409
    assert "acknowledged this alert already" in again.content.decode()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
def test_who_may_not_acknowledge(worse: Desk, role: Role) -> None:
    client, _ = pages.client(role)
    alert = Alert.objects.get()
    address = reverse("admin:registry_alert_act", args=[alert.pk, "acknowledge"])

    assert address not in page(client, "registry_alert_change", alert.pk)
    assert client.post(address, {"note": ""}).status_code == 403
    alert.refresh_from_db()
    assert alert.state == "open"


def test_a_reviewer_lifts_a_suspension_once_it_is_well_again(worse: Desk) -> None:
    client, row = as_(worse.reviewer.user), approval(worse)
    address = reverse("admin:registry_approval_act", args=[row.pk, "lift-suspension"])
    before = page(client, "registry_approval_change", row.pk)
    assert "Suspended" in before
    assert address in before

    refused = client.post(address, {"note": "Go on."})
    assert refused.status_code == 409
    assert "which the policy does not accept" in refused.content.decode()
    change(worse, SMALL, at=timezone.now())
    answer = client.post(address, {"note": "The figure was wrong."}, follow=True)

    assert Suspension.objects.get().lifted_by == worse.reviewer.user
    assert "The figure was wrong." in answer.content.decode()
    assert address not in answer.content.decode()


def test_campaigns_are_listed_with_what_they_found(worse: Desk) -> None:
    client = as_(worse.officer.user)
    campaign = Reevaluation.objects.latest("pk")

    assert campaign.because in page(client, "registry_reevaluation_changelist")
    shown = page(client, "registry_reevaluation_change", campaign.pk)
    assert "worse 1" in shown
    assert reverse("admin:registry_alert_change", args=[Alert.objects.get().pk]) in shown
    answer = client.post(reverse("admin:registry_reevaluation_request"), follow=True)
    assert "Under way" in answer.content.decode()
    fresh = Reevaluation.objects.latest("pk")
    assert (fresh.cause, fresh.requested_by) == ("requested", str(worse.officer))
    assert "0 of 1 approvals" in page(client, "registry_reevaluation_change", fresh.pk)


def test_empty_pages_say_what_to_expect() -> None:
    client, _ = pages.client(Role.OFFICER)

    assert "Alerts appear here by themselves" in page(client, "registry_alert_changelist")
    assert "first change after something was approved" in page(client, "registry_reevaluation_changelist")


def test_lists_are_narrowed_down(worse: Desk) -> None:
    client, _ = pages.client(Role.AUDITOR)
    address = reverse("admin:registry_alert_changelist")
    link = reverse("admin:registry_alert_change", args=[Alert.objects.get().pk])

    def listed(query: str) -> bool:
        return link in client.get(f"{address}?{query}").content.decode()

    assert listed("state=open&severity=high&kind=verdict_worse")
    assert listed(f"q={worse.version.registered_model.name}")
    assert not listed("state=resolved")
    assert not listed("severity=low")
    assert not listed("q=another-model")
