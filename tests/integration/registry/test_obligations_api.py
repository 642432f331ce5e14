"""Obligations over REST: the list and its filters, evidence, and the ways in which they end."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from governance.permissions import Role, Scope
from registry.models import ObligationTask
from tests import factories
from tests.obligations import PNG, finish, sharing_desk, task_of_kind, tasks
from tests.refusals import rows_of
from tests.rest import as_, fresh_desk, now, person, post, problem, wanted
from tests.reviewing import Desk, policy_text

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Desk:
    return sharing_desk()


def listed(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/obligations{query}")
    assert answer.status_code == 200, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def overdue(task: ObligationTask) -> None:
    """As if it had been opened long ago."""
    days = {"opened_at": now() - timedelta(days=90), "due_on": (now() - timedelta(days=60)).date()}
    task.pk = None
    task._state.adding = True
    for name, value in {**days, "obligation_id": "overdue"}.items():
        setattr(task, name, value)
    task.save(force_insert=True)


def test_the_list_shows_each_obligation_with_its_evidence(desk: Desk) -> None:
    desk.request()
    first = tasks(desk)[0]
    finish(first, desk.officer)

    found = listed(person(Role.AUDITOR))

    assert [item["id"] for item in found] == sorted((task.pk for task in tasks(desk)), reverse=True)
    last = found[-1]
    assert (last["license"], last["obligation"], last["status"]) == (
        "apache-2.0",
        first.obligation_id,
        "done",
    )
    assert last["shown_by"][0]["kind"] == first.evidence_kind
    assert (last["owner"], last["decided_by"], last["overdue"]) == (
        desk.officer.user.username,
        desk.officer.user.username,
        False,
    )
    one = person(Role.AUDITOR).get(f"/api/v1/obligations/{last['id']}").json()
    assert one == last


def test_the_list_is_narrowed_down(desk: Desk) -> None:
    desk.request()
    task = task_of_kind("url", desk=desk, purpose="elsewhere")
    overdue(task_of_kind("url", desk=desk))
    client = person(Role.OFFICER)
    total = ObligationTask.objects.count()

    assert [
        item["id"] for item in listed(client, "?license=llama-3.3&obligation=wants-url&owner=nobody")
    ] == []
    assert task.pk in {item["id"] for item in listed(client, "?license=llama-3.3&obligation=wants-url")}
    assert len(listed(client, f"?environment={desk.environment}&status=open")) == total
    assert (
        len(listed(client, f"?model_version={desk.version.pk}&owner={desk.officer.user.username}")) == total
    )
    assert [item["obligation"] for item in listed(client, "?overdue=true")] == ["overdue"]
    assert len(listed(client, "?overdue=false")) == total - 1
    assert listed(client, "?status=waived") == []
    problem(client.get("/api/v1/obligations?overdue=perhaps"), 422, "invalid_input", "overdue")
    problem(client.get("/api/v1/obligations?state=open"), 422, "invalid_input", "state")
    problem(client.get("/api/v1/obligations?environment=moon"), 422, "unknown_environment", "environment")


def test_pages_of_the_list_have_a_cursor(desk: Desk) -> None:
    desk.request()
    client = person(Role.OFFICER)

    first = client.get("/api/v1/obligations?limit=1").json()
    second = client.get(first["next"]).json()

    assert first["results"][0]["id"] > second["results"][0]["id"]


def test_the_list_takes_a_constant_number_of_queries(desk: Desk, django_assert_max_num_queries: Any) -> None:
    desk.request()
    for task in tasks(desk):
        finish(task, desk.officer)
    client = person(Role.OFFICER)

    with django_assert_max_num_queries(9):
        listed(client)


def test_evidence_is_added_and_the_obligation_completed(desk: Desk) -> None:
    task = task_of_kind("screenshot", desk=desk)
    client = as_(desk.officer.user)
    kept = client.post("/api/v1/evidence-documents?name=about.png", PNG, content_type="image/png").json()
    early = post(client, f"obligations/{task.pk}/complete", {})
    problem(early, 409, "obligation_evidence_missing")

    added = post(
        client,
        f"obligations/{task.pk}/evidence",
        {
            "kind": "screenshot",
            "url": "https://example.org/about",
            "shown_on": now().date().isoformat(),
            "document": kept["id"],
        },
    )
    done = post(client, f"obligations/{task.pk}/complete", {"note": "It hangs there."})

    assert added.status_code == 201
    assert added.json()["document"] == {"id": kept["id"], "name": "about.png", "sha256": kept["sha256"]}
    assert (done.status_code, done.json()["status"]) == (200, "done")
    problem(post(client, f"obligations/{task.pk}/complete", {}), 409, "obligation_not_open")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "invalid_input", "kind"),
        ({"kind": "photograph"}, "invalid_input", "kind"),
        ({"kind": "url", "url": "ftp://x", "shown_on": "2026-01-01"}, "evidence_refused", "url"),
        ({"kind": "url", "url": "https://x.example/"}, "evidence_refused", "shown_on"),
        (
            {"kind": "url", "url": "https://x.example/", "shown_on": "2999-01-01"},
            "evidence_refused",
            "shown_on",
        ),
        ({"kind": "document", "document": 999999}, "invalid_input", "document"),
        ({"kind": "release_file", "path": "NOTICE", "sha256": "0"}, "evidence_refused", "sha256"),
        (
            {"kind": "published_name", "published_name": "acme/Llama-unheard-of"},
            "invalid_input",
            "published_name",
        ),
        ({"carried_from": 999999}, "invalid_input", "carried_from"),
        ({"carried_from": 1, "kind": "url"}, "invalid_input", "kind"),
        ({"kind": "statement", "note": "x", "by": "me"}, "invalid_input", "by"),
    ],
)
def test_bad_evidence_is_refused_at_its_field(
    desk: Desk, body: dict[str, Any], code: str, field: str
) -> None:
    task = task_of_kind("url", desk=desk)

    problem(post(as_(desk.officer.user), f"obligations/{task.pk}/evidence", body), 422, code, field)


def test_earlier_evidence_is_carried_over(desk: Desk) -> None:
    client, task = as_(desk.officer.user), task_of_kind("url", desk=desk)
    earlier = task_of_kind("url", desk=desk, purpose="earlier")
    was = post(
        client,
        f"obligations/{earlier.pk}/evidence",
        {"kind": "url", "url": "https://example.org/", "shown_on": now().date().isoformat()},
    ).json()

    row = post(
        client, f"obligations/{task.pk}/evidence", {"carried_from": was["id"], "note": "Looked again."}
    )

    assert row.status_code == 201
    assert (row.json()["carried_from"], row.json()["url"]) == (was["id"], "https://example.org/")


def test_a_reviewer_waives_and_the_asker_does_not(desk: Desk) -> None:
    task = task_of_kind("url", desk=desk)
    own = task_of_kind("statement", desk=desk, asked_by=desk.reviewer.user)
    client = as_(desk.reviewer.user)

    problem(post(client, f"obligations/{task.pk}/waive", {}), 422, "invalid_input", "reason")
    problem(post(client, f"obligations/{own.pk}/waive", {"reason": "x"}), 403, "four_eyes_required")
    problem(post(as_(desk.officer.user), f"obligations/{task.pk}/waive", {"reason": "x"}), 403, "forbidden")
    waived = post(client, f"obligations/{task.pk}/waive", {"reason": "Internal page."}).json()

    assert (waived["status"], waived["decision_note"]) == ("waived", "Internal page.")


def test_work_is_assigned(desk: Desk) -> None:
    task, other = task_of_kind("url", desk=desk), factories.user(Role.OFFICER)
    client = as_(desk.officer.user)
    day = (now() + timedelta(days=5)).date().isoformat()

    found = post(client, f"obligations/{task.pk}/assign", {"owner": other.username, "due_on": day}).json()

    assert (found["owner"], found["due_on"]) == (other.username, day)
    problem(post(client, f"obligations/{task.pk}/assign", {"owner": "nobody"}), 422, "invalid_input", "owner")
    problem(
        post(client, f"obligations/{task.pk}/assign", {"owner": other.username, "due_on": "2001-01-01"}),
        422,
        "invalid_input",
        "due_on",
    )
    problem(
        post(client, f"obligations/{task.pk}/assign", {"owner": desk.reviewer.user.username}),
        422,
        "invalid_input",
        "owner",
    )


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR, Role.ADMIN])
@pytest.mark.parametrize("step", ["evidence", "complete", "assign"])
def test_only_officers_work_on_them(desk: Desk, role: Role, step: str) -> None:
    task = task_of_kind("url", desk=desk)

    problem(post(person(role), f"obligations/{task.pk}/{step}", {}), 403, "forbidden")


def test_a_token_reads_and_does_not_decide(desk: Desk) -> None:
    task = task_of_kind("url", desk=desk)
    _, token = factories.api_token(Scope.READ)
    headers = {"Authorization": f"Bearer {token}"}

    assert Client().get("/api/v1/obligations", headers=headers).status_code == 200
    problem(post(Client(), f"obligations/{task.pk}/complete", {}, headers=headers), 403, "forbidden")
    problem(Client().get("/api/v1/obligations"), 401, "authentication_required")


def test_an_obligation_that_is_none(desk: Desk) -> None:
    problem(person(Role.OFFICER).get("/api/v1/obligations/999999"), 404, "not_found")
    problem(post(as_(desk.officer.user), "obligations/999999/complete", {}), 404, "not_found")


def test_an_approval_that_waits_for_obligations_lists_them() -> None:
    desk = fresh_desk(policy=policy_text(obligations='"required"'))
    desk.environment.use = {**desk.environment.use, "distribute_weights": True}
    desk.environment.save()
    asked = post(as_(desk.officer.user), "approvals", wanted(desk)).json()

    refusal = post(as_(desk.reviewer.user), f"approvals/{asked['id']}/approve", {"note": ""})

    found = problem(refusal, 409, "obligations_open")
    assert {item["task"] for item in found["errors"]} == {task.pk for task in tasks(desk)}
    assert rows_of(tasks(desk)[0]).get().status == "open"
