"""An officer reads what was found about a licence in a real browser, and settles it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from governance.permissions import Role
from registry import models
from tests import factories
from tests.browser import Person

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def officer(people: Callable[[str], Person]) -> Person:
    factories.user(Role.OFFICER, username="olga")
    return people("olga")


def unclear() -> models.ModelVersion:
    draft = factories.draft_version(
        registered_model=factories.registered_model(publisher="acme", name="mystery-8b")
    )
    found = [
        (
            "declared",
            "unknown",
            "model card",
            "the declared license 'other / llama' stands for no known license",
            None,
        ),
        (
            "discovered",
            "unknown",
            "likeness of word runs",
            "94% like the text of llama-3.1, but not the same",
            "0.940",
        ),
    ]
    for kind, license_id, method, statement, score in found:
        models.LicenseFinding.objects.create(
            version=draft,
            kind=kind,
            license_id=license_id,
            method=method,
            statement=statement,
            score=score,
            path="LICENSE",
        )
    models.LineageHint.objects.create(
        version=draft, kind="teacher", says="dataset acme/r1-traces", path="README.md"
    )
    models.LineageEdge.objects.create(
        version=draft, relation="finetune", base_model="meta-llama/Llama-3.1-8B", path="README.md"
    )
    return factories.resolve(draft, license_id="unknown")


def test_a_licence_is_settled_and_a_question_answered(officer: Person) -> None:
    version = unclear()
    address = f"/admin/registry/modelversion/{version.pk}/"

    officer.go(address)
    officer.look("conclusion-open")
    officer.press("Resolve licence")
    officer.look("conclusion-form")
    officer.page.get_by_label("Licences that apply").select_option(["llama-3.1", "mit"])
    officer.page.get_by_label("Reason").fill("Compared word by word: only the date of the agreement differs.")
    officer.press("Resolve licence")
    expect(officer.page.locator("#license")).to_contain_text("Concluded by olga")

    officer.press("State an ancestor")
    officer.look("statement-form")
    officer.page.get_by_label("What this is about").select_option(label="Question: dataset acme/r1-traces")
    officer.page.get_by_label("This model").select_option("synthetic_outputs")
    officer.page.get_by_label("Of which model").fill("deepseek-ai/DeepSeek-R1")
    officer.page.get_by_label("Reason").fill("The publisher's paper says so.")
    officer.press("State an ancestor")
    expect(officer.page.locator("#license")).to_contain_text(
        "was trained on its outputs: deepseek-ai/DeepSeek-R1"
    )
    officer.look("conclusion-settled")
