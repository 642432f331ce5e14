from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance.permissions import Role, Scope
from registry.models import ModelVersion
from tests import factories, folders, intake

pytestmark = pytest.mark.django_db
URL = "/api/v1/model-versions"


def client_with(*scopes: Scope, **fields: Any) -> Client:
    _, token = factories.api_token(*scopes, **fields)
    return Client(headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def officer() -> Client:
    client = Client()
    client.force_login(factories.user(Role.OFFICER))
    return client


def post(client: Client, path: str, body: object) -> Any:
    return client.post(path, body, content_type="application/json")


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    return body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folders.write(tmp_path / "m", folders.model_files())


def body_of(folder: Path) -> dict[str, str]:
    return {"source": f"folder://{folder}", "name": "acme/model"}


@pytest.mark.parametrize("door", ["session", "token"])
def test_registering_answers_at_once_with_a_draft(folder: Path, officer: Client, door: str) -> None:
    client = officer if door == "session" else client_with(Scope.REGISTER)

    response = post(client, URL, body_of(folder))

    assert response.status_code == 202, response.content
    shown = response.json()
    assert (shown["status"], shown["model"], shown["source"]) == ("draft", "acme/model", "folder")
    assert shown["runs"][0]["kind"] == "resolution"
    assert response["Location"] == f"{URL}/{shown['id']}"
    version = ModelVersion.objects.get(pk=shown["id"])
    entry = "token:" if door == "token" else "user:"
    assert version.resolutionruns.get().requested_by.startswith(entry)


def test_a_version_is_shown_with_all_that_is_known(officer: Client, tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    intake.smoke_open(version)
    factories.approval(version)

    response = officer.get(f"{URL}/{version.pk}")

    shown = response.json()
    assert response["ETag"]
    assert shown["purl"].startswith("pkg:generic/acme/model@")
    assert [file["path"] for file in shown["files"]] == sorted(folders.model_files())
    assert {finding["kind"] for finding in shown["license_findings"]} == {
        "declared",
        "discovered",
        "concluded",
    }
    assert shown["lineage"][0]["base_model"] == "acme/base"
    assert {(run["kind"], run["outcome"]) for run in shown["runs"]} >= {
        ("resolution", "pass"),
        ("verification", "pass"),
        ("smoke", "pass"),
    }
    assert shown["approvals"][0]["status"] == "requested"
    assert shown["allowed_transitions"] == ["quarantined", "revoked"]


def test_showing_a_version_takes_a_fixed_number_of_queries(
    officer: Client, tmp_path: Path, django_assert_max_num_queries: Any
) -> None:
    version = intake.verified(tmp_path / "m")

    with django_assert_max_num_queries(14):
        officer.get(f"{URL}/{version.pk}")


def test_versions_are_listed_newest_first_in_pages(officer: Client) -> None:
    made = [factories.resolved_version().pk for _ in range(5)]

    first = officer.get(URL, {"limit": 2}).json()
    second = officer.get(first["next"]).json()

    assert [row["id"] for row in first["results"] + second["results"]] == made[:0:-1]
    assert second["next"]


def test_versions_are_found_by_status_model_and_digest(officer: Client) -> None:
    draft, resolved = factories.draft_version(), factories.resolved_version()

    def found(**given: str) -> list[int]:
        return [row["id"] for row in officer.get(URL, given).json()["results"]]

    assert found(status="draft") == [draft.pk]
    assert found(model=str(resolved.registered_model)) == [resolved.pk]
    assert found(model_digest=resolved.model_digest or "") == [resolved.pk]
    assert found(status="revoked") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "blessed"}, "status"),
        ({"model": "x"}, "model"),
        ({"model_digest": "a"}, "model_digest"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(officer: Client, query: dict[str, str], field: str) -> None:
    assert problem(officer.get(URL, query), 422, "invalid_input")["field"] == field


@pytest.mark.parametrize(
    "data", [b"{", b"not json", b'{"source":"a","source":"b"}', b'{"source": NaN}', b"\xff"]
)
def test_a_body_that_is_not_json_is_refused(officer: Client, data: bytes) -> None:
    problem(officer.post(URL, data, content_type="application/json"), 400, "malformed_json")


def test_another_kind_of_body_is_refused(officer: Client) -> None:
    problem(officer.post(URL, {"source": "x"}), 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"sauce": "x"}, "sauce"),
        ({"source": None}, "source"),
        ({"source": ["a"]}, "source"),
        ({"name": {}}, "name"),
    ],
)
def test_an_unknown_or_wrong_member_is_named(
    officer: Client, folder: Path, change: dict[str, object], field: str
) -> None:
    shown = problem(post(officer, URL, body_of(folder) | change), 422, "invalid_input")

    assert shown["errors"][0]["field"] == field
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize("body", [[], [1], {"source": {}}])
def test_a_body_that_is_no_object_is_refused(officer: Client, body: object) -> None:
    assert post(officer, URL, body).status_code == 422


def test_a_source_that_is_none_is_refused_with_how_to_mend_it(officer: Client, tmp_path: Path) -> None:
    shown = problem(post(officer, URL, {"source": "ftp://x"}), 422, "invalid_source")
    assert "hf://org/name" in shown["detail"]

    problem(post(officer, URL, body_of(tmp_path / "none")), 422, "source_not_found")


