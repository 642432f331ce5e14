"""The pages of the facts: shown, attested through the form, and looked back at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from governance.permissions import Role
from registry.actions.organization import facts_in_force
from registry.models import EvidenceDocument, OrganizationProfile
from tests import desk, factories

pytestmark = pytest.mark.django_db
FORM = "admin:registry_organizationprofile_attest"
LIST = "admin:registry_organizationprofile_changelist"


def now() -> datetime:
    return datetime.now(UTC)


def last_month() -> str:
    return f"{now().replace(day=1) - timedelta(days=1):%Y-%m}"


@pytest.fixture
def officer() -> Client:
    return desk.client(Role.OFFICER)[0]


def answers(client: Client, **changed: Any) -> dict[str, Any]:
    """The form as a browser would send it back untouched, with changes."""
    form = client.get(reverse(FORM)).context["form"]
    sent: dict[str, Any] = {}
    for bound in form:
        if bound.name == "org.mau_by_month":
            for row in bound.field.widget.get_context(bound.name, bound.value(), {})["rows"]:
                sent |= {cell["name"]: cell["value"] for cell in row["cells"]}
        elif bound.value() not in (None, False, []):
            sent[bound.html_name] = bound.value()
    return {**sent, **{name.replace("__", "."): value for name, value in changed.items()}}


def attest(client: Client, **changed: Any) -> Any:
    return client.post(reverse(FORM), answers(client, **changed))


def held() -> dict[str, Any]:
    found = facts_in_force(at=now() + timedelta(days=1))
    return dict(found.facts) if found else {}


def test_the_first_attestation_says_everything(officer: Client) -> None:
    answer = attest(
        officer,
        org__licensee_entity="Example GmbH",
        org__entity_type="company",
        org__principal_place_of_business="DE",
        org__operates_maas="no",
        org__affiliates="none",
        org__founded_on="2015-03-01",
        org__competes_with="Acme\nOther\n",
        **{
            "org.annual_revenue_usd.group": "12,500,000",
            f"org.mau_by_month:{last_month()}:licensee_only": "1 200",
        },
    )

    assert answer.status_code == 302, answer.context["form"].errors
    row = OrganizationProfile.objects.get()
    assert row.is_complete
    assert row.facts == {
        "licensee_entity": "Example GmbH",
        "entity_type": "company",
        "principal_place_of_business": "DE",
        "operates_maas": False,
        "affiliates": [],
        "founded_on": "2015-03-01",
        "competes_with": ["Acme", "Other"],
        "annual_revenue_usd": {"group": 12_500_000},
        "mau_by_month": {last_month(): {"licensee_only": 1200}},
    }


def test_afterwards_only_what_was_changed_is_attested_with_its_evidence(officer: Client) -> None:
    factories.organization(
        facts={
            "principal_place_of_business": "DE",
            "operates_maas": False,
            "founded_on": "2015-03-01",
            "affiliates": ["A", "B"],
            "annual_revenue_usd": {"group": 9, "licensee": 4},
            "mau_by_month": {"2024-11": {"licensee_only": 7}, "2024-12": {"licensee_only": 8}},
        },
        effective_at=now() - timedelta(days=30),
    )
    paper = SimpleUploadedFile("report.pdf", b"%PDF-1.7", content_type="application/pdf")
    kept = factories.document()

    attest(
        officer,
        org__operates_maas="yes",
        org__founded_on="",
        uploads=[paper],
        kept=[str(kept.pk)],
        note="The annual report.",
        **{"org.annual_revenue_usd.group": "10", "org.mau_by_month:2024-12:licensee_only": ""},
    )

    row = OrganizationProfile.objects.latest("pk")
    assert not row.is_complete
    assert row.facts == {
        "operates_maas": True,
        "founded_on": None,
        "annual_revenue_usd": {"group": 10},
        "mau_by_month": {"2024-12": {"licensee_only": None}},
    }
    assert {one.name for one in row.documents.all()} == {"report.pdf", kept.name}
    assert held()["mau_by_month"] == {"2024-11": {"licensee_only": 7}}
    assert held()["affiliates"] == ["A", "B"]


def test_a_change_of_today_changes_what_was_attested_earlier_today(officer: Client) -> None:
    factories.organization(facts={"domicile": "FR"}, effective_at=now() - timedelta(microseconds=1))

    attest(officer, org__domicile="DE")

    assert held() == {"domicile": "DE"}


def test_a_month_that_is_not_offered_can_be_added(officer: Client) -> None:
    attest(
        officer,
        **{"org.mau_by_month:new1:month": "2020-05", "org.mau_by_month:new1:product_using_model": "5"},
    )

    assert held() == {"mau_by_month": {"2020-05": {"product_using_model": 5}}}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"org.annual_revenue_usd.group": "-5"}, "org.annual_revenue_usd.group"),
        ({"org.annual_revenue_usd.group": "1.5"}, "org.annual_revenue_usd.group"),
        ({"org.annual_revenue_usd.group": "9" * 19}, "org.annual_revenue_usd.group"),
        ({"org.annual_revenue_usd.licensee": "9", "org.annual_revenue_usd.group": "8"}, "org.annual_revenue_usd.group"),
        ({"org.entity_type": "cartel"}, "org.entity_type"),
        ({"org.principal_place_of_business": "UK"}, "org.principal_place_of_business"),
        ({"org.founded_on": "2999-01-01"}, "org.founded_on"),
        ({"org.mau_by_month:2024-11:licensee_only": "many"}, "org.mau_by_month"),
        ({"org.mau_by_month:2999-11:licensee_only": "1"}, "org.mau_by_month"),
        ({"org.mau_by_month:new1:month": "May", "org.mau_by_month:new1:licensee_only": "1"}, "org.mau_by_month"),
        ({"org.mau_by_month:new1:month": "2024-11", "org.mau_by_month:new1:licensee_only": "1",
          "org.mau_by_month:2024-11:licensee_only": "1"}, "org.mau_by_month"),
        ({"effective_at": "2999-01-01"}, "effective_at"),
        ({"effective_at": "soon"}, "effective_at"),
        ({"note": "x" * 3000}, "note"),
        ({"uploads": [SimpleUploadedFile("a.svg", b"<svg/>", content_type="image/svg+xml")]}, "uploads"),
        ({"uploads": [SimpleUploadedFile("a.pdf", b"GIF", content_type="application/pdf")]}, "uploads"),
        ({"uploads": [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(6)]}, "uploads"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(officer: Client, changed: dict[str, Any], field: str) -> None:
    answer = officer.post(reverse(FORM), {**answers(officer), "org.operates_maas": "yes", **changed})

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == [field]
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not OrganizationProfile.objects.exists()
    assert not EvidenceDocument.objects.exists()


def test_a_contradiction_with_what_holds_is_said_at_its_field(officer: Client) -> None:
    factories.organization(facts={"annual_revenue_usd": {"licensee": 7}})

    answer = attest(officer, **{"org.annual_revenue_usd.group": "6"})

    assert list(answer.context["form"].errors) == ["org.annual_revenue_usd.group"]
    assert "is smaller than a part of it" in answer.content.decode()


def test_nothing_changed_and_an_old_page_are_refused(officer: Client) -> None:
    factories.organization(facts={"operates_maas": False})
    old = answers(officer, org__operates_maas="yes")
    unchanged = attest(officer)
    factories.organization(facts={"operates_maas": False, "domicile": "DE"})

    overtaken = officer.post(reverse(FORM), old)

    assert "Nothing was changed" in unchanged.content.decode()
    assert "Someone attested other facts" in overtaken.content.decode()
    assert OrganizationProfile.objects.count() == 2


def test_the_page_shows_every_fact_with_since_when_and_evidence(officer: Client) -> None:
    empty = officer.get(reverse(LIST)).content.decode()
    assert "Nothing here yet" in empty
    assert "Licences ask for what nobody attested yet" in empty
    attest(
        officer, org__principal_place_of_business="DE", uploads=[SimpleUploadedFile("register.txt", b"HRB 1")]
    )
    factories.organization(
        facts={"mau_by_month": {"2024-11": {"all_products_incl_affiliates": 700_000_001}}},
        is_complete=False,
        effective_at=now(),
    )

    page = officer.get(reverse(LIST))

    text = page.content.decode()
    assert "Germany (DE)" in text
    assert "register.txt" in text
    assert 'class="limits"' in text
    shown = {one.fact.name: one for _, facts in page.context["groups"] for one in facts}
    assert len(shown) == page.context["known"] + page.context["unknown"] >= 15
    assert [one.name for one in shown["principal_place_of_business"].sources[0].documents] == ["register.txt"]
    assert "llama-3.3" in shown["mau_by_month"].asked_by
    assert {(one["license"], one["state"]) for one in page.context["limits"]} >= {
        ("llama-3.3", "above"),
        ("llama-3.2", "unknown"),
    }
    assert [row.state for row in page.context["page"].rows] == ["in force", "in force"]


def test_the_facts_of_another_day(officer: Client) -> None:
    then = now() - timedelta(days=60)
    factories.organization(facts={"domicile": "FR"}, effective_at=then)
    factories.organization(facts={"domicile": "DE"}, effective_at=now() - timedelta(days=1))
    address = reverse("admin:registry_organizationprofile_on")
    day = {"on": f"{then + timedelta(days=5):%Y-%m-%d}"}

    assert "France (FR)" in officer.get(address, day).content.decode()
    assert (
        "Nothing was attested for that day"
        in officer.get(address, {**day, "as_known": "on"}).content.decode()
    )
    assert officer.get(address).status_code == 200
    assert officer.get(address, {"on": "yesterday"}).status_code == 422


def test_one_attestation_shows_what_it_changed(officer: Client) -> None:
    factories.organization(
        facts={"domicile": "FR", "operates_maas": True}, effective_at=now() - timedelta(days=2)
    )
    change = factories.organization(
        facts={"domicile": "DE", "operates_maas": None},
        is_complete=False,
        effective_at=now() - timedelta(days=1),
    )
    pending = factories.organization(facts={"domicile": "AT"}, effective_at=now() + timedelta(days=9))

    page = officer.get(reverse("admin:registry_organizationprofile_change", args=[change.pk]))
    later = officer.get(reverse("admin:registry_organizationprofile_change", args=[pending.pk]))

    changes = {one["path"]: (one["was"], one["now"]) for one in page.context["changes"]}
    assert changes == {"domicile": ("France (FR)", "Germany (DE)"), "operates_maas": ("Yes", "unknown")}
    assert page.context["state"] == "in force"
    assert later.context["state"] == "pending"
