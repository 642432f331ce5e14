"""What tests of the pages need: people at the desk, and a version that went the whole way."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.test import Client
from modelcustody_client import canonical

from audit.deployments import report_deployment
from audit.ingest import records, store
from audit.models import Deployment, ServedRequest
from governance.actions import policies
from governance.actors import Actor
from governance.models import User
from governance.permissions import Role, Scope
from registry.actions import admit, review
from registry.models import Admission, Approval, ModelVersion, ServingEnvironment
from tests import factories, intake

POLICY = Path(__file__).parents[1] / "governance" / "policy" / "default.toml"
RECORDER = "node-1"
# A card of its own making, so that the licence stands on nothing but itself.
SOUND: dict[str, bytes | None] = {"README_md": b"---\nlicense: mit\n---\n# A model\n"}


@dataclass
class Desk:
    """The rows that pages are about."""

    version: ModelVersion
    environment: ServingEnvironment
    approval: Approval
    admission: Admission
    refused: Admission
    deployment: Deployment
    request: ServedRequest


def client(role: Role) -> tuple[Client, User]:
    """A browser in which someone with this role is logged in."""
    user = factories.user(role)
    found = Client()
    found.force_login(user)
    return found, user


def load_policy() -> None:
    policies.load_policy(text=POLICY.read_text(), actor=None, now=intake.now())


def evidence(folder: Path) -> ModelVersion:
    """A version with all its evidence, gathered by the real actions and a pretended engine."""
    version = intake.verified(folder, **SOUND)
    intake.smoke_open(version)
    version.refresh_from_db()
    return version


def request_approval(
    version: ModelVersion,
    place: ServingEnvironment,
    *,
    officer: User | None = None,
    now: datetime | None = None,
) -> Approval:
    at = now or intake.now()
    return review.request_approval(
        version=version,
        environment=place,
        purpose="assistant",
        expires_at=at + timedelta(days=30),
        note="A pilot.",
        actor=Actor(user=officer or factories.user(Role.OFFICER)),
        now=at,
    )


def served(folder: Path) -> Desk:
    """Everything: approved, admitted once and refused once, deployed, one request on record."""
    load_policy()
    version, place = evidence(folder), factories.environment(name="production")
    approval = request_approval(version, place)
    review.approve(approval=approval, note="Read it.", actor=factories.actor(Role.REVIEWER), now=intake.now())
    token, _ = factories.api_token(Scope.ADMISSION, Scope.RECORD, recorder=RECORDER)
    node = Actor(user=token.owner, token=token)
    admission = ask(version, node, environment=place.name)
    refused = ask(version, node, environment=place.name, purpose="other")
    deployment = deploy(version, admission, node)
    request = record(deployment)
    return Desk(version, place, approval, admission, refused, deployment, request)


def ask(version: ModelVersion, node: Actor, *, environment: str, purpose: str = "assistant") -> Admission:
    question = {
        "environment": environment,
        "purpose": purpose,
        "model_digest": version.model_digest,
        "engine": {"name": "vllm", "version": "0.32.0"},
        "node": RECORDER,
        "region": "eu-central",
    }
    return admit.decide_admission(request=question, actor=node, now=intake.now())


def deploy(version: ModelVersion, admission: Admission, node: Actor) -> Deployment:
    statement = {
        "type": "modelcustody/deployment/v1",
        "admission_id": str(admission.pk),
        "model_version": version.purl,
        "model_digest": version.model_digest,
        "manifest_digest": version.manifest_digest,
        "adapters": [],
        "engine": {"name": "vllm", "version": "0.32.0", "image_digest": None, "arguments": []},
        "dtype": None,
        "quantization": None,
        "parallelism": None,
        "gpu": None,
        "environment": admission.environment,
        "purpose": admission.purpose,
        "node": RECORDER,
        "region": "eu-central",
        "operator": None,
        "recorder": RECORDER,
        "started_at": intake.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return report_deployment(data=canonical.dumps(statement), actor=node, now=intake.now())[0]


def record(deployment: Deployment, *, sequence: int = 0, response_id: str = "chatcmpl-1") -> ServedRequest:
    """One request on record, as a recorder sends it."""
    now = intake.now()
    stamp = int(now.timestamp() * 1000)
    record_id = uuid.UUID(int=(stamp << 80) | (7 << 76) | (2 << 62) | uuid.uuid4().int & ((1 << 62) - 1))
    line = {
        "record_id": str(record_id),
        "recorder": RECORDER,
        "epoch": 1,
        "sequence": sequence,
        "deployment_digest": deployment.deployment_digest,
        "started_at": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "duration_ms": 420,
        "operation": "chat",
        "status": "ok",
        "response_id": response_id,
        "request_id": f"req-{sequence}",
        "input_tokens": 12,
        "output_tokens": 34,
    }
    batch = records.read_batch(json.dumps(line).encode() + b"\n", is_lines=True)
    store.take_over(batch, now=now)
    return ServedRequest.objects.select_related("deployment").get(pk=record_id)
