"""The what-if pages: the matrix of a version, everything approved, previews above forms; nothing is saved."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import DecisionEntry
from governance.models import PolicyDocument
from governance.permissions import Role
from registry import tasks
from registry.actions import what_if
from registry.models import OrganizationProfile, ServingEnvironment, WhatIfRun
from registry.whatif import selection
from tests import desk, factories, rest
from tests.reviewing import USE, Desk, policy_text

pytestmark = pytest.mark.django_db
ORG = {
    "principal_place_of_business": "US",
    "entity_type": "company",
    "mau_by_month": {"2025-03": {"all_products_incl_affiliates": 1000}},
}


@pytest.fixture
def made() -> Desk:
    factories.organization(facts=ORG)
    found = rest.fresh_desk(license_id="llama-4")
    found.environment.use = {**USE, "public_statements_about_derivative": False}
    found.environment.save()
    rest.approve(found)
    return found


def officer(role: Role = Role.OFFICER) -> Client:
    return desk.client(role)[0]


def matrix(made: Desk, role: Role = Role.OFFICER, **query: Any) -> str:
    answer = officer(role).get(reverse("admin:registry_modelversion_what_if", args=[made.version.pk]), query)
    assert answer.status_code == 200
    return _words(answer)


def everything(role: Role = Role.OFFICER, **sent: Any) -> Any:
    return officer(role).post(reverse("admin:registry_whatifrun_changelist"), sent)


def _words(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.mark.parametrize("role", Role)
def test_matrix_shows_the_verdict_of_every_environment(made: Desk, role: Role) -> None:
    factories.environment(name="unsaid", use={"role": "licensee"})

    page = matrix(made, role)

    assert "allowed with obligations" in page
    assert "needs review" in page
    assert "<code>use.use_case_tags</code>" in page
    assert "With the facts moved" not in page


def test_missing_facts_lead_to_where_they_are_stated(made: Desk) -> None:
    place = factories.environment(name="unsaid", use={"role": "licensee"})

    page = matrix(made)
    read_only = matrix(made, Role.AUDITOR)

    change = reverse("admin:registry_servingenvironment_act", args=[place.pk, "redefine"])
    assert f'href="{change}"' in page
    assert f'href="{change}"' not in read_only


def test_matrix_with_a_preset_says_what_was(made: Desk) -> None:
    page = matrix(made, preset="many_users")

    assert "With the facts moved" in page
    assert "needs licence" in page
    assert "was allowed with obligations" in page
    assert "nodes would be refused for assistant" in page
    assert "more than 700,000,000 monthly active users" in page
    assert "1 worse, 0 better, 0 with other reasons or duties, 0 unchanged" in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"users": "700000001", "users_month": "2025-03"}, "needs licence"),
        ({"seat": "de"}, "prohibited"),
        ({"preset": "eu_seat", "country": "FR"}, "prohibited"),
        ({"seat": "unknown"}, "<code>org.principal_place_of_business</code>"),
        ({"unknown": "org.principal_place_of_business"}, "<code>org.principal_place_of_business</code>"),
        ({"hosting": "public_api"}, "new duty"),
        (
            {"relation": "finetune", "derivative_name": "Acme", "distribute_derivative": "yes"},
            "must begin with",
        ),
        ({"patch": '{"use": {"use_case_tags": ["military"]}}'}, "military"),
    ],
)
def test_each_kind_of_move(made: Desk, query: dict[str, str], words: str) -> None:
    assert words in matrix(made, **query)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"seat": "Atlantis"}, "7 characters"),
        ({"seat": "XX"}, "ISO 3166"),
        ({"users": "-1"}, "greater than or equal to 0"),
        ({"users": "many"}, "whole number"),
        ({"preset": "fly"}, "fly is not one of the available choices"),
        ({"patch": "{"}, "This is not JSON"),
        ({"patch": '{"org": {"mau": 1}}'}, "org.mau: unknown key"),
        ({"patch": '{"org": {"founded_on": "2999-01-01"}}'}, "org.founded_on"),
        ({"patch": '{"org": {"entity_type": "individual"}}'}, "an individual has a domicile instead"),
    ],
)
def test_moves_that_are_not_understood_are_named_and_the_matrix_stays(
    made: Desk, query: dict[str, str], words: str
) -> None:
    page = matrix(made, **query)

    assert words in page
    assert "allowed with obligations" in page
    assert "was allowed" not in page


def test_matrix_before_anything_is_known() -> None:
    draft = factories.draft_version()
    client = officer()
    page = reverse("admin:registry_modelversion_what_if", args=[draft.pk])

    assert "licence is not known yet" in _words(client.get(page))
    resolved = factories.resolved_version()
    other = reverse("admin:registry_modelversion_what_if", args=[resolved.pk])
    assert "There is no environment" in _words(client.get(other))


def test_use_on_record_that_cannot_be_read_is_said(made: Desk) -> None:
    made.environment.use = {"role": "a word of last year"}
    made.environment.save()

    assert "cannot be used" in matrix(made)


@pytest.mark.parametrize("role", Role)
def test_everything_is_asked_about_by_whoever_reads(made: Desk, role: Role) -> None:
    before = DecisionEntry.objects.count()

    answer = everything(role, preset="many_users")

    page = _words(answer)
    assert answer.status_code == 200
    assert "Approvals denied" in page
    assert str(made.version.registered_model) in page
    assert "License condition failed" in page
    assert DecisionEntry.objects.count() == before
    assert not WhatIfRun.objects.exists()


def test_a_policy_over_everything(made: Desk) -> None:
    page = _words(everything(text=policy_text(required="true").replace("\n", "\r\n")))

    assert "Signature missing" in page
    assert "refused for assistant" in page


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "Nothing is moved yet"),
        ({"text": "version = 2"}, "policy.version: must be 1"),
        ({"patch": '{"org": {"mau": 1}}'}, "org.mau"),
        ({"environment": "nowhere", "preset": "sell_api"}, "not one of the available choices"),
    ],
)
def test_questions_that_are_not_understood(made: Desk, sent: dict[str, str], words: str) -> None:
    answer = everything(**sent)

    assert answer.status_code == 422
    assert words in _words(answer)


def test_nothing_approved_says_so() -> None:
    assert "Nothing is approved yet" in _words(everything(preset="sell_api"))


def test_pages_of_versions_that_change(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from registry.admin import what_if_result

    monkeypatch.setattr(what_if_result, "PAGE", 1)
    other = rest.fresh_desk(license_id="llama-4")
    rest.approve(other, environment=made.environment)

    first = _words(everything(preset="many_users"))
    second = _words(everything(preset="many_users", page="2"))
    last = _words(everything(preset="many_users", page="99"))

    assert 'name="page" value="2"' in first
    assert "Page 2" in second
    assert "Page 2" in last


def test_a_large_question_becomes_a_run_with_a_page(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MAX_CELLS_AT_ONCE", 0)
    monkeypatch.setattr(what_if, "_send", lambda _: None)

    answer = everything(preset="many_users")

    run = WhatIfRun.objects.get()
    page = reverse("admin:registry_whatifrun_change", args=[run.pk])
    assert (answer.status_code, answer["Location"]) == (302, page)
    waiting = _words(officer(Role.AUDITOR).get(page))
    assert "0 of 1 compared" in waiting
    assert 'hx-trigger="every 2s"' in waiting
    tasks.what_if_task(run_id=run.pk)
    found = _words(officer(Role.AUDITOR).get(page))
    assert "hx-trigger" not in found.split('id="run"')[1].split(">")[0]
    assert "Approvals denied" in found
    assert f"What if {run.pk}" in _words(officer().get(reverse("admin:registry_whatifrun_changelist")))


def test_a_policy_is_seen_before_it_is_loaded(made: Desk) -> None:
    page = reverse("admin:governance_policydocument_load")
    client = officer(Role.ADMIN)
    before = PolicyDocument.objects.count()

    assert "See what this changes" in _words(client.get(page))
    seen = _words(client.post(page, {"text": policy_text(required="true"), "preview": "1"}))
    wrong = _words(client.post(page, {"text": "version = 2", "preview": "1"}))

    assert "Signature missing" in seen
    assert "Nothing is saved yet" in seen
    assert "policy.version" in wrong
    assert PolicyDocument.objects.count() == before


def form_of(client: Client, page: str) -> dict[str, Any]:
    """What a browser would send back of a form that nobody touched."""
    form = client.get(page).context["form"]
    found = {}
    for field in form:
        value = field.value()
        if value is not None and field.name != "uploads":
            found[field.html_name] = value
    return found


def test_facts_are_seen_before_they_are_attested(made: Desk) -> None:
    page, client = reverse("admin:registry_organizationprofile_attest"), officer()
    sent = {**form_of(client, page), "org.principal_place_of_business": "DE", "preview": "1"}
    before = OrganizationProfile.objects.count()

    seen = _words(client.post(page, sent))

    assert "prohibited" in seen
    assert "Principal place of business" in seen
    assert "Nothing is saved yet" in seen
    assert OrganizationProfile.objects.count() == before


def test_another_use_is_seen_before_it_is_defined(made: Desk) -> None:
    page = reverse("admin:registry_servingenvironment_act", args=[made.environment.pk, "redefine"])
    client = officer()
    sent = {**form_of(client, page), "use.use_case_tags": "military", "preview": "1"}

    seen = _words(client.post(page, sent))

    assert "Nothing is saved yet" in seen
    assert "military" in seen
    assert ServingEnvironment.objects.get(pk=made.environment.pk).use["use_case_tags"] == []


def test_a_preview_of_much_goes_to_a_worker(made: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MAX_CELLS_AT_ONCE", 0)
    monkeypatch.setattr(what_if, "_send", lambda _: None)
    page = reverse("admin:governance_policydocument_load")

    seen = _words(officer(Role.ADMIN).post(page, {"text": policy_text(), "preview": "1"}))

    assert reverse("admin:registry_whatifrun_change", args=[WhatIfRun.objects.get().pk]) in seen


def test_version_page_leads_to_the_matrix(made: Desk) -> None:
    page = officer().get(reverse("admin:registry_modelversion_change", args=[made.version.pk]))

    assert reverse("admin:registry_modelversion_what_if", args=[made.version.pk]) in _words(page)
