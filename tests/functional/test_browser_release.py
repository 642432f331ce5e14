"""An officer asks for the end of a quarantine in a real browser, and a reviewer decides on what the checks found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from governance.permissions import Role
from registry.models import ModelVersion, QuarantineRelease
from tests import factories, folders, intake, releasing
from tests.browser import Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def checked(version: ModelVersion) -> None:
    intake.verify_open(version)


def test_two_people_end_a_quarantine(people: Callable[[str], Person], tmp_path: Path) -> None:
    factories.user(Role.OFFICER, username="olga")
    factories.user(Role.REVIEWER, username="rene")
    version = intake.verified(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_bytes(b"{}")
    releasing.quarantined(version, reason="C3-digests (config.json): it was altered.")
    olga, rene = people("olga"), people("rene")
    asked_for(olga, version)
    checked(version)
    refused(rene)
    folders.write(tmp_path / "m", folders.model_files())
    asked_for(olga, version)
    checked(version)
    released(rene, olga, version)


def asked_for(olga: Person, version: ModelVersion) -> None:
    olga.go(f"/admin/registry/modelversion/{version.pk}/")
    assert "ask for its release" in olga.text()
    olga.look("version-quarantined")
    olga.press("Ask for release")
    olga.page.fill("#id_reason", "Somebody edited config.json in place. It is as it was again.")
    olga.look("release-ask")
    olga.press("Ask for release")
    assert "olga asked for its release" in olga.text()
    olga.look("version-release-asked")


def refused(rene: Person) -> None:
    rene.go("/admin/")
    assert "Releases to decide" in rene.text()
    rene.look("start-with-releases")
    rene.menu("Releases")
    rene.look("releases")
    with rene.page.expect_navigation():
        rene.page.locator("main table a").first.click()
    assert "It cannot be released." in rene.text()
    rene.look("release-critical")
    rene.press("Refuse")
    rene.page.fill("#id_reason", "config.json is still not what was registered.")
    rene.look("release-refuse")
    rene.press("Refuse")
    assert "Refused. The version stays quarantined." in rene.page.content()


def released(rene: Person, olga: Person, version: ModelVersion) -> None:
    row = QuarantineRelease.objects.get(decision="")
    rene.go(f"/admin/registry/quarantinerelease/{row.pk}/")
    assert "It waits for a second person." in rene.text()
    rene.look("release-ready")
    rene.press("Release")
    rene.look("release-decide")
    rene.press("Release")
    assert "as it was again" in rene.text()
    rene.look("release-decided")
    version.refresh_from_db()
    assert version.status == "resolved"
    olga.go(f"/admin/registry/modelversion/{version.pk}/")
    assert "Smoke inference is under way" in olga.text()
