"""Alerts, re-evaluations and suspensions over REST."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.permissions import Role, Scope
from registry.models import Alert, Reevaluation
from tests import factories
from tests.reevaluating import LARGE, SMALL, approval, change
from tests.rest import approve, as_, ask, codes, fresh_desk, person, post, problem
from tests.reviewing import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def worse() -> Desk:
    """An approval of this moment, suspended by facts of this moment."""
    desk = fresh_desk(license_id="llama-3.3")
    factories.organization(facts=SMALL, effective_at=timezone.now() - timedelta(days=2))
    approve(desk)
    change(desk, LARGE, at=timezone.now())
    return desk


def test_alerts_are_read_and_acknowledged(worse: Desk) -> None:
    officer = as_(worse.officer.user)

    [row] = officer.get("/api/v1/alerts?state=open").json()["results"]
    assert row == officer.get(f"/api/v1/alerts/{row['id']}").json()
    assert (row["kind"], row["severity"], row["state"]) == ("verdict_worse", "high", "open")
    assert row["model"] == str(worse.version.registered_model)
    assert (row["environment"], row["approval"]) == (worse.environment.name, approval(worse).pk)
    assert row["facts"]["now"] == "needs_licence"
    done = post(officer, f"alerts/{row['id']}/acknowledge", {"note": "I ask for one."})
    assert (done.status_code, done.json()["state"]) == (200, "acknowledged")
    assert done.json()["acknowledged_by"] == worse.officer.user.username
    problem(post(officer, f"alerts/{row['id']}/acknowledge", {}), 409, "alert_acknowledged")
    assert officer.get("/api/v1/alerts?state=open").json()["results"] == []
    assert len(officer.get("/api/v1/alerts?state=acknowledged").json()["results"]) == 1


def test_alerts_are_narrowed_down(worse: Desk) -> None:
    client = person(Role.AUDITOR)

    def number(query: str) -> int:
        return len(client.get(f"/api/v1/alerts?{query}").json()["results"])

    assert number(f"model_version={worse.version.pk}&approval={approval(worse).pk}") == 1
    assert number(f"environment={worse.environment.name}&kind=verdict_worse&severity=high") == 1
    assert number("kind=new_obligations") == 0
    assert number("severity=low") == 0


def test_alert_refusals(worse: Desk) -> None:
    auditor, officer = person(Role.AUDITOR), as_(worse.officer.user)
    row = Alert.objects.get()

    problem(post(auditor, f"alerts/{row.pk}/acknowledge", {}), 403, "forbidden")
    problem(post(officer, "alerts/999999/acknowledge", {}), 404, "not_found")
    problem(post(officer, f"alerts/{row.pk}/acknowledge", {"nota": "x"}), 422, "invalid_input", "nota")
    problem(post(officer, f"alerts/{row.pk}/acknowledge", {"note": "x" * 4001}), 422, "invalid_input", "note")
    problem(officer.get("/api/v1/alerts?state=loud"), 422, "invalid_input", "state")
    problem(officer.get("/api/v1/alerts?color=red"), 422, "invalid_input", "color")
    problem(officer.get("/api/v1/alerts?environment=nowhere"), 422, "unknown_environment", "environment")
    row.refresh_from_db()
    assert row.state == "open"


def test_a_suspension_is_seen_and_lifted(worse: Desk) -> None:
    officer, reviewer, row = as_(worse.officer.user), as_(worse.reviewer.user), approval(worse)
    lift = f"approvals/{row.pk}/lift-suspension"
    models = f"/api/v1/approved-models?environment={worse.environment.name}"

    shown = officer.get(f"/api/v1/approvals/{row.pk}").json()
    assert shown["suspended_at"] is not None
    assert "was allowed with obligations" in shown["suspended_because"]
    assert officer.get(models).json()["results"] == []
    assert codes(ask(person(Role.AUDITOR), worse.offer())) == ["license_condition_failed"] * 2
    problem(post(officer, lift, {"note": "x"}), 403, "forbidden")
    problem(post(reviewer, lift, {"note": " "}), 422, "invalid_input", "note")
    refused = problem(post(reviewer, lift, {"note": "x"}), 409, "license_not_accepted")
    assert refused["verdict"] == "needs_licence"
    change(worse, SMALL, at=timezone.now())
    assert codes(ask(person(Role.AUDITOR), worse.offer())) == ["license_condition_failed"]
    done = post(reviewer, lift, {"note": "The figure was wrong."})

    assert (done.status_code, done.json()["suspended_at"]) == (200, None)
    assert codes(ask(person(Role.AUDITOR), worse.offer())) == []
    assert [one["approval_id"] for one in officer.get(models).json()["results"]] == [row.pk]
    problem(post(reviewer, lift, {"note": "x"}), 409, "not_suspended")


def test_campaigns_are_read_and_asked_for(worse: Desk) -> None:
    officer = as_(worse.officer.user)

    [row] = officer.get("/api/v1/reevaluations?cause=facts").json()["results"]
    assert (row["total"], row["done"], row["worse"], row["recorded"]) == (1, 1, 1, 1)
    asked = post(officer, "reevaluations", {})
    assert (asked.status_code, asked.json()["cause"]) == (202, "requested")
    assert officer.get(f"/api/v1/reevaluations/{asked.json()['id']}").json() == asked.json()
    problem(post(person(Role.AUDITOR), "reevaluations", {}), 403, "forbidden")
    problem(post(officer, "reevaluations", {"all": True}), 422, "invalid_input", "all")
    problem(officer.get("/api/v1/reevaluations?cause=boredom"), 422, "invalid_input", "cause")
    assert Reevaluation.objects.count() == 2


def test_tokens_have_no_right_to_them(worse: Desk) -> None:
    _, secret = factories.api_token(Scope.REGISTER)
    headers = {"Authorization": f"Bearer {secret}"}
    client = type(as_(worse.officer.user))()

    problem(post(client, "reevaluations", {}, headers=headers), 403, "forbidden")
    problem(
        post(client, f"alerts/{Alert.objects.get().pk}/acknowledge", {}, headers=headers), 403, "forbidden"
    )
    assert client.get("/api/v1/alerts", headers=headers).status_code == 200
