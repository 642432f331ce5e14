"""Conclusions over REST and on the version's page."""

from typing import Any

import pytest
from django.urls import reverse

from governance.permissions import Role
from registry import background, models
from tests import desk, factories
from tests.rest import person, post, problem

pytestmark = pytest.mark.django_db


def unclear() -> models.ModelVersion:
    """A version whose text is only like a known one, and whose card hints at a teacher."""
    draft = factories.draft_version()
    models.LicenseFinding.objects.create(
        version=draft,
        kind="discovered",
        license_id="unknown",
        method="likeness of word runs",
        path="LICENSE",
        statement="94% like the text of llama-3.1, but not the same",
        score="0.940",
    )
    models.LineageHint.objects.create(
        version=draft, kind="teacher", says="dataset acme/r1-traces", path="README.md"
    )
    return factories.resolve(draft, license_id="unknown")


def test_a_licence_is_concluded_and_listed() -> None:
    version = unclear()
    officer = person(Role.OFFICER)
    address = f"model-versions/{version.pk}/license-conclusions"

    made = post(officer, address, {"licenses": ["llama-3.1"], "reason": "Only the date differs."})
    again = post(officer, address, {"licenses": ["llama-3.1", "mit"], "reason": "And the code."})

    assert (made.status_code, again.status_code) == (201, 201)
    assert again.json()["supersedes"] == made.json()["id"]
    listed = person(Role.AUDITOR).get(f"/api/v1/{address}").json()["results"]
    assert [row["licenses"] for row in listed] == [["llama-3.1", "mit"], ["llama-3.1"]]
    shown = person(Role.AUDITOR).get(f"/api/v1/model-versions/{version.pk}").json()
    assert [row["id"] for row in shown["license_conclusions"]] == [made.json()["id"], again.json()["id"]]
    found = next(row for row in shown["license_findings"] if row["kind"] == "discovered")
    assert found["score"] == "0.940"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "licenses"),
        ({"licenses": [], "reason": "why"}, "licenses"),
        ({"licenses": ["never-heard-of"], "reason": "why"}, "licenses"),
        ({"licenses": ["mit"] * 17, "reason": "why"}, "licenses"),
        ({"licenses": ["mit"], "reason": ""}, "reason"),
        ({"licenses": ["mit"], "reason": "why", "by": "me"}, "by"),
    ],
)
def test_what_is_no_conclusion_is_refused(body: Any, field: str) -> None:
    response = post(person(Role.OFFICER), f"model-versions/{unclear().pk}/license-conclusions", body)

    assert response.status_code == 422
    assert field in str(response.json())


def test_others_do_not_conclude() -> None:
    address = f"model-versions/{unclear().pk}/license-conclusions"
    body = {"licenses": ["mit"], "reason": "why"}

    problem(post(person(Role.REVIEWER), address, body), 403, "forbidden")
    problem(post(person(Role.OFFICER), "model-versions/999999/license-conclusions", body), 404, "not_found")
    draft = factories.draft_version()
    problem(
        post(person(Role.OFFICER), f"model-versions/{draft.pk}/license-conclusions", body),
        409,
        "not_resolved",
    )


def test_a_hint_is_answered_and_the_answer_corrected() -> None:
    version = unclear()
    (hint,) = background.open_hints(version)
    officer = person(Role.OFFICER)
    address = f"model-versions/{version.pk}/lineage-statements"

    none = post(officer, address, {"relation": "none", "answers": hint.pk, "reason": "Human data."})
    body = {
        "relation": "distillation",
        "base_model": "a/teacher",
        "supersedes": none.json()["id"],
        "reason": "No.",
    }
    other = post(officer, address, body)

    assert (none.status_code, other.status_code) == (201, 201)
    assert (other.json()["answers"], other.json()["supersedes"]) == (hint.pk, none.json()["id"])
    problem(post(officer, address, body), 409, "statement_changed")
    listed = person(Role.AUDITOR).get(f"/api/v1/{address}").json()["results"]
    assert [row["relation"] for row in listed] == ["distillation", "none"]
    shown = person(Role.AUDITOR).get(f"/api/v1/model-versions/{version.pk}").json()
    assert shown["lineage_hints"][0]["says"] == "dataset acme/r1-traces"
    assert len(shown["lineage_statements"]) == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"relation": "finetune", "base_model": "no name", "reason": "why"}, "base_model"),
        ({"relation": "cousin", "base_model": "a/b", "reason": "why"}, "relation"),
        ({"relation": "none", "answers": 2**70, "reason": "why"}, "answers"),
        ({"relation": "none", "answers": 0, "reason": "why"}, "answers"),
        ({"relation": "finetune", "base_model": "a/b", "supersedes": 0, "reason": "why"}, "supersedes"),
    ],
)
def test_what_is_no_statement_is_refused(body: Any, field: str) -> None:
    response = post(person(Role.OFFICER), f"model-versions/{unclear().pk}/lineage-statements", body)

    assert response.status_code == 422
    assert field in str(response.json())


# -- the page


def page(version: models.ModelVersion, button: str = "") -> str:
    if button:
        return reverse("admin:registry_modelversion_act", args=[version.pk, button])
    return reverse("admin:registry_modelversion_change", args=[version.pk])


def test_the_page_says_what_is_open_and_what_people_concluded() -> None:
    version = unclear()
    client, officer = desk.client(Role.OFFICER)

    before = client.get(page(version)).content.decode()
    form = client.get(page(version, "resolve-license")).content.decode()
    sent = client.post(page(version, "resolve-license"), {"licenses": ["llama-3.1"], "reason": "Read it."})
    after = client.get(page(version)).content.decode()

    assert "Nobody knows the licence yet" in before
    assert "dataset acme/r1-traces" in before
    assert "94% like the text of llama-3.1" in form
    assert sent.status_code == 302
    assert f"Concluded by {officer.username}" in after
    assert "The rules alone" in after
    assert "Nobody knows the licence yet" not in after


def test_an_ancestor_is_stated_on_the_page() -> None:
    version = unclear()
    (hint,) = background.open_hints(version)
    client, officer = desk.client(Role.OFFICER)
    answer = {
        "about": f"hint-{hint.pk}",
        "relation": "none",
        "base_model": "",
        "base_revision": "",
        "reason": "No.",
    }

    bad = client.post(page(version, "state-ancestor"), {**answer, "relation": "merge", "base_model": "x"})
    assert bad.status_code == 409
    assert "publisher/name" in bad.content.decode()
    assert client.post(page(version, "state-ancestor"), answer).status_code == 302
    row = version.lineage_statements.get()
    correction = {
        "about": f"statement-{row.pk}",
        "relation": "merge",
        "base_model": "a/b",
        "base_revision": "",
        "reason": "Yes.",
    }
    assert client.post(page(version, "state-ancestor"), correction).status_code == 302

    shown = client.get(page(version)).content.decode()
    assert f"{officer.username} states" in shown
    assert "corrected since" in shown
    assert "Open question" not in shown


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR, Role.ADMIN])
@pytest.mark.parametrize("button", ["resolve-license", "state-ancestor"])
def test_others_see_no_button_and_are_refused(role: Role, button: str) -> None:
    version = unclear()
    client, _ = desk.client(role)

    assert page(version, button) not in client.get(page(version)).content.decode()
    assert client.post(page(version, button), {}).status_code == 403
