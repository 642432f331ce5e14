"""What tests of the REST interface share: a person's client, a request, and a problem taken apart."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from governance.models import User
from governance.permissions import Role, Scope
from registry import models
from tests import factories
from tests.reviewing import Desk, open_desk


def now() -> datetime:
    return datetime.now(UTC)


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def person(role: Role) -> Client:
    return as_(factories.user(role))


def post(client: Client, address: str, body: Any, **options: Any) -> Any:
    return client.post(f"/api/v1/{address}", body, content_type="application/json", **options)


def problem(response: Any, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = response.json()
    assert (response.status_code, found["code"], found.get("field")) == (status, code, field), found
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "detail"} <= set(found)
    return found


def fresh_desk(**fields: Any) -> Desk:
    """A version whose evidence is as old as this moment."""
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


def wanted(desk: Desk, **changes: Any) -> dict[str, Any]:
    return {
        "model_version": desk.version.pk,
        "environment": desk.environment.name,
        "purpose": "assistant",
        "expires_at": (now() + timedelta(days=30)).isoformat(),
        "note": "please",
        **changes,
    }