def test_a_commit_registered_before_is_a_conflict(officer: Client) -> None:
    commit = "a" * 40
    model = factories.registered_model(publisher="org", name="name")
    there = factories.resolved_version(
        registered_model=model, source_kind="hub", location="org/name", revision=commit
    )

    shown = problem(
        post(officer, URL, {"source": "hf://org/name", "revision": commit}), 409, "duplicate_version"
    )

    assert shown["model_version"] == there.pk


@pytest.mark.parametrize(
    "path",
    ["", "/quarantine", "/release", "/revoke", "/verification-runs", "/smoke-runs"],
)
def test_an_unknown_version_is_not_found(officer: Client, path: str) -> None:
    address = f"{URL}/999999{path}"
    body = {"reason": "x"} if path in {"/quarantine", "/release", "/revoke"} else {}

    problem(post(officer, address, body) if path else officer.get(address), 404, "not_found")


@pytest.mark.parametrize("kind", ["resolution", "verification", "smoke"])
def test_an_unknown_run_is_not_found(officer: Client, kind: str) -> None:
    problem(officer.get(f"/api/v1/{kind}-runs/999999"), 404, "not_found")


def test_runs_are_shown_with_what_they_found(officer: Client, tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    intake.smoke_open(version)

    resolution = officer.get(f"/api/v1/resolution-runs/{version.resolutionruns.get().pk}").json()
    verification = officer.get(f"/api/v1/verification-runs/{version.verificationruns.get().pk}").json()
    smoke = officer.get(f"/api/v1/smoke-runs/{version.smokeruns.get().pk}").json()

    assert resolution["outcome"] == "pass"
    assert {result["check_id"] for result in verification["results"]} >= {"C3-digests", "C7-safetensors"}
    assert len(smoke["answers"]) == 6
    assert smoke["engine"]["name"] == "fake"


def test_runs_can_be_asked_for_again(officer: Client, tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    intake.smoke_open(version)

    verification = post(officer, f"{URL}/{version.pk}/verification-runs", {})
    smoke = officer.post(f"{URL}/{version.pk}/smoke-runs", content_type="application/json")

    assert (verification.status_code, verification.json()["state"]) == (202, "queued")
    assert verification["Location"] == f"/api/v1/verification-runs/{verification.json()['id']}"
    assert smoke.status_code == 202
    problem(post(officer, f"{URL}/{version.pk}/verification-runs", {}), 409, "run_in_progress")
    problem(post(officer, f"{URL}/{version.pk}/verification-runs", {"x": 1}), 422, "invalid_input")


def test_a_smoke_test_of_something_unverified_is_refused(officer: Client, tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")

    problem(post(officer, f"{URL}/{version.pk}/smoke-runs", {}), 409, "version_not_verified")


def test_a_version_is_quarantined_released_and_revoked(officer: Client, tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    address = f"{URL}/{version.pk}"

    assert post(officer, f"{address}/quarantine", {"reason": "a rumour"}).json()["status"] == "quarantined"
    problem(post(officer, f"{address}/quarantine", {"reason": "again"}), 409, "transition_not_allowed")
    problem(post(officer, f"{address}/verification-runs", {}), 409, "version_not_resolved")
    asked = post(officer, f"{address}/release", {"reason": "nothing found"})
    assert (asked.status_code, asked.json()["state"]) == (202, "open")
    assert officer.get(address).json()["status"] == "quarantined"
    revoked = post(officer, f"{address}/revoke", {"reason": "poisoned"}).json()
    assert (revoked["status"], revoked["revocation_reason"], revoked["allowed_transitions"]) == (
        "revoked",
        "poisoned",
        [],
    )
    problem(post(officer, f"{address}/release", {"reason": "please"}), 409, "transition_not_allowed")
    problem(post(officer, f"{address}/revoke", {}), 422, "invalid_input")
    problem(post(officer, f"{address}/revoke", {"reason": "  "}), 422, "invalid_input")


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.REVIEWER, Role.ADMIN])
def test_only_officers_register(folder: Path, role: Role) -> None:
    client = Client()
    client.force_login(factories.user(role))

    problem(post(client, URL, body_of(folder)), 403, "forbidden")
    assert client.get(URL).status_code == 200


def test_an_auditor_changes_nothing(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "m")
    client = Client()
    client.force_login(factories.user(Role.AUDITOR))

    for path in ("quarantine", "release", "revoke"):
        problem(post(client, f"{URL}/{version.pk}/{path}", {"reason": "x"}), 403, "forbidden")
    for path in ("verification-runs", "smoke-runs"):
        problem(post(client, f"{URL}/{version.pk}/{path}", {}), 403, "forbidden")


def test_a_token_may_do_what_its_scopes_say(folder: Path) -> None:
    problem(post(client_with(Scope.READ), URL, body_of(folder)), 403, "forbidden")
    problem(client_with(Scope.ADMISSION).get(URL), 403, "forbidden")
    assert client_with(Scope.READ).get(URL).status_code == 200


def test_an_expired_token_says_so() -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    client = client_with(Scope.READ, created_at=past - timedelta(days=1), expires_at=past)

    response = client.get(URL)

    problem(response, 401, "token_expired")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_nobody_gets_in_without_a_token() -> None:
    assert Client().get(URL).status_code == 401
    assert Client(headers={"authorization": "Bearer nonsense"}).get(URL).json()["code"] == "token_invalid"
