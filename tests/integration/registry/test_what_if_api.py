"""What-if over REST: at once, by a worker, in pages; and what is refused."""

from typing import Any

import pytest

from audit.models import DecisionEntry
from governance.permissions import Role, Scope
from registry import tasks
from registry.actions import what_if
from registry.models import WhatIfRun
from registry.whatif import selection
from tests import factories, rest
from tests.reviewing import USE, Desk, policy_text

pytestmark = pytest.mark.django_db
ORG = {
    "principal_place_of_business": "US",
    "entity_type": "company",
    "mau_by_month": {"2025-03": {"all_products_incl_affiliates": 1000}},
}
MANY = {"mau_by_month": {"2025-03": {"all_products_incl_affiliates": 700_000_001}}}


@pytest.fixture
def desk() -> Desk:
    factories.organization(facts=ORG)
    made = rest.fresh_desk(license_id="llama-4")
    made.environment.use = {**USE, "public_statements_about_derivative": False}
    made.environment.save()
    rest.approve(made)
    return made


def ask(body: Any, role: Role = Role.OFFICER) -> Any:
    return rest.post(rest.person(role), "what-if", body)


@pytest.mark.parametrize("role", Role)
def test_everyone_who_reads_may_ask_and_nothing_is_stored(desk: Desk, role: Role) -> None:
    before = DecisionEntry.objects.count()

    found = ask({"org": MANY}, role)

    assert found.status_code == 200, found.content
    body = found.json()
    assert (body["id"], body["state"], body["count"], body["next_offset"]) == (None, "finished", 1, None)
    [cell] = body["cells"]
    assert (cell["model_version"], cell["environment"]) == (desk.version.pk, desk.environment.name)
    assert (cell["before"]["verdict"], cell["after"]["verdict"]) == (
        "allowed_with_obligations",
        "needs_licence",
    )
    assert cell["admissions"][0]["after"] == "deny"
    assert body["summary"]["deny_codes"] == {"license_condition_failed": 1}
    assert DecisionEntry.objects.count() == before
    assert not WhatIfRun.objects.exists()


def test_matrix_of_named_versions_shows_every_cell_in_pages(desk: Desk) -> None:
    factories.environment(name="other")
    body = {"model_versions": [desk.version.pk], "org": MANY, "include": "all", "limit": 1}

    first = ask(body).json()
    second = ask({**body, "offset": first["next_offset"]}).json()

    assert (first["count"], first["next_offset"], second["next_offset"]) == (2, 1, None)
    assert first["cells"][0]["environment"] != second["cells"][0]["environment"]


def test_a_proposed_policy(desk: Desk) -> None:
    found = ask({"policy": policy_text(required="true")}).json()

    assert found["summary"]["deny_codes"] == {"signature_missing": 1}
    assert found["summary"]["proposed_policy_digest"] != found["summary"]["policy_digest"]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_input", "org"),
        ({"org": {"mau": 3}}, "invalid_facts", "org.mau"),
        ({"org": {"arr_product": -1}}, "invalid_facts", "org.arr_product"),
        ({"org": {"founded_on": "2999-01-01"}}, "invalid_facts", "org.founded_on"),
        ({"org": {"entity_type": "individual"}}, "invalid_facts", "org.principal_place_of_business"),
        ({"use": {"hosting": "moon"}}, "invalid_facts", "use.hosting"),
        ({"org": 3}, "invalid_input", "org"),
        ({"orgg": {}}, "invalid_input", "orgg"),
        (
            {"use": {"commercial": True}, "model_versions": [10**6]},
            "unknown_model_version",
            "model_versions[0]",
        ),
        (
            {"use": {"commercial": True}, "environments": ["nowhere"]},
            "unknown_environment",
            "environments[0]",
        ),
        ({"policy": "version = 2"}, "invalid_policy", "policy.version"),
        ({"policy": "]["}, "invalid_policy", "policy.document"),
    ],
)
def test_refusals_name_the_field(desk: Desk, body: Any, code: str, field: str) -> None:
    rest.problem(ask(body), 422, code, field)


def test_a_token_for_serving_may_not_ask(desk: Desk) -> None:
    _, token = factories.api_token(Scope.ADMISSION)

    found = rest.as_(factories.user()).post(
        "/api/v1/what-if",
        {"org": MANY},
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )

    assert found.status_code == 403


def test_a_large_question_goes_to_a_worker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MAX_CELLS_AT_ONCE", 0)
    monkeypatch.setattr(what_if, "_send", lambda _: None)

    accepted = ask({"org": MANY})

    assert accepted.status_code == 202
    assert accepted.headers["Location"] == f"/api/v1/what-if/{accepted.json()['id']}"
    assert (accepted.json()["state"], accepted.json()["summary"]) == ("queued", None)
    tasks.what_if_task(run_id=accepted.json()["id"])
    found = rest.person(Role.AUDITOR).get(accepted.headers["Location"]).json()
    assert (found["state"], found["cells_done"], found["count"]) == ("finished", 1, 1)
    assert found["summary"]["worse"] == 1
    assert found["cells"][0]["after"]["verdict"] == "needs_licence"
    rest.problem(ask({"org": MANY}, Role.AUDITOR), 403, "forbidden")
    assert rest.person(Role.AUDITOR).get("/api/v1/what-if/999999").status_code == 404


def test_a_question_of_ones_own_with_moved_facts_beside_it() -> None:
    question = {"licenses": ["llama-4"], "org": ORG, "use": USE, "what_if": {"org": MANY}}

    found = rest.post(rest.person(Role.OFFICER), "license-evaluations", question).json()
    plain = rest.post(
        rest.person(Role.OFFICER),
        "license-evaluations",
        {k: v for k, v in question.items() if k != "what_if"},
    ).json()

    moved = found.pop("what_if")
    assert found == plain
    assert (moved["effect"], moved["answer"]["verdict"]) == ("worse", "needs_licence")
    assert any("700,000,000" in reason for reason in moved["reasons"])


@pytest.mark.parametrize("what_if_value", [3, {"orgg": {}}, {"use": {"hosting": "moon"}}, []])
def test_moves_that_are_not_understood_are_refused(what_if_value: Any) -> None:
    found = rest.post(
        rest.person(Role.OFFICER), "license-evaluations", {"licenses": ["mit"], "what_if": what_if_value}
    )

    assert found.status_code == 422
    assert found.json()["field"]
