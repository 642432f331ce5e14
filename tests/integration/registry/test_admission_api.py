"""Admission over HTTP: versions that lack something, tokens, and requests that are not understood."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance.actions import policies
from governance.permissions import Role, Scope
from registry import models
from registry.lifecycle import Outcome, Severity
from tests import decisions, factories
from tests.rest import approve, ask, codes, fresh_desk, now
from tests.reviewing import Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """An approved version, with evidence as of this moment."""
    return fresh_desk()


def policy(**lines: str) -> None:
    policies.load_policy(text=policy_text(**lines), actor=factories.actor(Role.ADMIN), now=now())


def test_unapproved_version_is_denied(client: Client, desk: Desk) -> None:
    assert codes(ask(client, desk.offer())) == ["not_approved"]
    desk.request(now=now(), expires_at=now() + timedelta(days=1))
    assert codes(ask(client, desk.offer())) == ["not_approved"]


def test_unverified_version_is_denied(client: Client) -> None:
    desk = open_desk(evidence=False)

    assert set(codes(ask(client, desk.offer()))) == {"evidence_stale", "remote_code_required", "not_approved"}


def test_unknown_licence_is_denied(client: Client) -> None:
    desk = fresh_desk(license_id="unknown")

    assert codes(ask(client, desk.offer())) == ["license_unknown", "not_approved"]


def test_expired_approval_is_denied_before_anyone_marks_it(client: Client, desk: Desk) -> None:
    long_ago = now() - timedelta(days=10)
    other = open_desk(evidence=False, policy=policy_text() + "# again\n")
    factories.verification_run(other.version, at=long_ago)
    factories.smoke_run(other.version, at=long_ago)
    other.approved(now=long_ago + timedelta(minutes=1), expires_at=long_ago + timedelta(days=1))

    assert codes(ask(client, other.offer())) == ["approval_expired"]


def test_old_evidence_is_denied(client: Client, desk: Desk) -> None:
    approve(desk)
    policy(verification_max_age_days="1", smoke_max_age_days="1")
    long_ago = now() - timedelta(days=2)
    factories.verification_run(desk.version, at=long_ago)
    factories.smoke_run(desk.version, at=long_ago)

    assert codes(ask(client, desk.offer())) == ["evidence_stale", "evidence_stale"]


def test_a_finding_of_little_weight_decides_nothing(client: Client, desk: Desk) -> None:
    factories.verification_run(desk.version, at=now(), minor=("C20-license-text", Outcome.SKIP, Severity.LOW))
    approve(desk)

    assert codes(ask(client, desk.offer())) == []


def test_documents_may_be_absent_at_the_node(client: Client) -> None:
    files = {"model.safetensors": b"weights", "config.json": b"{}", "README.md": b"# about"}
    desk = fresh_desk(files=files)
    approve(desk)
    body = desk.offer()
    body["files"] = [file for file in body["files"] if file["path"] != "README.md"]

    assert codes(ask(client, body)) == []


def test_warning_mode_denies_and_says_so(client: Client, desk: Desk) -> None:
    policy(mode='"warn"')

    answer = ask(client, desk.offer()).json()

    assert (answer["decision"], answer["mode"]) == ("deny", "warn")


def test_token_of_one_environment_opens_no_other(client: Client, desk: Desk) -> None:
    approve(desk)

    response = ask(client, desk.offer(), environment="elsewhere")

    assert codes(response) == ["out_of_scope_environment"]
    assert codes(ask(client, desk.offer(), environment=desk.environment.name)) == []


def test_a_token_for_something_else_may_not_ask(client: Client, desk: Desk) -> None:
    response = ask(client, desk.offer(), scope=Scope.RECORD)

    assert (response.status_code, response.json()["code"]) == (403, "forbidden")
    assert not models.Admission.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"enviroment": "x"}, "enviroment"),
        ({"environment": None}, "environment"),
        ({"environment": "Not A Name"}, "environment"),
        ({"purpose": 7}, "purpose"),
        ({"files": []}, "files"),
        ({"files": "all"}, "files"),
        ({"files": [{"path": "../up", "size": 1, "sha256": "0" * 64}]}, "files"),
        ({"files": [{"path": "a", "size": -1, "sha256": "0" * 64}]}, "files[0].size"),
        ({"files": [{"path": "a", "size": 1, "sha256": "0" * 63}]}, "files[0].sha256"),
        ({"files": [{"path": "a", "size": 1, "sha256": "0" * 64, "role": "x"}]}, "files[0].role"),
        ({"model_digest": f"sha256:{'0' * 64}"}, "files"),
        ({"node": "n" * 201}, "node"),
        ({"region": "r" * 65}, "region"),
        ({"node": "a\u0000b"}, "node"),
    ],
)
def test_what_is_not_understood_is_no_decision(
    client: Client, desk: Desk, change: dict[str, Any], field: str
) -> None:
    response = ask(client, {**desk.offer(), **change})

    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.json()["code"], response.json()["field"]) == ("invalid_input", field)
    assert not models.Admission.objects.exists()
    assert decisions.count() == 1  # the policy


def test_without_a_policy_there_is_no_decision(client: Client) -> None:
    response = ask(client, fresh_desk(with_policy=False).offer())

    assert (response.status_code, response.json()["code"]) == (503, "no_policy")


def test_an_allow_takes_few_queries_once_warm(
    client: Client, desk: Desk, django_assert_max_num_queries: Any
) -> None:
    approve(desk)
    _, token = factories.api_token(Scope.ADMISSION)
    headers = {"Authorization": f"Bearer {token}"}
    body = desk.offer()
    client.post("/api/v1/admissions", body, content_type="application/json", headers=headers)

    with django_assert_max_num_queries(18):
        response = client.post("/api/v1/admissions", body, content_type="application/json", headers=headers)

    assert response.json()["decision"] == "allow"
