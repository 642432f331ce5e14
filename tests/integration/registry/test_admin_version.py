"""The version's page: what it says at each stage, its buttons by role, and how many queries it takes."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.permissions import Role
from registry.actions import custody
from registry.models import ModelVersion
from tests import decisions, desk, factories, folders, intake
from tests.desk import Desk

pytestmark = pytest.mark.django_db

# The buttons of a resolved version, and who may press them.
BUTTONS = {
    "verify": {Role.OFFICER},
    "smoke": {Role.OFFICER},
    "evaluate": {Role.OFFICER, Role.REVIEWER},
    "request-approval": {Role.OFFICER},
    "quarantine": {Role.OFFICER, Role.REVIEWER},
    "revoke": {Role.OFFICER, Role.REVIEWER},
}


@pytest.fixture
def whole(log_folders: Path, tmp_path: Path) -> Desk:
    return desk.served(tmp_path / "model")


def address(version: ModelVersion, button: str = "") -> str:
    if button:
        return reverse("admin:registry_modelversion_act", args=[version.pk, button])
    return reverse("admin:registry_modelversion_change", args=[version.pk])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("button", BUTTONS)
def test_buttons_are_shown_to_and_work_for_those_who_may(role: Role, button: str) -> None:
    client, _ = desk.client(role)
    version = factories.resolved_version()
    before = decisions.count()

    page = client.get(address(version)).content.decode()
    answer = client.post(address(version, button), {})

    assert (address(version, button) in page) == (role in BUTTONS[button])
    if role not in BUTTONS[button]:
        assert answer.status_code == 403
        assert f"Your role, {role}," in answer.content.decode()
        assert decisions.count() == before


def test_a_whole_version_shows_everything(whole: Desk) -> None:
    client, _ = desk.client(Role.AUDITOR)

    page = client.get(address(whole.version)).content.decode()

    for text in (
        whole.version.purl,
        str(whole.version.model_digest),
        "model.safetensors",
        "allowed with obligations",
        "In production, until",
        "chatcmpl-1",
        "out_of_scope_purpose",
        "registry.approval.approved",
        "In service.",
        f"/api/v1/model-versions/{whole.version.pk}/evidence-pack",
    ):
        assert text in page, text


def test_failing_checks_come_first(tmp_path: Path) -> None:
    version = intake.verified(tmp_path / "model", **{"run.py": b"import os"})
    client, _ = desk.client(Role.AUDITOR)

    page = client.get(address(version)).content.decode()
    checks = page[page.index('id="checks"') : page.index('id="smoke"')]
    groups = [
        part.split("<span", 1)[0] for part in checks.split("<summary>")[1:] if part.startswith(("F", "No"))
    ]

    assert groups == ["Findings", "No known indicators", "Nothing to check"]
    assert checks.index("run.py") < checks.index("No known indicators")
    assert "That is no promise that the model is harmless" in checks
    assert "every byte of" in checks


def test_a_draft_that_could_not_be_resolved_says_why_and_offers_to_try_again(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    version = intake.registered(folder)
    intake.resolve_open(version)
    client, _ = desk.client(Role.OFFICER)

    page = client.get(address(version)).content.decode()
    answer = client.post(address(version, "resolve"))

    assert "could not be listed" in page
    assert address(version, "resolve") in page
    assert answer.status_code == 302
    assert version.resolutionruns.count() == 2


def test_progress_is_shown_while_a_run_is_open_and_the_page_loads_anew_at_its_end(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "model")
    run = version.verificationruns.get()
    now = timezone.now()
    run.state, run.worker, run.heartbeat_at, run.started_at = "running", "host:1", now, now
    run.bytes_done, run.bytes_total, run.bytes_per_second, run.stage = 25_000, 100_000, 500, "reading"
    run.save()
    client, _ = desk.client(Role.OFFICER)
    strip = reverse("admin:registry_modelversion_strip", args=[version.pk])

    during = client.get(strip)
    run.state, run.worker = "queued", ""
    run.save()
    intake.verify_open(version)
    intake.smoke_open(version)
    after = client.get(strip)

    shown = " ".join(during.content.decode().split())
    assert 'aria-valuenow="25" aria-valuetext="25 %, 25.0 kB of 100.0 kB, about 3 min left"' in shown
    assert "<b>Reading the files</b>" in shown
    assert "<span>25.0 kB of 100.0 kB, 500 B/s</span>" in shown
    assert "<b>25 %</b>, about 3 min left" in shown
    assert strip in during.content.decode()
    assert "HX-Refresh" not in during.headers
    assert after.headers["HX-Refresh"] == "true"


def test_a_run_of_unknown_length_shows_what_it_does(tmp_path: Path) -> None:
    version = intake.registered(folders.write(tmp_path / "m", folders.model_files()))
    client, _ = desk.client(Role.OFFICER)
    strip = reverse("admin:registry_modelversion_strip", args=[version.pk])
    waiting = client.get(strip).content.decode()
    version.resolutionruns.update(
        state="running", worker="host:1", heartbeat_at=timezone.now(), stage="fetching", bytes_done=5_000
    )
    shown = client.get(strip).content.decode()

    assert "Waiting for a worker" in waiting
    assert "progressbar" not in waiting
    assert 'role="progressbar" aria-label="Fetching the files"' in shown
    assert "aria-valuenow" not in shown
    assert "5.0 kB so far" in shown


def test_a_missing_reason_is_asked_for_at_its_field() -> None:
    client, _ = desk.client(Role.OFFICER)
    version = factories.resolved_version()

    answer = client.post(address(version, "quarantine"), {"reason": " "})

    assert answer.status_code == 422
    assert 'id="id_reason_error"' in answer.content.decode()
    version.refresh_from_db()
    assert version.status == "resolved"


def test_quarantine_and_release_are_in_the_log() -> None:
    client, user = desk.client(Role.OFFICER)
    version = factories.resolved_version()

    client.post(address(version, "quarantine"), {"reason": "A report from the publisher."})
    page = client.get(address(version)).content.decode()
    client.post(address(version, "release"), {"reason": "It was a false alarm."})

    assert "A report from the publisher." in page
    assert address(version, "release") in page
    asked = decisions.about(f"model-version:{version.pk}")[-1]
    assert intake.events(version)[0] == "registry.version.quarantined"
    assert (asked["event"], asked["actor"]) == ("registry.release.requested", f"user:{user.username}")


def test_what_cannot_be_done_says_what_is_missing() -> None:
    desk.load_policy()
    client, _ = desk.client(Role.OFFICER)
    version, place = factories.resolved_version(), factories.environment()

    answer = client.post(
        address(version, "request-approval"),
        {"environment": place.pk, "purpose": "assistant", "expires_at": "2027-01-01", "note": ""},
    )

    assert answer.status_code == 409
    assert 'role="alert"' in answer.content.decode()
    assert version.approvals.count() == 0


def test_a_revoked_version_offers_nothing(client: Client) -> None:
    version = factories.resolved_version()
    custody.revoke(version=version, reason="Withdrawn upstream.", actor=factories.actor(), now=intake.now())
    browser, _ = desk.client(Role.OFFICER)

    page = browser.get(address(version)).content.decode()

    assert "revoked for good" in page
    assert "button-danger" not in page


def test_the_page_takes_as_many_queries_for_much_as_for_little(
    whole: Desk, tmp_path: Path, django_assert_max_num_queries: object
) -> None:
    client, _ = desk.client(Role.OFFICER)
    for number in range(1, 6):
        desk.record(whole.deployment, sequence=number, response_id=f"chatcmpl-{number + 1}")
        factories.verification_run(whole.version, at=intake.now())

    with django_assert_max_num_queries(46):  # type: ignore[operator]
        client.get(address(whole.version))


@pytest.mark.parametrize("number", [1, 12])
def test_the_list_takes_as_many_queries_for_many_as_for_one(
    number: int, django_assert_num_queries: object
) -> None:
    client, _ = desk.client(Role.OFFICER)
    for _ in range(number):
        factories.approval(status="approved")

    with django_assert_num_queries(14):  # type: ignore[operator]
        client.get(reverse("admin:registry_modelversion_changelist"))
