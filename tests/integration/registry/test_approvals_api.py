"""Approvals and decisions over REST."""

from datetime import timedelta

import pytest
from django.test import Client

from governance.models import User
from governance.permissions import Role, Scope
from registry import models
from tests import factories
from tests.rest import as_, fresh_desk, now, person, post, problem, wanted
from tests.reviewing import Desk, open_desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return fresh_desk()


# -- approvals ------------------------------------------------------------------------------------------------------


def test_approval_from_request_to_end(desk: Desk) -> None:
    officer, reviewer = as_(desk.officer.user), as_(desk.reviewer.user)

    asked = post(officer, "approvals", wanted(desk))
    assert (asked.status_code, asked.json()["status"]) == (201, "requested")
    address = f"approvals/{asked.json()['id']}"
    given = post(reviewer, f"{address}/approve", {"note": "seen"}).json()
    assert (given["status"], given["decided_by"]) == ("approved", desk.reviewer.user.username)
    assert reviewer.get(f"/api/v1/{address}").json() == given
    ended = post(reviewer, f"{address}/revoke", {"reason": "odd"}).json()
    assert (ended["status"], ended["end_reason"]) == ("revoked", "odd")
    again = post(officer, "approvals", wanted(desk))
    withdrawn = post(officer, f"approvals/{again.json()['id']}/withdraw", {"reason": "no need"})
    assert withdrawn.json()["status"] == "withdrawn"
    third = post(officer, "approvals", wanted(desk))
    rejected = post(reviewer, f"approvals/{third.json()['id']}/reject", {"note": "no"})
    assert rejected.json()["status"] == "rejected"

    def listed(query: str) -> list[str]:
        return [row["status"] for row in officer.get(f"/api/v1/approvals?{query}").json()["results"]]

    assert listed(f"model_version={desk.version.pk}") == ["rejected", "withdrawn", "revoked"]
    assert listed("status=revoked") == ["revoked"]
    assert listed(f"environment={desk.environment.name}&limit=1") == ["rejected"]
    problem(officer.get("/api/v1/approvals?model_version=x"), 422, "invalid_input", "model_version")
    problem(officer.get("/api/v1/approvals?environment=x"), 422, "unknown_environment", "environment")


def test_approval_refusals_over_http(desk: Desk) -> None:
    officer, reviewer = as_(desk.officer.user), as_(desk.reviewer.user)

    problem(
        post(officer, "approvals", wanted(desk, model_version=999999)), 422, "invalid_input", "model_version"
    )
    problem(
        post(officer, "approvals", wanted(desk, model_version=2**70)), 422, "invalid_input", "model_version"
    )
    problem(
        post(officer, "approvals", wanted(desk, environment="x")), 422, "unknown_environment", "environment"
    )
    problem(post(officer, "approvals", wanted(desk, expires_at="soon")), 422, "invalid_input", "expires_at")
    problem(post(officer, "approvals", wanted(desk, color="red")), 422, "invalid_input", "color")
    problem(post(officer, "approvals", wanted(desk, note="a\u0000b")), 422, "invalid_input", "note")
    problem(post(officer, "approvals", "["), 400, "malformed_json")
    problem(post(officer, "approvals", b"<a/>".decode()), 400, "malformed_json")
    problem(post(reviewer, "approvals", wanted(desk)), 403, "forbidden")
    problem(post(reviewer, "approvals/999999/approve", {}), 404, "not_found")
    asked = post(officer, "approvals", wanted(desk)).json()["id"]
    problem(post(officer, "approvals", wanted(desk)), 409, "approval_exists")
    problem(post(officer, f"approvals/{asked}/approve", {}), 403, "forbidden")
    problem(post(reviewer, f"approvals/{asked}/revoke", {"reason": " "}), 422, "invalid_input", "reason")
    problem(post(reviewer, f"approvals/{asked}/revoke", {"reason": "x"}), 409, "approval_not_open")
    User.objects.filter(pk=desk.officer.user.pk).update(role=Role.REVIEWER)
    problem(post(officer, f"approvals/{asked}/approve", {}), 403, "four_eyes_required")
    assert models.Approval.objects.get().status == "requested"


def test_missing_evidence_is_listed_over_http() -> None:
    desk = open_desk(evidence=False)

    found = problem(post(as_(desk.officer.user), "approvals", wanted(desk)), 409, "evidence_missing")

    assert [item["code"] for item in found["errors"]] == [
        "evidence_stale",
        "evidence_stale",
        "remote_code_required",
    ]
    assert not models.Evaluation.objects.exists()


# -- what a node may load -------------------------------------------------------------------------------------------


def test_approved_models_are_listed_with_a_validator(desk: Desk) -> None:
    approval = desk.approved(now=now(), expires_at=now() + timedelta(days=30))
    _, text = factories.api_token(Scope.ADMISSION, environment=desk.environment.name)
    headers = {"Authorization": f"Bearer {text}"}
    address = f"/api/v1/approved-models?environment={desk.environment.name}"

    first = Client().get(address, headers=headers)
    again = Client().get(address, headers={**headers, "If-None-Match": first.headers["ETag"]})

    [row] = first.json()["results"]
    assert (row["model_digest"], row["approval_id"]) == (desk.version.model_digest, approval.pk)
    assert row["model_version"] == desk.version.purl
    assert (again.status_code, again.content) == (304, b"")
    post(as_(desk.reviewer.user), f"approvals/{approval.pk}/revoke", {"reason": "odd"})
    after = Client().get(address, headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (after.status_code, after.json()["results"]) == (200, [])


def test_approved_models_refusals(desk: Desk) -> None:
    _, text = factories.api_token(Scope.ADMISSION, environment="elsewhere")
    headers = {"Authorization": f"Bearer {text}"}
    auditor = person(Role.AUDITOR)

    problem(auditor.get("/api/v1/approved-models"), 422, "invalid_input", "environment")
    problem(auditor.get("/api/v1/approved-models?environment=x"), 422, "unknown_environment", "environment")
    response = Client().get(f"/api/v1/approved-models?environment={desk.environment.name}", headers=headers)
    problem(response, 403, "out_of_scope_environment")


def test_decisions_can_be_read_back(desk: Desk) -> None:
    _, text = factories.api_token(Scope.ADMISSION)
    headers = {"Authorization": f"Bearer {text}"}
    answer = post(Client(), "admissions", desk.offer(), headers=headers).json()
    auditor = person(Role.AUDITOR)

    one = auditor.get(f"/api/v1/admissions/{answer['admission_id']}").json()

    assert (one["decision"], one["reasons"]) == ("deny", answer["reasons"])
    assert auditor.get("/api/v1/admissions?decision=deny").json()["results"] == [one]
    assert auditor.get("/api/v1/admissions?decision=allow").json()["results"] == []
    problem(auditor.get("/api/v1/admissions/00000000-0000-0000-0000-000000000000"), 404, "not_found")
    problem(Client().get("/api/v1/admissions", headers=headers), 403, "forbidden")
