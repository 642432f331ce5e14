"""An officer moves facts in a real browser, on one version and over everything."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from governance.permissions import Role
from tests import factories, rest
from tests.browser import Person
from tests.reviewing import USE, Desk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ORG = {
    "licensee_entity": "Acme Inc.",
    "principal_place_of_business": "US",
    "entity_type": "company",
    "mau_by_month": {month: {"all_products_incl_affiliates": 1000} for month in ("2025-03", "2026-10")},
}
SURE = {**USE, "public_statements_about_derivative": False}


@pytest.fixture
def officer(people: Callable[[str], Person]) -> Person:
    factories.user(Role.OFFICER, username="olga")
    return people("olga")


def approved(license_id: str, name: str, **use: object) -> Desk:
    model = factories.registered_model(publisher="acme", name=name)
    desk = rest.fresh_desk(license_id=license_id, registered_model=model)
    desk.environment.use = {**SURE, **use}
    desk.environment.save()
    rest.approve(desk)
    return desk


def test_moving_facts_on_one_version_and_over_everything(officer: Person) -> None:
    factories.organization(facts=ORG, effective_at=rest.now() - timedelta(days=30))
    desk = approved("llama-4", "llama")
    approved("apache-2.0", "free")
    approved("qwen-2024", "qwen")
    factories.environment(name="product", use={**SURE, "hosting": "public_api"})
    factories.environment(name="unsaid", use={"role": "licensee"})

    officer.go(f"/admin/registry/modelversion/{desk.version.pk}/what-if/")
    officer.look("what-if-now")
    officer.page.get_by_label("More than 700 million monthly users").check()
    expect(officer.page.locator("#matrix")).to_contain_text("was allowed with obligations")
    officer.page.get_by_text("Where we are").click()
    officer.page.get_by_label("Principal place of business", exact=True).fill("Germany")
    officer.page.get_by_label("Principal place of business", exact=True).blur()
    expect(officer.page.get_by_role("alert").first).to_contain_text("not understood")
    officer.go(f"/admin/registry/modelversion/{desk.version.pk}/what-if/?preset=many_users&preset=sell_api")
    officer.look("what-if-moved")

    officer.menu("What if")
    officer.look("what-if-form")
    officer.page.get_by_label("More than 700 million monthly users").check()
    officer.press("Show what changes")
    expect(officer.page.locator("main")).to_contain_text("Approvals denied")
    officer.look("what-if-everything")

    officer.go("/admin/registry/organizationprofile/new/attest/")
    officer.page.locator('[name="org.principal_place_of_business"]').select_option("DE")
    officer.page.get_by_role("button", name="See what this changes").click()
    expect(officer.page.locator("#preview")).to_contain_text("Nothing is saved yet")
    expect(officer.page.locator("#preview")).to_contain_text("prohibited")
    officer.look("what-if-before-attesting")
