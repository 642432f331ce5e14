"""Admission over HTTP: every reason that this service can give, and the one answer that lets a node serve."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from governance.actions import policies
from governance.permissions import Role
from registry import models
from registry.actions import custody, review
from registry.lifecycle import Outcome
from tests import decisions, factories
from tests.rest import approve, ask, codes, fresh_desk, now
from tests.reviewing import Desk, policy_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """An approved version, with evidence as of this moment."""
    return fresh_desk()


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


def _disguised(desk: Desk, body: dict[str, Any]) -> None:
    for path in ("LICENSE_model.py", "README.safetensors", "README.extra.md"):
        body["files"].append({"path": path, "size": 1, "sha256": "0" * 64})


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
    policy(denied_countries='["AQ"]')


def _formats(desk: Desk, body: dict[str, Any]) -> None:
    policy(formats='["gguf"]')


def policy(**lines: str) -> None:
    policies.load_policy(text=policy_text(**lines), actor=factories.actor(Role.ADMIN), now=now())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_extra, ["file_extra"]),
        (_disguised, ["file_extra", "file_extra"]),
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
        (_origin, ["origin_restricted", "origin_restricted"]),
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


def test_a_revoked_version_speaks_for_all_of_its_content_however_many_share_it(
    client: Client, desk: Desk
) -> None:
    files = {"config.json": b"{}", "model.safetensors": f"weights {desk.version.pk}".encode()}
    custody.revoke(version=desk.version, reason="poisoned", actor=desk.officer, now=now())
    for _ in range(20):
        copy = factories.resolved_version(files)
    assert copy.model_digest == desk.version.model_digest
    factories.verification_run(copy, at=now())
    factories.smoke_run(copy, at=now())
    approve(dataclasses.replace(desk, version=copy))

    assert "revoked" in codes(ask(client, desk.offer()))
