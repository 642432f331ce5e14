"""Releases from quarantine over REST and at the desk."""

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.actors import Actor
from governance.permissions import Role
from registry.actions import source_alerts
from registry.lifecycle import Outcome, Severity
from registry.models import AlertKind, ModelVersion, QuarantineRelease
from tests import desk, factories, intake, releasing
from tests.rest import as_, post, problem

pytestmark = pytest.mark.django_db
RELEASES = "/api/v1/quarantine-releases"


@pytest.fixture
def version() -> ModelVersion:
    return releasing.quarantined(factories.resolved_version(), reason="A rumour about a poisoned tokenizer.")


def asked_for() -> None:
    """A version with an alert about its copy, and a request to release it."""
    made = factories.resolved_version()
    run = factories.verification_run(made)
    wanted = source_alerts.Wanted(
        AlertKind.COPY_ROTTED, Severity.CRITICAL, "It is damaged.", "Restore it.", {}, verification_run=run
    )
    source_alerts.raise_about_source(made, wanted, by="system:verify", now=factories.NOW)
    releasing.asked(releasing.quarantined(made))


@pytest.mark.parametrize(
    "place",
    [
        RELEASES,
        "/api/v1/alerts",
        "admin:registry_quarantinerelease_changelist",
        "admin:registry_alert_changelist",
        "admin:index",
    ],
)
def test_many_take_as_many_queries_as_one(place: str) -> None:
    client = desk.client(Role.AUDITOR)[0] if place.startswith("admin") else as_(factories.user(Role.AUDITOR))
    address = reverse(place) if place.startswith("admin") else place
    asked_for()
    assert client.get(address).status_code == 200  # what is remembered between requests is from now on

    taken = []
    for more in (0, 4):
        for _ in range(more):
            asked_for()
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        taken.append(len(queries))

    assert taken[0] == taken[1]


def test_a_release_from_request_to_decision(version: ModelVersion) -> None:
    officer, reviewer = factories.user(Role.OFFICER), factories.user(Role.REVIEWER)
    asked = post(as_(officer), f"model-versions/{version.pk}/release", {"reason": "It was another model."})

    assert asked.status_code == 202
    assert asked["Location"] == f"{RELEASES}/{asked.json()['id']}"
    row = QuarantineRelease.objects.get()
    assert asked.json() | {"requested_at": None} == {
        "id": row.pk,
        "model_version": version.pk,
        "model": str(version.registered_model),
        "state": "open",
        "reason": "It was another model.",
        "requested_by": officer.username,
        "requested_at": None,
        "verification_run": row.verification_run_id,
        "verification_state": "queued",
        "verification_outcome": "",
        "decided_by": None,
        "decided_at": None,
        "note": "",
    }
    problem(
        post(as_(officer), f"model-versions/{version.pk}/release", {"reason": "x"}),
        409,
        "release_in_progress",
    )
    address = f"quarantine-releases/{row.pk}/decide"
    early = problem(post(as_(reviewer), address, {"decision": "released"}), 409, "checks_not_finished")
    assert early["verification_run"] == row.verification_run_id
    releasing.checked(row)
    problem(post(as_(officer), address, {"decision": "released"}), 403, "forbidden")
    done = post(as_(reviewer), address, {"decision": "released", "note": "Read it."}).json()
    assert (done["state"], done["decided_by"], done["note"]) == ("released", reviewer.username, "Read it.")
    problem(post(as_(reviewer), address, {"decision": "refused", "note": "No."}), 409, "release_not_open")
    assert as_(reviewer).get(f"/api/v1/model-versions/{version.pk}").json()["status"] == "resolved"


def test_refusals_are_documented_problems(version: ModelVersion) -> None:
    reviewer = factories.user(Role.REVIEWER)
    row = releasing.asked(version, actor=factories.actor(Role.REVIEWER))
    releasing.checked(row, ("C3-digests", Outcome.FAIL, Severity.CRITICAL))
    address = f"quarantine-releases/{row.pk}"

    problem(
        post(as_(row.requested_by), f"{address}/decide", {"decision": "refused", "note": "x"}),
        403,
        "four_eyes_required",
    )
    found = problem(
        post(as_(reviewer), f"{address}/decide", {"decision": "released"}), 409, "critical_findings"
    )
    assert [one["code"] for one in found["errors"]] == ["C3-digests"]
    problem(post(as_(reviewer), f"{address}/decide", {"decision": "refused"}), 422, "invalid_input", "note")
    problem(post(as_(reviewer), f"{address}/decide", {"decision": "maybe"}), 422, "invalid_input", "decision")
    problem(
        post(as_(reviewer), f"{address}/decide", {"decision": "released", "x": 1}), 422, "invalid_input", "x"
    )
    problem(post(as_(reviewer), f"{address}/withdraw", {}), 403, "not_the_requester")
    taken = post(as_(row.requested_by), f"{address}/withdraw", {"note": "I was wrong."})
    assert taken.json()["state"] == "withdrawn"
    problem(
        post(as_(reviewer), "quarantine-releases/999999/decide", {"decision": "released"}), 404, "not_found"
    )


