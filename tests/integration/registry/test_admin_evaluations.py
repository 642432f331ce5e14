"""The page of a verdict answers why something was allowed on its day, whatever became of the facts since."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from governance.permissions import Role
from registry import attestations
from registry.actions import environments, evaluate, organization
from registry.actions.organization import Attached
from registry.models import Evaluation, OrganizationProfile
from tests import decisions, desk, factories

pytestmark = pytest.mark.django_db
NOW = factories.NOW
MARCH = NOW - timedelta(days=250)
USERS = {"mau_by_month": {"2024-11": {"all_products_incl_affiliates": 41_000}}}


def attest(facts: dict[str, Any], **more: Any) -> OrganizationProfile:
    fields: dict[str, Any] = {"note": "", "effective_at": MARCH, "now": MARCH, "is_complete": False, **more}
    return organization.attest_facts(facts=facts, actor=factories.actor(), **fields)


@pytest.fixture
def judged() -> Evaluation:
    """Llama 3.3, allowed in March with 41,000 users that a report shows; twelve facts changed later."""
    paper = factories.document(name="users-2024.csv", media_type="text/csv")
    attest(USERS, evidence=[Attached(paper.pk)])
    attest({"licensee_entity": "Example GmbH", "domicile": "DE"})
    version = factories.resolved_version(license_id="llama-3.3")
    place = factories.environment(name="production", use={"role": "licensee", "purpose": "internal"})
    row = evaluate.evaluate_version(
        version=version, environment=place, purpose="assistant", actor=factories.actor(), now=MARCH
    )
    attest({"mau_by_month": {"2024-11": {"all_products_incl_affiliates": 800_000_000}}}, now=NOW)
    return row


@pytest.fixture
def reader() -> Client:
    return desk.client(Role.AUDITOR)[0]


def page_of(client: Client, row: Evaluation) -> Any:
    return client.get(reverse("admin:registry_evaluation_change", args=[row.pk]))


def test_the_facts_of_the_day_are_shown_with_source_evidence_and_today(
    judged: Evaluation, reader: Client
) -> None:
    page = page_of(reader, judged)

    (fact,) = page.context["deciding"]
    assert fact["path"] == "mau_by_month.2024-11.all_products_incl_affiliates"
    assert (fact["value"], fact["today"]) == ("41,000", "800,000,000")
    assert fact["profile"].effective_at == MARCH
    assert [one.name for one in fact["documents"]] == ["users-2024.csv"]
    assert {one["path"] for one in page.context["others"]} == {"licensee_entity", "domicile"}
    text = page.content.decode()
    assert "1 of the facts that decided has changed since" in text
    assert "§2" in text


def test_the_verdict_keeps_which_attestation_each_fact_came_from(judged: Evaluation) -> None:
    first, second, _ = OrganizationProfile.objects.order_by("pk")

    assert judged.request["attestations"] == {
        "mau_by_month.2024-11.all_products_incl_affiliates": first.pk,
        "licensee_entity": second.pk,
        "domicile": second.pk,
    }
    assert judged.organization == second
    assert judged.request["org"]["mau_by_month"] == USERS["mau_by_month"]


def test_verdicts_from_before_say_that_one_attestation_said_everything(judged: Evaluation) -> None:
    old = Evaluation(request={"org": {"domicile": "DE"}}, result={}, organization_id=7)

    assert attestations.attestations_of(old) == {"domicile": 7}
    assert attestations.attestations_of(Evaluation(request={}, result={})) == {}


def test_a_newer_verdict_and_another_use_are_named(judged: Evaluation, reader: Client) -> None:
    environments.define_environment(
        name="production",
        description="",
        regions=[],
        use={"role": "licensee", "hosting": "public_api"},
        actor=factories.actor(),
        now=NOW,
    )
    newer = evaluate.evaluate_version(
        version=judged.version,
        environment=judged.environment,
        purpose="assistant",
        actor=factories.actor(),
        now=NOW,
    )

    page = page_of(reader, judged)

    assert page.context["newer"] == newer
    assert "described anew since" in page.content.decode()
    assert newer.verdict == "needs_licence"
    assert page_of(reader, newer).context["changed"] == 0


def test_verdicts_are_listed_found_and_narrowed(judged: Evaluation, reader: Client) -> None:
    address = reverse("admin:registry_evaluation_changelist")
    name = judged.version.registered_model.name

    def shown(**asked: str) -> list[int]:
        return [row.pk for row in reader.get(address, asked).context["page"].rows]

    assert shown() == shown(q=name) == shown(verdict=judged.verdict) == [judged.pk]
    assert shown(q="nothing-like-it") == shown(verdict="prohibited") == []


def test_the_page_of_the_version_leads_there(judged: Evaluation, reader: Client) -> None:
    version = reader.get(
        reverse("admin:registry_modelversion_change", args=[judged.version_id])
    ).content.decode()

    assert reverse("admin:registry_evaluation_change", args=[judged.pk]) in version


def test_the_log_holds_the_digest_that_binds_the_facts(judged: Evaluation) -> None:
    _, _, body = decisions.last(f"model-version:{judged.version_id}")

    assert body["evaluation_digest"] == judged.evaluation_digest
