"""The deciding side over REST: what goes in, what comes out, and how each refusal reads."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from governance.permissions import Role, Scope
from tests import factories
from tests.rest import as_, fresh_desk, person, post, problem
from tests.reviewing import USE, Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return fresh_desk()


# -- environments and facts -----------------------------------------------------------------------------------------


def test_environment_is_defined_once_and_defined_anew() -> None:
    officer = person(Role.OFFICER)
    body = {"name": "production", "description": "", "regions": ["eu"], "use": USE}

    first = post(officer, "environments", body)
    second = post(officer, "environments", {**body, "regions": []})

    assert (first.status_code, second.status_code) == (201, 200)
    listed = person(Role.AUDITOR).get("/api/v1/environments").json()
    assert [(row["name"], row["regions"]) for row in listed["results"]] == [("production", [])]


def test_environment_refusals() -> None:
    officer = person(Role.OFFICER)
    body = {"name": "production", "use": USE}

    problem(post(officer, "environments", {**body, "usage": 1}), 422, "invalid_input", "usage")
    problem(post(officer, "environments", {"use": USE}), 422, "invalid_input", "name")
    problem(post(officer, "environments", {**body, "use": {"role": "x"}}), 422, "invalid_input", "use.role")
    problem(
        post(officer, "environments", {**body, "use": {"role": "\ud800"}}), 422, "invalid_input", "use.role"
    )
    problem(post(person(Role.AUDITOR), "environments", body), 403, "forbidden")


def test_facts_are_attested_and_listed() -> None:
    officer = person(Role.OFFICER)

    made = post(
        officer, "organization-facts", {"facts": {"entity_type": "company"}, "note": "register of 2026"}
    )

    assert made.status_code == 201
    listed = person(Role.AUDITOR).get("/api/v1/organization-facts").json()
    assert listed["results"] == [made.json()]
    problem(post(officer, "organization-facts", {"facts": {"size": 7}}), 422, "invalid_input", "org.size")
    problem(post(officer, "organization-facts", {"facts": []}), 422, "invalid_input", "facts")


# -- who asks -------------------------------------------------------------------------------------------------------


def test_nobody_is_asked_to_log_in() -> None:
    response = Client().get("/api/v1/approvals")

    problem(response, 401, "authentication_required")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (
            {"created_at": datetime(2020, 1, 1, tzinfo=UTC), "expires_at": datetime(2020, 2, 1, tzinfo=UTC)},
            "token_expired",
        ),
        ({"revoked_at": factories.NOW}, "token_invalid"),
    ],
)
def test_unusable_tokens_say_why(fields: dict[str, Any], code: str) -> None:
    owner = factories.user(Role.ADMIN)
    if "revoked_at" in fields:
        fields = {**fields, "revoked_by": owner}
    _, text = factories.api_token(Scope.READ, owner=owner, **fields)

    response = Client().get("/api/v1/approvals", headers={"Authorization": f"Bearer {text}"})

    problem(response, 401, code)


def test_token_that_is_none_and_wrong_secret_are_refused() -> None:
    _, text = factories.api_token(Scope.READ)
    for broken in ("nonsense", text[:-1] + ("a" if text[-1] != "a" else "b"), f"mc_{'0' * 16}_{'x' * 43}"):
        problem(
            Client().get("/api/v1/approvals", headers={"Authorization": f"Bearer {broken}"}),
            401,
            "token_invalid",
        )


def test_scope_that_does_not_reach_is_named() -> None:
    _, text = factories.api_token(Scope.ADMISSION)

    found = problem(
        Client().get("/api/v1/approvals", headers={"Authorization": f"Bearer {text}"}), 403, "forbidden"
    )

    assert found["permission"] == "version_read"


def test_unknown_address_and_wrong_method() -> None:
    problem(person(Role.AUDITOR).get("/api/v1/nothing"), 404, "not_found")
    refused = problem(person(Role.AUDITOR).delete("/api/v1/approvals"), 405, "method_not_allowed")
    assert refused["title"] == "Method Not Allowed"


# -- evaluations ----------------------------------------------------------------------------------------------------


def test_version_is_evaluated_and_the_answer_kept(desk: Desk) -> None:
    address = f"model-versions/{desk.version.pk}/evaluations"

    made = post(
        as_(desk.officer.user), address, {"environment": desk.environment.name, "purpose": "assistant"}
    )

    assert made.status_code == 201
    assert (made.json()["verdict"], made.json()["result"]["effective_licenses"]) == (
        "allowed",
        ["apache-2.0"],
    )
    assert person(Role.AUDITOR).get(f"/api/v1/{address}").json()["results"] == [made.json()]


def test_evaluation_refusals(desk: Desk) -> None:
    officer, address = as_(desk.officer.user), f"model-versions/{desk.version.pk}/evaluations"
    body = {"environment": desk.environment.name, "purpose": "assistant"}

    problem(post(officer, address, {**body, "environment": "x"}), 422, "unknown_environment", "environment")
    problem(post(officer, address, {**body, "purpose": "A B"}), 422, "invalid_input", "purpose")
    problem(post(officer, address, "{"), 400, "malformed_json")
    problem(post(officer, "model-versions/999999/evaluations", body), 404, "not_found")
    problem(post(person(Role.AUDITOR), address, body), 403, "forbidden")
    draft = factories.draft_version()
    problem(post(officer, f"model-versions/{draft.pk}/evaluations", body), 409, "not_resolved")


def test_any_licence_question_is_answered() -> None:
    _, text = factories.api_token(Scope.REGISTER)
    headers = {"Authorization": f"Bearer {text}"}
    question = {
        "model": "someone/llama-3.3-thing",
        "declared_metadata": {"license": "llama3.3", "base_model": "meta-llama/Llama-3.3-70B-Instruct"},
        "evaluation_date": "2026-11-22",
        "org": {},
        "use": {"role": "licensee", "hosting": "public_api", "commercial": True},
    }

    answer = post(Client(), "license-evaluations", question, headers=headers)

    assert answer.status_code == 200
    found = answer.json()
    assert set(found) == {
        "verdict",
        "effective_licenses",
        "obligations",
        "findings",
        "conflicts",
        "missing_facts",
        "catalog_digest",
    }
    assert (found["verdict"], found["effective_licenses"]) == ("needs_review", ["llama-3.3"])
    assert any("mau_by_month.2024-11" in fact for fact in found["missing_facts"])
    problem(post(Client(), "license-evaluations", {"modl": 1}, headers=headers), 422, "invalid_input", "modl")
    problem(post(Client(), "license-evaluations", [], headers=headers), 400, "malformed_json")
    problem(post(Client(), "license-evaluations", '{"model": NaN}', headers=headers), 400, "malformed_json")
    problem(
        post(Client(), "license-evaluations", '{"model": "a", "model": "b"}', headers=headers),
        400,
        "malformed_json",
    )


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("admissions?environment=%00", "environment"),
        ("admissions?decision=maybe", "decision"),
        ("admissions?bogus=1", "bogus"),
        ("approvals?status=bogus", "status"),
        ("approvals?environment=%00", "environment"),
        ("approvals?model_version=99999999999999999999", "model_version"),
        ("approvals?bogus=1", "bogus"),
        ("approved-models?environment=%00", "environment"),
        ("approved-models?environment=a&environment=b", "environment"),
        ("model-versions?model=%00/a", "model"),
        ("model-versions?status=bogus", "status"),
    ],
)
def test_a_list_names_the_parameter_that_it_does_not_take(address: str, field: str) -> None:
    problem(person(Role.AUDITOR).get(f"/api/v1/{address}"), 422, "invalid_input", field)


def test_a_body_past_the_limit_is_refused_unread(settings: LazySettings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = {"source": "x" * 1000}
    _, node = factories.api_token(Scope.RECORD, recorder="node", environment="")
    headers = {"authorization": f"Bearer {node}"}

    assert problem(post(person(Role.OFFICER), "model-versions", body), 413, "too_large")["limit"] == 1000
    problem(post(Client(), "deployments", body, headers=headers), 413, "too_large")


@pytest.mark.parametrize("body", ["[]", '"text"'])
def test_a_body_that_is_no_object_is_told_so(body: str) -> None:
    found = problem(post(person(Role.OFFICER), "model-versions", body), 422, "invalid_input")

    assert found["detail"].startswith("The body must be a JSON object")


def test_another_content_type_is_told_which_one_is_taken() -> None:
    answer = person(Role.OFFICER).post("/api/v1/model-versions", {"source": "x"})

    assert "application/json" in problem(answer, 415, "unsupported_media_type")["detail"]
