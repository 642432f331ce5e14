"""Admission over HTTP: every reason that this service can give, and the one answer that lets a node serve."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from governance.actions import policies
from governance.permissions import Role, Scope
from registry import models
from registry.actions import custody, review
from registry.lifecycle import Outcome, Severity
from tests import decisions, factories
from tests.reviewing import Desk, open_desk, policy_text

pytestmark = pytest.mark.django_db


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def desk() -> Desk:
    """An approved version, with evidence as of this moment."""
    return fresh_desk()


def fresh_desk(**fields: Any) -> Desk:
    made = open_desk(evidence=False, **fields)
    factories.verification_run(made.version, at=now())
    factories.smoke_run(made.version, at=now())
    return made


def approve(desk: Desk, **changes: Any) -> models.Approval:
    return desk.approved(now=now(), **{"expires_at": now() + timedelta(days=90), **changes})


def ask(client: Client, body: Any, *, environment: str = "", scope: Scope = Scope.ADMISSION) -> Any:
    fields = {"recorder": "node-1"} if scope is Scope.RECORD else {}
    _, token = factories.api_token(scope, environment=environment, **fields)
    return client.post(
        "/api/v1/admissions",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


def codes(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [reason["code"] for reason in response.json()["reasons"]]


def test_approved_model_is_allowed(client: Client, desk: Desk) -> None:
    approval = approve(desk)

    answer = ask(client, desk.offer()).json()

    assert answer["decision"] == "allow"
    assert answer["reasons"] == []
    assert answer["model_version"] == desk.version.purl
    assert answer["model_digest"] == desk.version.model_digest
    assert answer["approval_id"] == approval.pk
    assert answer["policy_digest"] == desk.policy.policy_digest
    assert answer["mode"] == "enforce"
    ends = datetime.fromisoformat(answer["expires_at"])
    assert timedelta(minutes=59) < ends - now() <= timedelta(minutes=60)


def test_decision_is_stored_and_logged(client: Client, desk: Desk) -> None:
    approve(desk)

    answer = ask(client, desk.offer()).json()

    row = models.Admission.objects.get(pk=answer["admission_id"])
    assert (row.decision, row.node, row.region, row.engine["name"]) == (
        "allow",
        "node-1",
        "eu-central",
        "vllm",
    )
    event, actor, body = decisions.last(f"admission:{row.pk}")
    assert event == "registry.admission.decided"
    assert actor == row.requested_by
    assert actor.startswith("token:")
    assert (body["decision"], body["model_digest"]) == ("allow", desk.version.model_digest)


def test_digest_alone_is_enough(client: Client, desk: Desk) -> None:
    approve(desk)
    body = {name: value for name, value in desk.offer().items() if name != "files"}

    assert codes(ask(client, {**body, "model_digest": desk.version.model_digest})) == []


def _extra(desk: Desk, body: dict[str, Any]) -> None:
    body["files"].append({"path": "extra.bin", "size": 1, "sha256": "0" * 64})


def _missing(desk: Desk, body: dict[str, Any]) -> None:
    body["files"] = [file for file in body["files"] if file["path"] != "config.json"]


def _altered(desk: Desk, body: dict[str, Any]) -> None:
    body["files"][0]["sha256"] = "1" * 64


def _unknown_model(desk: Desk, body: dict[str, Any]) -> None:
    body["files"] = [{"path": "weights.gguf", "size": 1, "sha256": "2" * 64}]


def _other_purpose(desk: Desk, body: dict[str, Any]) -> None:
    body["purpose"] = "translation"


def _other_environment(desk: Desk, body: dict[str, Any]) -> None:
    body["environment"] = factories.environment(use=desk.environment.use).name


def _unknown_environment(desk: Desk, body: dict[str, Any]) -> None:
    body["environment"] = "nowhere"


def _other_region(desk: Desk, body: dict[str, Any]) -> None:
    body["region"] = "us-east"


def _no_region(desk: Desk, body: dict[str, Any]) -> None:
    del body["region"]


def _revoked_version(desk: Desk, body: dict[str, Any]) -> None:
    custody.revoke(version=desk.version, reason="poisoned", actor=desk.officer, now=now())


def _quarantined(desk: Desk, body: dict[str, Any]) -> None:
    custody.quarantine(version=desk.version, reason="odd", actor=desk.officer, now=now())


def _revoked_approval(desk: Desk, body: dict[str, Any]) -> None:
    review.revoke(approval=models.Approval.objects.get(), reason="odd", actor=desk.reviewer, now=now())


def _withdrawn(desk: Desk, body: dict[str, Any]) -> None:
    review.withdraw(approval=models.Approval.objects.get(), reason="unused", actor=desk.officer, now=now())


def _failed_verification(desk: Desk, body: dict[str, Any]) -> None:
    factories.verification_run(desk.version, Outcome.FAIL, at=now())


def _undecided_verification(desk: Desk, body: dict[str, Any]) -> None:
    factories.verification_run(desk.version, Outcome.ERROR, at=now())


def _failed_smoke(desk: Desk, body: dict[str, Any]) -> None:
    factories.smoke_run(desk.version, Outcome.FAIL, at=now())


def _custom_code(desk: Desk, body: dict[str, Any]) -> None:
    factories.verification_run(desk.version, Outcome.FAIL, at=now(), failing="C13-custom-code")


def _pickle(desk: Desk, body: dict[str, Any]) -> None:
    factories.verification_run(desk.version, Outcome.FAIL, at=now(), failing="C11-pickle")


def _use_not_permitted(desk: Desk, body: dict[str, Any]) -> None:
    policy(accepted='["allowed"]')
    desk.environment.use = {**desk.environment.use, "distribute_weights": True}
    desk.environment.save()


def _outdated_use(desk: Desk, body: dict[str, Any]) -> None:
    desk.environment.use = {"role": "a word of last year"}
    desk.environment.save()


def _signature_wanted(desk: Desk, body: dict[str, Any]) -> None:
    policy(required="true")


def _origin(desk: Desk, body: dict[str, Any]) -> None:
    policy(denied_countries='["XK"]')


def _formats(desk: Desk, body: dict[str, Any]) -> None:
    policy(formats='["gguf"]')


def policy(**lines: str) -> None:
    policies.load_policy(text=policy_text(**lines), actor=factories.actor(Role.ADMIN), now=now())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_extra, ["file_extra"]),
        (_missing, ["file_missing"]),
        (_altered, ["digest_mismatch"]),
        (_unknown_model, ["not_registered"]),
        (_other_purpose, ["out_of_scope_purpose"]),
        (_other_environment, ["out_of_scope_environment"]),
        (_unknown_environment, ["license_unknown", "out_of_scope_environment", "out_of_scope_environment"]),
        (_other_region, ["out_of_scope_region"]),
        (_no_region, ["out_of_scope_region"]),
        (_revoked_version, ["revoked", "not_approved"]),
        (_quarantined, ["quarantined", "evidence_stale", "evidence_stale", "remote_code_required"]),
        (_revoked_approval, ["not_approved"]),
        (_withdrawn, ["not_approved"]),
        (_failed_verification, ["scan_finding"]),
        (_undecided_verification, ["evidence_stale"]),
        (_failed_smoke, ["smoke_failed"]),
        (_custom_code, ["remote_code_required", "remote_code_required"]),
        (_pickle, ["unsafe_format"]),
        (_formats, ["unsafe_format"]),
        (_use_not_permitted, ["license_condition_failed"]),
        (_outdated_use, ["license_unknown"]),
        (_signature_wanted, ["signature_missing"]),
        (_origin, ["origin_restricted"]),
    ],
    ids=lambda value: getattr(value, "__name__", "").removeprefix("_"),
)
def test_deny_says_why(
    client: Client, desk: Desk, change: Callable[[Desk, dict[str, Any]], None], expected: list[str]
) -> None:
    approve(desk)
    body = desk.offer()
    change(desk, body)

    response = ask(client, body)

    assert codes(response) == expected
    answer = response.json()
    assert (answer["decision"], answer["approval_id"], answer["expires_at"]) == ("deny", None, None)
    assert models.Admission.objects.get().decision == "deny"
    assert decisions.last(f"admission:{answer['admission_id']}")[2]["reasons"][0]["code"] == expected[0]


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


def test_without_a_policy_there_is_no_decision(client: Client, desk: Desk) -> None:
    desk.policy.delete()

    response = ask(client, desk.offer())

    assert (response.status_code, response.json()["code"]) == (503, "no_policy")


def test_an_allow_takes_few_queries_once_warm(
    client: Client, desk: Desk, django_assert_max_num_queries: Any
) -> None:
    approve(desk)
    _, token = factories.api_token(Scope.ADMISSION)
    headers = {"Authorization": f"Bearer {token}"}
    body = desk.offer()
    client.post("/api/v1/admissions", body, content_type="application/json", headers=headers)

    with django_assert_max_num_queries(16):
        response = client.post("/api/v1/admissions", body, content_type="application/json", headers=headers)

    assert response.json()["decision"] == "allow"
