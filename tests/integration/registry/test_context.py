"""What the registry tells the log: which deployments may be reported, and what was in force for a request."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from modelcustody_client import canonical

from audit import deployments, selectors
from governance.actions import policies
from governance.actors import Actor
from governance.permissions import Role, Scope
from registry import models
from registry.actions import admit, review
from tests import factories
from tests.reviewing import Desk, policy_text
from tests.served import served_desk, statement

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    """A version that has been served."""
    return served_desk()


def test_deployment_must_cite_an_admission_that_fits(desk: Desk) -> None:
    decision = models.Admission.objects.get()
    token, _ = factories.api_token(Scope.RECORD, recorder="node-1")
    node = Actor(user=token.owner, token=token)
    good = statement(desk, decision)
    other = f"sha256:{'0' * 64}"
    for change in (
        {"admission_id": str(uuid.uuid4())},
        {"model_digest": other},
        {"environment": "elsewhere"},
        {"node": "node-2"},
        {"region": "us-east"},
        {"purpose": "translation"},
        {"model_version": "pkg:huggingface/someone/else@" + "a" * 40},
    ):
        with pytest.raises(deployments.AdmissionNotValid):
            deployments.report_deployment(
                data=canonical.dumps({**good, **change}), actor=node, now=datetime.now(UTC)
            )
    with pytest.raises(deployments.AdmissionNotValid, match="expired"):
        deployments.report_deployment(
            data=canonical.dumps({**good, "gpu": "H100"}),
            actor=node,
            now=datetime.now(UTC) + timedelta(hours=2),
        )


def test_denied_node_cannot_report_a_deployment(desk: Desk) -> None:
    denied = admit.decide_admission(
        request=desk.offer(region="us-east"),
        actor=Actor(user=factories.user(), token=factories.api_token(Scope.ADMISSION)[0]),
        now=datetime.now(UTC),
    )
    token, _ = factories.api_token(Scope.RECORD, recorder="node-1")

    with pytest.raises(deployments.AdmissionNotValid, match="deny"):
        deployments.report_deployment(
            data=canonical.dumps({**statement(desk, denied), "region": "us-east"}),
            actor=Actor(user=token.owner, token=token),
            now=datetime.now(UTC),
        )


def test_context_of_a_request_is_what_was_in_force_then(desk: Desk) -> None:
    decision = models.Admission.objects.get()
    served_at = datetime.now(UTC)
    review.revoke(
        approval=models.Approval.objects.get(),
        reason="odd",
        actor=desk.reviewer,
        now=served_at + timedelta(hours=1),
    )
    deployment = {"admission_id": str(decision.pk)}

    then = selectors.context_of(deployment, at=served_at)
    later = selectors.context_of(deployment, at=served_at + timedelta(hours=2))

    assert then is not None
    assert later is not None
    assert then["model_version"]["manifest_digest"] == desk.version.manifest_digest
    assert then["evaluation"]["verdict"] == "allowed"
    assert then["admission"]["policy_digest"] == desk.policy.policy_digest
    assert (then["approval"]["was_in_force"], later["approval"]["was_in_force"]) == (True, False)
    assert selectors.context_of({"admission_id": "nonsense"}, at=served_at) == {
        "admission": None,
        "model_version": None,
        "approval": None,
        "evaluation": None,
    }


def test_altered_files_that_admission_only_warned_of_are_no_registered_version(desk: Desk) -> None:
    policies.load_policy(
        text=policy_text(mode='"warn"'), actor=factories.actor(Role.ADMIN), now=datetime.now(UTC)
    )
    files = desk.offer()["files"]
    next(file for file in files if file["path"].endswith(".safetensors"))["sha256"] = "1" * 64
    asker = Actor(user=factories.user(), token=factories.api_token(Scope.ADMISSION)[0])
    row = admit.decide_admission(request=desk.offer(files=files), actor=asker, now=datetime.now(UTC))
    token, _ = factories.api_token(Scope.RECORD, recorder="node-1")
    node = Actor(user=token.owner, token=token)
    said = {**statement(desk, row), "model_digest": row.model_digest}

    assert (row.decision, row.mode, row.version) == ("deny", "warn", desk.version)
    assert admit.answer(row)["model_version"] is None
    with pytest.raises(deployments.AdmissionNotValid) as refusal:
        deployments.report_deployment(data=canonical.dumps(said), actor=node, now=datetime.now(UTC))
    assert refusal.value.field == "model_version"
    unregistered = {**said, "model_version": f"urn:modelcustody:unregistered:{row.model_digest}"}
    deployments.report_deployment(data=canonical.dumps(unregistered), actor=node, now=datetime.now(UTC))
    then = selectors.context_of(unregistered, at=datetime.now(UTC))
    assert then is not None
    assert (then["model_version"], then["approval"], then["admission"]["decision"]) == (None, None, "deny")
