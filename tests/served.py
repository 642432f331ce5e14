"""A version that has been all the way: approved, admitted, deployed, asked once."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client
from modelcustody_client import canonical

from audit import deployments
from governance.actors import Actor
from governance.permissions import Scope
from registry import models
from registry.actions import admit, review
from tests import factories
from tests.reviewing import Desk, open_desk

RECORD_ID = "01939b2e-7c00-7000-8000-000000000001"
FILES = {
    "model.safetensors": b"weights",
    "config.json": b"{}",
    "README.md": b"# about",
    "LICENSE": b"do what you like",
}


def served_desk() -> Desk:
    """Approved, admitted, deployed, asked once."""
    at = datetime.now(UTC)
    made = open_desk(evidence=False, files=FILES)
    factories.verification_run(made.version, at=at)
    factories.smoke_run(made.version, at=at)
    approval = made.request(now=at, expires_at=at + timedelta(days=30))
    review.approve(approval=approval, note="seen", actor=made.reviewer, now=at)
    serve(made)
    return made


def serve(desk: Desk) -> str:
    """What a node does: asks, states what it runs, records one request; the deployment's digest."""
    at = datetime.now(UTC)
    token, text = factories.api_token(Scope.ADMISSION, Scope.RECORD, recorder="node-1")
    node = Actor(user=token.owner, token=token)
    decision = admit.decide_admission(request=desk.offer(), actor=node, now=at)
    assert decision.decision == "allow", decision.reasons
    data = canonical.dumps(statement(desk, decision))
    deployment, _ = deployments.report_deployment(data=data, actor=node, now=at)
    answer = Client().post(
        "/api/v1/served-requests",
        json.dumps(record(deployment.deployment_digest)),
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {text}"},
    )
    assert answer.status_code == 202, answer.content
    return deployment.deployment_digest


def record(deployment_digest: str) -> dict[str, Any]:
    return {
        "record_id": RECORD_ID,
        "recorder": "node-1",
        "epoch": 1,
        "sequence": 0,
        "deployment_digest": deployment_digest,
        "started_at": "2026-11-22T12:00:00Z",
        "duration_ms": 12,
        "operation": "chat",
        "status": "ok",
        "response_id": "chatcmpl-1",
    }


def statement(desk: Desk, decision: models.Admission) -> dict[str, Any]:
    return {
        "type": "modelcustody/deployment/v1",
        "admission_id": str(decision.pk),
        "model_version": desk.version.purl,
        "model_digest": desk.version.model_digest,
        "manifest_digest": desk.version.manifest_digest,
        "adapters": [],
        "engine": {"name": "vllm", "version": "0.32.0", "image_digest": None, "arguments": []},
        "dtype": None,
        "quantization": None,
        "parallelism": None,
        "gpu": None,
        "environment": desk.environment.name,
        "purpose": "assistant",
        "node": "node-1",
        "region": "eu-central",
        "operator": None,
        "recorder": "node-1",
        "started_at": "2026-11-22T12:00:00Z",
    }
