"""Officer and reviewer meet the obligations of a use in a real browser, and make the notices to hand on."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from governance.actors import Actor
from governance.permissions import Role
from registry.models import ModelVersion, ObligationTask
from tests import factories
from tests.browser import Person
from tests.obligations import PICTURE, SHARED, task_of_kind
from tests.rest import now
from tests.reviewing import Desk, policy_text

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REQUIRED = policy_text(obligations='"required"\nrequire_done = ["display-built-with", "notice-file"]')
LICENSE = b"LLAMA 3.3 COMMUNITY LICENSE AGREEMENT\n"


def desk_of(folder: Path) -> Desk:
    """A model under the Llama licence that is given to others, and three people."""
    from governance.actions import policies

    officer = Actor(user=factories.user(Role.OFFICER, username="olga"))
    reviewer = Actor(user=factories.user(Role.REVIEWER, username="rene"))
    files = {"LICENSE": LICENSE, "model.safetensors": b"weights"}
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    version = factories.resolved_version(
        files, location=str(folder), license_id="llama-3.3", submitted_by=officer.user
    )
    factories.verification_run(version, at=now())
    factories.smoke_run(version, at=now())
    facts = {
        "principal_place_of_business": "US",
        "mau_by_month": {"2024-11": {"all_products_incl_affiliates": 1000}},
    }
    factories.organization(facts=facts)
    place = factories.environment(name="production", use={**SHARED, "hosting": "public_api"})
    policies.load_policy(text=REQUIRED, actor=factories.actor(Role.ADMIN), now=now() - timedelta(days=1))
    return Desk(version, place, officer, reviewer, None)


def test_obligations_are_met_before_the_approval(people: Callable[[str], Person], tmp_path: Path) -> None:
    desk = desk_of(tmp_path / "model")
    approval = desk.request(now=now(), expires_at=now() + timedelta(days=60))
    late(desk)
    olga, rene = people("olga"), people("rene")
    first_held_back(rene, approval.pk)
    show_it(olga, tmp_path)
    olga.look("obligation-done")
    waive_one(rene)
    look_around(olga, desk.version)
    notices(olga, desk.version, tmp_path)
    assert ObligationTask.objects.filter(status="done").count() == 1


def late(desk: Desk) -> None:
    """One that should have been done long ago."""
    past = {"opened_at": now() - timedelta(days=50), "due_on": (now() - timedelta(days=20)).date()}
    task_of_kind("statement", desk=desk, do="Hold the use against the policy.", **past)


def first_held_back(rene: Person, approval: int) -> None:
    rene.go(f"/admin/registry/approval/{approval}/")
    assert "The policy wants these done or waived before this is approved" in rene.text()
    rene.look("approval-with-obligations")


def show_it(olga: Person, folder: Path) -> None:
    olga.menu("Obligations")
    assert "overdue by 20 days" in olga.text()
    olga.look("obligations")
    with olga.page.expect_navigation():
        olga.page.get_by_role("link", name='Display "Built with Llama"').click()
    olga.look("obligation-open")
    olga.press("Add evidence")
    olga.look("obligation-evidence-form")
    picture = folder / "about.png"
    picture.write_bytes(PICTURE)
    olga.page.fill("#id_url", "https://example.org/about")
    olga.page.set_input_files("#id_file", picture)
    olga.page.fill("#id_note", "At the bottom of the page.")
    olga.press("Add evidence")
    olga.press("Complete")
    olga.press("Complete")
    assert "done" in olga.text()
    assert "https://example.org/about" in olga.text()


def waive_one(rene: Person) -> None:
    rene.menu("Obligations")
    with rene.page.expect_navigation():
        rene.page.get_by_role("link", name="Ship a Notice text file").click()
    rene.press("Waive")
    rene.page.fill("#id_reason", "The notice is part of the pack.")
    rene.look("obligation-waive")
    rene.press("Waive")
    assert "The notice is part of the pack." in rene.text()


def look_around(olga: Person, version: ModelVersion) -> None:
    olga.go(f"/admin/registry/modelversion/{version.pk}/")
    assert "settled: 1 done, 1 waived" in olga.text()
    olga.look("version-with-obligations")
    olga.go("/admin/")
    assert "Overdue obligations" in olga.text()
    olga.look("start-with-obligations")


def notices(olga: Person, version: ModelVersion, folder: Path) -> None:
    olga.menu("Versions")
    olga.page.get_by_label(f"Choose {version}").check()
    olga.look("versions-chosen")
    olga.page.get_by_label(f"Choose {version}").check()
    olga.press("Notices to hand on")
    assert "Llama 3.3 is licensed under the Llama 3.3 Community License" in olga.text()
    olga.look("notices")
    with olga.page.expect_download() as download:
        olga.page.get_by_role("button", name="Download the pack").click()
    download.value.save_as(folder / "notices.tar")
    assert LICENSE in (folder / "notices.tar").read_bytes()
