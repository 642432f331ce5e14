"""Facts that people attest: which hold at a time, where each comes from, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from governance.errors import Forbidden, InvalidInput
from governance.permissions import Role
from registry import attestations
from registry.actions import organization
from registry.actions.organization import Attached, FactsContradict, facts_in_force
from registry.models import AttestationEvidence, OrganizationProfile
from tests import decisions, factories
from tests.refusals import refused, rows_of

pytestmark = pytest.mark.django_db
NOW = factories.NOW
DAY = timedelta(days=1)
USERS = "mau_by_month.2026-10"


def attest(facts: dict[str, Any], *, days: int = 0, **changes: Any) -> OrganizationProfile:
    """A change that holds from so many days after now."""
    fields: dict[str, Any] = {"note": "", "effective_at": NOW + days * DAY, "now": NOW, "is_complete": False}
    fields |= changes
    fields.setdefault("actor", factories.actor())
    return organization.attest_facts(facts=facts, **fields)


def users(**counts: int | None) -> dict[str, Any]:
    return {"mau_by_month": {"2026-10": counts}}


def held(at: datetime, **options: Any) -> dict[str, Any]:
    found = facts_in_force(at=at, **options)
    return dict(found.facts) if found else {}


# -- what holds -----------------------------------------------------------------------------------------------------


def test_an_attestation_is_kept_and_the_log_gets_digests_only() -> None:
    officer, paper = factories.actor(), factories.document()

    row = attest(
        {"annual_revenue_usd": {"licensee": 123456789}},
        actor=officer,
        note="the annual report of Example GmbH",
        evidence=[Attached(paper.pk, ("annual_revenue_usd.licensee",))],
    )

    event, actor, body = decisions.last(f"organization-facts:{row.pk}")
    assert (event, actor) == ("registry.organization.attested", str(officer))
    assert (body["facts"], body["complete"], body["evidence"]) == (
        ["annual_revenue_usd"],
        False,
        [paper.sha256],
    )
    assert "123456789" not in str(body)
    assert "Example" not in str(body)


def test_changes_are_laid_over_the_last_complete_attestation() -> None:
    attest({"domicile": "FR"}, days=-90)
    whole = attest({"principal_place_of_business": "DE", "operates_maas": False}, days=-60, is_complete=True)
    change = attest({"operates_maas": True, "annual_revenue_usd": {"group": 7}}, days=-30)
    withdrawal = attest({"principal_place_of_business": None}, days=-10)

    found = facts_in_force(at=NOW)

    assert found is not None
    assert found.facts == {"operates_maas": True, "annual_revenue_usd": {"group": 7}}
    assert found.profile == withdrawal
    assert found.provenance == {"operates_maas": change, "annual_revenue_usd.group": change}
    assert found.attestations == {"operates_maas": change.pk, "annual_revenue_usd.group": change.pk}
    earlier = facts_in_force(at=NOW - 45 * DAY)
    assert earlier is not None
    assert (earlier.profile, set(earlier.provenance.values())) == (whole, {whole})
    assert held(NOW - 75 * DAY) == {"domicile": "FR"}
    assert facts_in_force(at=NOW - 99 * DAY) is None


def test_rows_that_say_nothing_of_it_are_complete() -> None:
    factories.organization(facts={"operates_maas": True}, effective_at=NOW - 10 * DAY)
    factories.organization(facts={"domicile": "DE"}, effective_at=NOW - DAY)

    assert held(NOW) == {"domicile": "DE"}
    assert held(NOW - 5 * DAY) == {"operates_maas": True}


def test_what_holds_later_does_not_count_yet() -> None:
    attest({"operates_maas": False}, days=-1)
    attest({"operates_maas": True}, days=5)

    assert held(NOW) == {"operates_maas": False}
    assert held(NOW + 5 * DAY) == {"operates_maas": True}


def test_what_was_attested_later_holds_then_but_was_not_known_then() -> None:
    attest({"operates_maas": False}, days=-60, now=NOW - 60 * DAY)
    attest({"operates_maas": True}, days=-50, now=NOW)

    march = NOW - 40 * DAY
    assert held(march) == {"operates_maas": True}
    assert held(march, known_at=march) == {"operates_maas": False}


def test_of_two_attestations_for_the_same_day_the_later_one_counts() -> None:
    attest({"operates_maas": False})
    attest({"operates_maas": True})

    assert held(NOW) == {"operates_maas": True}


# -- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"anual_revenue": 1}, "org.anual_revenue"),
        ({"founded_on": "yesterday"}, "org.founded_on"),
        ({"founded_on": "2031-01-01"}, "org.founded_on"),
        ({"operates_maas": "no"}, "org.operates_maas"),
        ({"annual_revenue_usd": {"group": -1}}, "org.annual_revenue_usd.group"),
        ({"annual_revenue_usd": {"product": 1}}, "org.annual_revenue_usd.product"),
        ({"principal_place_of_business": "UK"}, "org.principal_place_of_business"),
        ({"mau_by_month": {"2026-12": {"licensee_only": 1}}}, "org.mau_by_month.2026-12"),
        ({"mau_by_month": {"2026-13": None}}, "org.mau_by_month.2026-13"),
        (users(licensee_only=9, all_products_incl_affiliates=8), f"org.{USERS}.all_products_incl_affiliates"),
        (
            {"entity_type": "individual", "principal_place_of_business": "DE"},
            "org.principal_place_of_business",
        ),
        ({}, "facts"),
        ({"mau_by_month": {}}, "facts"),
        ({"affiliates": [f"{place:05d}" for place in range(5001)]}, "org.affiliates"),
        ({"affiliates": [f"{place:04d}".rjust(90, "x") for place in range(5000)]}, "facts"),
    ],
)
def test_facts_that_cannot_be_are_refused(facts: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        attest(facts)

    assert refusal.value.field == field
    assert not OrganizationProfile.objects.exists()
    assert decisions.count() == 0


def test_a_month_after_the_day_from_which_it_is_to_hold_is_refused() -> None:
    with pytest.raises(InvalidInput, match="2026-08") as refusal:
        attest(users(licensee_only=1), days=-90)

    assert refusal.value.field == f"org.{USERS}"


@pytest.mark.parametrize("days", [400, -60_000])
def test_days_too_far_away_are_refused(days: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        attest({"operates_maas": True}, days=days)

    assert refusal.value.field == "effective_at"


def test_a_change_that_contradicts_what_holds_is_refused() -> None:
    first = attest(users(licensee_only=700), days=-2)

    with pytest.raises(FactsContradict, match=f"attestation {first.pk}") as refusal:
        attest(users(all_products_incl_affiliates=699))

    assert refusal.value.field == f"org.{USERS}.all_products_incl_affiliates"
    attest(users(all_products_incl_affiliates=700))


def test_a_change_that_contradicts_what_takes_effect_later_is_refused() -> None:
    later = attest(users(licensee_only=700), days=9)

    with pytest.raises(
        FactsContradict, match=f"on 2026-12-01, together with attestation {later.pk}"
    ) as refusal:
        attest(users(product_using_model=701))

    assert refusal.value.field == f"org.{USERS}.licensee_only"
    assert OrganizationProfile.objects.count() == 1


def test_what_is_complete_later_makes_an_earlier_contradiction_harmless() -> None:
    attest({"entity_type": "individual"}, days=20)
    attest({"operates_maas": False}, days=9, is_complete=True)

    attest({"principal_place_of_business": "DE"})

    assert held(NOW + 30 * DAY) == {"operates_maas": False, "entity_type": "individual"}


def test_changes_that_take_effect_together_are_judged_together() -> None:
    attest(users(all_products_incl_affiliates=900), days=9)
    attest(users(licensee_only=900), days=9)

    attest(users(product_using_model=900))

    assert held(NOW + 9 * DAY)["mau_by_month"]["2026-10"]["licensee_only"] == 900


def test_only_those_who_edit_the_organisation_attest() -> None:
    for role in (Role.REVIEWER, Role.AUDITOR, Role.ADMIN):
        with pytest.raises(Forbidden):
            attest({"operates_maas": True}, actor=factories.actor(role))


# -- evidence -------------------------------------------------------------------------------------------------------


def test_each_fact_has_the_documents_that_show_it() -> None:
    report, register = factories.document(), factories.document()
    row = attest(
        {"annual_revenue_usd": {"group": 9, "licensee": 3}, "domicile": "DE"},
        evidence=[Attached(report.pk, ("annual_revenue_usd",)), Attached(register.pk)],
    )

    found = attestations.with_documents(OrganizationProfile.objects.all()).get(pk=row.pk)

    assert attestations.shown_by(found, "annual_revenue_usd.group") == [report, register]
    assert attestations.shown_by(found, "domicile") == [register]
    assert all("content" in one.get_deferred_fields() for one in attestations.shown_by(found, "domicile"))


@pytest.mark.parametrize(
    ("evidence", "field"),
    [
        ([Attached(999)], "documents"),
        ([Attached(1), Attached(1)], "documents"),
        ([Attached(place) for place in range(30)], "documents"),
    ],
)
def test_documents_that_are_not_kept_are_refused(evidence: list[Attached], field: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        attest({"domicile": "DE"}, evidence=evidence)

    assert refusal.value.field == field


def test_a_document_shows_what_is_attested_and_nothing_else() -> None:
    paper = factories.document()

    with pytest.raises(InvalidInput) as refusal:
        attest({"domicile": "DE"}, evidence=[Attached(paper.pk, ("domicile", "operates_maas"))])

    assert refusal.value.field == "evidence.0.facts"


# -- the database ---------------------------------------------------------------------------------------------------


def test_the_database_keeps_attestations_as_they_were_made() -> None:
    paper, other = factories.document(), factories.document()
    row = attest({"domicile": "DE"}, evidence=[Attached(paper.pk)])
    link = AttestationEvidence.objects.get()

    refused("registry_organizationprofile_written_once", lambda: rows_of(row).update(is_complete=True))
    refused("registry_attestationevidence_written_once", lambda: rows_of(link).update(facts=["x"]))
    refused("registry_attestationevidence_written_once", link.delete)
    add = AttestationEvidence.objects.create
    refused("registry_attestationevidence_attached_when_attested", lambda: add(profile=row, document=other))


def test_the_database_refuses_what_no_attestation_is() -> None:
    fields = {"effective_at": NOW, "attested_by": factories.user()}
    create = OrganizationProfile.objects.create
    refused(
        "registry_organizationprofile_change_says_something",
        lambda: create(**fields, facts={}, is_complete=False),
    )
    refused("registry_organizationprofile_facts_are_a_table", lambda: create(**fields, facts=[]))
    refused(
        "registry_organizationprofile_documents_bounded",
        lambda: create(**fields, facts={}, document_count=21),
    )
    paper = factories.document()
    row = create(**fields, facts={"domicile": "DE"}, document_count=2)
    AttestationEvidence.objects.create(profile=row, document=paper)
    refused(
        "registry_attestationevidence_document_once",
        lambda: AttestationEvidence.objects.create(profile=row, document=paper),
    )


def test_the_facts_of_a_time_are_two_queries(django_assert_num_queries: Any) -> None:
    attest({"domicile": "DE"}, is_complete=True)
    for place in range(5):
        attest({"annual_revenue_usd": {"group": place}})

    with django_assert_num_queries(2):
        found = facts_in_force(at=datetime.now(UTC) + DAY)
        assert found is not None
        assert {row.attested_by.username for row in found.provenance.values()}
