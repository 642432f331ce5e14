import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from modelcustody_client import canonical

from audit import deployments, selectors, store
from audit.events import Log
from audit.models import Batch, Deployment
from governance.permissions import Scope
from tests import factories
from tests.logs import RECORDER, assert_whole, deployment_statement, sequence_all

URL = "/api/v1/deployments"
Report = Callable[..., Any]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Mapping[str, Any]]]:
    """Statements whose admission was checked; one that asks for it is refused."""
    seen: list[Mapping[str, Any]] = []

    def check(*, statement: Mapping[str, Any], now: datetime) -> None:
        seen.append(statement)
        if statement["node"] == "denied":
            raise deployments.AdmissionNotValid("The admission was a deny.", field="admission_id")

    monkeypatch.setattr(deployments, "_hooks", deployments._Hooks(check))
    return seen


@pytest.fixture
def report(client: Client) -> Report:
    _, token = factories.api_token(Scope.RECORD, recorder=RECORDER, environment="production")

    def post(data: bytes) -> Any:
        return client.post(
            URL, data, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
        )

    return post


def assert_refused(response: Any, status: int, code: str, field: str | None = None) -> None:
    assert response.status_code == status, response.content
    problem = response.json()
    assert (problem["code"], problem.get("field")) == (code, field)
    assert not Deployment.objects.exists()
    assert not Batch.objects.exists()


@pytest.mark.django_db
def test_a_statement_becomes_a_leaf_under_its_own_digest(
    report: Report, checked: list[Mapping[str, Any]]
) -> None:
    data = deployment_statement()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"

    first = report(data)
    again = report(data)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"deployment_digest": digest}
    row = Deployment.objects.get()
    assert store.leaves_of([row.batch_id])[row.batch_id] == [data]
    assert (row.deployment_digest, row.environment, row.region, row.recorder) == (
        digest,
        "production",
        "eu-central",
        RECORDER,
    )
    assert row.reported_by.startswith("token:")
    assert [dict(one) for one in checked] == [canonical.loads(data)]
    assert selectors.deployment_statement(row) == canonical.loads(data)
    sequence_all(Log.REQUESTS)
    assert assert_whole(Log.REQUESTS) == 1


@pytest.mark.django_db
def test_a_deployment_that_was_not_admitted_is_refused(
    report: Report, checked: list[Mapping[str, Any]]
) -> None:
    assert_refused(report(deployment_statement(node="denied")), 422, "admission_not_valid", "admission_id")


@pytest.mark.django_db
def test_nothing_is_taken_where_admissions_cannot_be_checked(
    report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployments, "_hooks", deployments._Hooks())
    deployments.register_admission_check(None)

    assert_refused(report(deployment_statement()), 503, "unavailable")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]x", deployment_statement() + b"\n", b" " + deployment_statement(), b"\xff", b"[1.5]", b"{" * 70_000],
)  # fmt: skip
def test_bytes_that_are_not_canonical_are_refused(
    report: Report, data: bytes, checked: list[Mapping[str, Any]]
) -> None:
    assert_refused(report(data), 422, "not_canonical")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "modelcustody/deployment/v2"}, "type"),
        ({"surprise": 1}, "surprise"),
        ({"engine": {"name": "vllm", "arguments": [], "surprise": 1}}, "engine.surprise"),
        ({"engine": {"name": "vllm"}}, "engine.arguments"),
        ({"admission_id": "6F1F2C1E-6a43-4a0c-9a53-0d7c9d2f6a01"}, "admission_id"),
        ({"model_digest": "1" * 64}, "model_digest"),
        ({"node": ""}, "node"),
        ({"node": "a\u0000"}, "node"),
        ({"recorder": None}, "recorder"),
        ({"started_at": "2026-02-31T00:00:00Z"}, "started_at"),
    ],
)
def test_a_statement_that_is_not_in_its_form_is_refused_by_name(
    report: Report, changes: dict[str, object], field: str, checked: list[Mapping[str, Any]]
) -> None:
    assert_refused(report(deployment_statement(**changes)), 422, "invalid_input", field)


@pytest.mark.django_db
def test_a_token_speaks_for_its_own_recorder_and_environment(
    report: Report, client: Client, checked: list[Mapping[str, Any]]
) -> None:
    assert_refused(report(deployment_statement(recorder="another")), 403, "recorder_mismatch", "recorder")
    assert_refused(
        report(deployment_statement(environment="staging")), 403, "environment_mismatch", "environment"
    )
    _, other = factories.api_token(Scope.ADMISSION)
    headers = {"Authorization": f"Bearer {other}"}
    refused = client.post(URL, deployment_statement(), content_type="application/json", headers=headers)
    assert_refused(refused, 403, "forbidden")


@pytest.mark.django_db(transaction=True)
def test_the_same_statement_at_once_is_one_leaf(report: Report, checked: list[Mapping[str, Any]]) -> None:
    data = deployment_statement()
    statuses: list[int] = []

    def post() -> None:
        statuses.append(report(data).status_code)
        connection.close()

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200, 200, 200, 201]
    assert Batch.objects.count() == 1