def test_lists_can_be_narrowed_down(version: ModelVersion) -> None:
    auditor = as_(factories.user(Role.AUDITOR))
    other = releasing.quarantined(factories.resolved_version())
    closed = releasing.decided(releasing.asked(other))
    waits = releasing.asked(version)

    def ids(query: str) -> list[int]:
        return [row["id"] for row in auditor.get(f"{RELEASES}?{query}").json()["results"]]

    assert ids("") == [waits.pk, closed.pk]
    assert ids("state=open") == [waits.pk]
    assert ids("state=released") == [closed.pk]
    assert ids(f"model_version={version.pk}") == [waits.pk]
    problem(auditor.get(f"{RELEASES}?state=x"), 422, "invalid_input", "state")
    assert auditor.get(f"{RELEASES}/{waits.pk}").json()["state"] == "open"


def address(row: QuarantineRelease, button: str = "") -> str:
    name = "act" if button else "change"
    return reverse(f"admin:registry_quarantinerelease_{name}", args=[row.pk, *([button] if button else [])])


def page(client: Client, where: str) -> str:
    answer = client.get(where)
    assert answer.status_code == 200
    return answer.content.decode()


def of_version(version: ModelVersion, button: str = "") -> str:
    name = "act" if button else "change"
    return reverse(f"admin:registry_modelversion_{name}", args=[version.pk, *([button] if button else [])])


def test_the_desk_shows_what_is_to_be_done_at_each_stage(version: ModelVersion) -> None:
    officer, person = desk.client(Role.OFFICER)
    reviewer, _ = desk.client(Role.REVIEWER)
    before = page(officer, of_version(version))
    assert "ask for its release" in before
    assert of_version(version, "release") in before

    officer.post(of_version(version, "release"), {"reason": "It was another model."})

    row = QuarantineRelease.objects.get()
    shown = page(officer, of_version(version))
    assert f"{person.username} asked for its release" in shown
    assert "Every check runs anew; this page follows along." in shown
    assert of_version(version, "release") not in shown
    assert "Until then nothing may serve the version." in page(reviewer, address(row))
    assert address(row, "release") not in page(reviewer, address(row))
    releasing.checked(row)
    assert "so a reviewer who is someone else decides" not in page(reviewer, address(row))
    ready = page(reviewer, address(row))
    assert "It waits for a second person." in ready
    assert address(row, "release") in ready
    assert "A rumour about a poisoned tokenizer." in ready
    assert address(row) in page(reviewer, of_version(version))
    start = page(reviewer, reverse("admin:index"))
    assert "Releases to decide" in start
    assert "waiting for you" in start
    assert str(version.registered_model) in page(
        reviewer, reverse("admin:registry_quarantinerelease_changelist") + "?state=open"
    )

    reviewer.post(address(row, "release"), {"note": "Read it."})

    version.refresh_from_db()
    assert version.status == "resolved"
    assert "Read it." in page(officer, address(row))


def test_the_desk_bars_who_asked_and_what_failed(version: ModelVersion) -> None:
    client, user = desk.client(Role.REVIEWER)
    own = releasing.asked(version, actor=Actor(user=user))
    releasing.checked(own)

    shown = page(client, address(own))
    assert "You asked for this release, so a reviewer who is someone else decides on it." in shown
    assert address(own, "withdraw") in shown
    refused = client.post(address(own, "release"), {"note": ""})
    assert (refused.status_code, "another person must decide" in refused.content.decode()) == (409, True)
    client.post(address(own, "withdraw"), {"note": ""})
    failed = releasing.asked(version)
    releasing.checked(failed, ("C3-digests", Outcome.FAIL, Severity.CRITICAL))
    other, _ = desk.client(Role.REVIEWER)
    shown = page(other, address(failed))
    assert "It cannot be released." in shown
    assert address(failed, "release") not in shown
    other.post(address(failed, "refuse"), {"reason": "It is altered."})
    failed.refresh_from_db()
    assert (failed.decision, failed.note) == ("refused", "It is altered.")


def test_who_only_reads_sees_no_button(version: ModelVersion) -> None:
    client, _ = desk.client(Role.AUDITOR)
    row = releasing.asked(version)

    shown = page(client, address(row))

    assert all(address(row, name) not in shown for name in ("release", "refuse", "withdraw"))


def test_the_strip_follows_the_checks(tmp_path: Path) -> None:
    version = releasing.quarantined(intake.verified(tmp_path / "m"))
    releasing.asked(version)
    client, _ = desk.client(Role.OFFICER)

    assert 'hx-trigger="every 2s"' in page(client, of_version(version))
