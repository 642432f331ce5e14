"""What tests of review and admission start from."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from governance.actions import policies
from governance.actors import Actor
from governance.models import PolicyDocument
from governance.permissions import Role
from governance.policy import document
from registry import models
from registry.actions import review
from tests import factories

NOW = factories.NOW
USE = {
    "role": "licensee",
    "purpose": "internal",
    "environment": "production",
    "commercial": True,
    "hosting": "none",
    "distribute_weights": False,
    "distribute_derivative": False,
    "use_case_tags": [],
}


@dataclass
class Desk:
    """A version with all its evidence, a place to serve it, and three people."""

    version: models.ModelVersion
    environment: models.ServingEnvironment
    officer: Actor
    reviewer: Actor
    policy: PolicyDocument | None

    def request(self, **changes: Any) -> models.Approval:
        fields: dict[str, Any] = {
            "version": self.version,
            "environment": self.environment,
            "purpose": "assistant",
            "expires_at": NOW + timedelta(days=90),
            "note": "for the assistant",
            "actor": self.officer,
            "now": NOW,
            **changes,
        }
        return review.request_approval(**fields)

    def approved(self, *, now: datetime = NOW, **changes: Any) -> models.Approval:
        approval = self.request(now=now, **changes)
        return review.approve(approval=approval, note="seen", actor=self.reviewer, now=now)

    def offer(self, **changes: Any) -> dict[str, Any]:
        """The request of a node that has exactly the registered files."""
        files = self.version.artifacts.order_by("path").values("path", "size", "sha256")
        return {
            "environment": self.environment.name,
            "purpose": "assistant",
            "files": list(files),
            "engine": {"name": "vllm", "version": "0.32.0"},
            "node": "node-1",
            "region": "eu-central",
            **changes,
        }


def policy_text(**changes: str) -> str:
    """The shipped policy with some lines replaced."""
    text = document.DEFAULT.read_text()
    for key, value in changes.items():
        lines = [f"{key} = {value}" if line.startswith(f"{key} =") else line for line in text.splitlines()]
        text = "\n".join(lines) + "\n"
    return text


def open_desk(
    *, evidence: bool = True, policy: str | None = None, with_policy: bool = True, **fields: Any
) -> Desk:
    version = factories.resolved_version(**fields)
    if evidence:
        factories.verification_run(version)
        factories.smoke_run(version)
    return Desk(
        version=version,
        environment=factories.environment(use=USE, regions=["eu-central"]),
        officer=factories.actor(Role.OFFICER),
        reviewer=factories.actor(Role.REVIEWER),
        policy=_load(policy or policy_text()) if with_policy else None,
    )


def _load(text: str) -> PolicyDocument:
    return policies.load_policy(text=text, actor=factories.actor(Role.ADMIN), now=NOW - timedelta(days=1))
