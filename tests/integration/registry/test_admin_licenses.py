"""The desk's pages of the licence catalogue: what a lawyer reads, and how two people change it."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from governance.permissions import Role
from registry import catalogs, holdings, models
from registry.actions import conclusions, shipped_licenses
from registry.licensing import records
from tests import desk, factories, licenses
from tests.licenses import HOUSE

pytestmark = pytest.mark.django_db
LIST = "admin:registry_licenserecord_changelist"
STRICT = licenses.variant(
    "mit",
    conditions=[
        {
            "kind": "manual_review",
            "clause": "house rule 3",
            "effect": "needs_review",
            "reason": "Ask first.",
            "verification": "verified_text",
        }
    ],
)


def page(client: Client, name: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200, answer.status_code
    return re.sub(r"\s+", " ", answer.content.decode())


def record(license_id: str, origin: str = "project") -> models.LicenseRecord:
    return models.LicenseRecord.objects.get(license_id=license_id, origin=origin)


def shown(**query: str) -> list[str]:
    client, _ = desk.client(Role.AUDITOR)
    return [row.license_id for row in client.get(reverse(LIST), query).context["page"].rows]


def test_without_a_release_the_list_says_what_is_in_force() -> None:
    client, _ = desk.client(Role.AUDITOR)

    assert "manage.py load_licenses" in page(client, "registry_licenserecord_changelist")
    assert "not yet on record" in page(client, "registry_licenserecord_changelist")


def test_the_list_shows_what_is_in_force_and_what_is_under_it() -> None:
    factories.catalog_release()
    licenses.in_force(STRICT)
    licenses.in_force()
    factories.resolved_version(license_id="mit")
    several = factories.resolved_version(license_id="apache-2.0 AND mit")
    concluded = factories.resolved_version(license_id="apache-2.0")
    conclusions.conclude_license(
        version=concluded, licenses=["mit"], reason="Read.", actor=factories.actor(), now=licenses.NOW
    )
    client, _ = desk.client(Role.AUDITOR)

    seen = [client.get(reverse(LIST), {"page": number}).context["page"].rows for number in (1, 2)]
    rows = {row.license_id: row for page_of in seen for row in page_of}

    assert set(rows) == {*records.shipped(), "house-1.0"}
    assert (rows["mit"].origin, rows["mit"].is_override, rows["mit"].number) == ("organization", True, 3)
    assert (rows["apache-2.0"].origin, rows["apache-2.0"].number) == ("project", 1)
    assert list(holdings.versions_under("apache-2.0")) == [several]
    assert list(holdings.versions_under("mit"))[:2] == [concluded, several]
    assert rows["mit"].since > rows["apache-2.0"].since
    assert "yours, an override" in page(client, "registry_licenserecord_changelist", whose="override")


def test_search_and_filters_narrow_the_list() -> None:
    licenses.in_force(STRICT)
    licenses.in_force()
    factories.resolved_version(license_id="qwen-2024")

    assert shown(q="Apache License 2.0") == ["apache-2.0"]
    assert shown(q="acme-house") == ["house-1.0"]
    assert shown(q=record("mit", "organization").record_digest) == ["mit"]
    assert shown(q="no such thing") == []
    assert shown(whose="organization") == ["house-1.0", "mit"]
    assert shown(whose="override") == ["mit"]
    assert shown(used="yes") == ["qwen-2024"]
    assert "cc-by-nc-4.0" in shown(category="non-commercial")
    assert set(shown(facts="from_memory_unverified")) < set(records.shipped())


def test_every_record_of_the_project_has_a_page_in_words() -> None:
    factories.catalog_release()
    client, _ = desk.client(Role.AUDITOR)

    for row in models.LicenseRecord.objects.all():
        text = page(client, "registry_licenserecord_change", row.pk)
        found = catalogs.current().licenses[row.license_id]

        assert all(condition.kind not in text or "_" not in condition.kind for condition in found.conditions)
        assert text.count("<dt>Clause</dt>") == len(found.conditions) + len(found.obligations)
        assert "dataclass" not in text
        assert "object at 0x" not in text


def test_a_lawyer_reads_threshold_clause_and_source() -> None:
    factories.catalog_release()
    client, _ = desk.client(Role.AUDITOR)

    text = page(client, "registry_licenserecord_change", record("llama-3.1").pk)

    for words in (
        "700,000,000",
        "more than",
        "§2",
        "2024-06",
        "needs licence",
        "verified text",
        "Request a license",
    ):
        assert words in text, words
    assert "meta-llama/Llama-3.1-*" in text
    assert "fb63778e69fdcbde" in text
    assert "Display &quot;Built with Llama&quot;" in text


def test_an_override_is_shown_beside_what_it_hides_and_back() -> None:
    licenses.in_force(STRICT)
    client, _ = desk.client(Role.AUDITOR)
    own, theirs = record("mit", "organization"), record("mit")

    text = page(client, "registry_licenserecord_change", own.pk)
    hidden = page(client, "registry_licenserecord_change", theirs.pk)

    assert "hides the project" in text
    assert reverse("admin:registry_licenserecord_change", args=[theirs.pk]) in text
    assert "Yours beside the project" in text
    assert "house rule 3" in text
    assert "is hidden by your own" in hidden
    assert reverse("admin:registry_licenserecord_change", args=[own.pk]) in hidden


def test_a_record_that_is_no_longer_in_force_says_so() -> None:
    licenses.in_force()
    old = record("house-1.0", "organization")
    licenses.in_force(HOUSE.replace("House licence", "House license"))
    client, _ = desk.client(Role.AUDITOR)

    assert "This record is not in force" in page(client, "registry_licenserecord_change", old.pk)


def test_a_licence_is_found_by_its_id_and_linked_from_versions() -> None:
    factories.catalog_release()
    version = factories.resolved_version(license_id="apache-2.0 AND mit")
    client, _ = desk.client(Role.AUDITOR)
    address = reverse("admin:registry_licenserecord_of", args=["mit"])

    assert address in page(client, "registry_modelversion_change", version.pk)
    assert client.get(address)["Location"] == reverse(
        "admin:registry_licenserecord_change", args=[record("mit").pk]
    )
    assert client.get(reverse("admin:registry_licenserecord_of", args=["none"])).status_code == 404


def test_two_people_put_a_record_in_force_at_the_desk() -> None:
    officer, _ = desk.client(Role.OFFICER)
    reviewer, person = desk.client(Role.REVIEWER)
    form = reverse("admin:registry_licenserecord_propose")
    values = {"toml": HOUSE.replace("\n", "\r\n"), "takes_over": "", "reason": "We trained it."}
    signed = SimpleUploadedFile("signed.txt", b"We, the undersigned", "text/plain")

    looked = officer.post(form, {**values, "look": "1"})
    assert looked.status_code == 200
    assert "Ask the house lawyer." in looked.content.decode()
    assert models.LicenseProposal.objects.count() == 0
    proposed = officer.post(form, {**values, "uploads": signed}, follow=True)
    proposal = models.LicenseProposal.objects.get()
    assert proposed.redirect_chain == [
        (reverse("admin:registry_licenseproposal_change", args=[proposal.pk]), 302)
    ]
    assert proposal.toml == HOUSE
    assert proposal.document is not None
    assert "signed.txt" in page(reviewer, "registry_licenseproposal_change", proposal.pk)
    assert "You proposed this" not in proposed.content.decode()
    assert "waiting for you" in reviewer.get(reverse("admin:index")).content.decode()
    publish = reverse("admin:registry_licenseproposal_act", args=[proposal.pk, "publish"])
    assert officer.post(publish, {"note": ""}).status_code == 403
    seen = reviewer.get(publish).context["form"]["seen"].value()
    answer = reviewer.post(publish, {"note": "Read.", "seen": seen}, follow=True)

    assert "In force." in answer.content.decode()
    release = catalogs.in_force()
    assert release is not None
    assert (release.publisher, release.proposal) == (person, proposal)
    assert shown(whose="organization") == ["house-1.0"]


def test_an_officer_takes_back_and_a_reviewer_declines() -> None:
    officer, person = desk.client(Role.OFFICER)
    reviewer, _ = desk.client(Role.REVIEWER)
    own = licenses.propose(actor=desk_actor(person))
    other = licenses.propose(STRICT)
    act = "admin:registry_licenseproposal_act"

    assert officer.post(reverse(act, args=[own.pk, "take-back"]), {"reason": "A mistake."}).status_code == 302
    assert officer.post(reverse(act, args=[other.pk, "take-back"]), {"reason": "x"}).status_code == 409
    assert reviewer.post(reverse(act, args=[other.pk, "decline"]), {"reason": "No."}).status_code == 302
    for proposal in (own, other):
        text = page(reviewer, "registry_licenseproposal_change", proposal.pk)
        assert "declined" in text
        assert reverse(act, args=[proposal.pk, "publish"]) not in text


def desk_actor(user: Any) -> Any:
    from governance.actors import Actor

    return Actor(user=user)


def test_a_record_is_withdrawn_by_two_people() -> None:
    licenses.in_force(STRICT)
    officer, _ = desk.client(Role.OFFICER)
    reviewer, _ = desk.client(Role.REVIEWER)
    own = record("mit", "organization")

    officer.post(reverse("admin:registry_licenserecord_act", args=[own.pk, "withdraw"]), {"reason": "Over."})
    proposal = models.LicenseProposal.objects.get(change="withdraw")
    assert shown(whose="organization") == ["mit"]
    reviewer.post(reverse("admin:registry_licenseproposal_act", args=[proposal.pk, "publish"]), {"note": ""})

    assert shown(whose="organization") == []
    assert "Propose to withdraw" not in page(officer, "registry_licenserecord_change", own.pk)


@pytest.mark.parametrize("name", ["look", "propose"])
def test_a_bad_record_is_refused_at_the_record(name: str) -> None:
    officer, _ = desk.client(Role.OFFICER)
    values = {"toml": HOUSE.replace('"any_use"', '"never"'), "takes_over": "", "reason": "x", name: "1"}

    answer = officer.post(reverse("admin:registry_licenserecord_propose"), values)

    assert answer.status_code in {409, 422}
    assert list(answer.context["form"].errors) == ["toml"]
    assert "obligations[0].trigger" in answer.content.decode()


def test_another_wording_starts_from_the_record() -> None:
    factories.catalog_release()
    licenses.in_force()
    officer, _ = desk.client(Role.OFFICER)

    def start(row: models.LicenseRecord) -> str:
        address = reverse("admin:registry_licenserecord_act", args=[row.pk, "revise"])
        found: str = officer.get(address).context["form"]["toml"].value()
        return found

    assert start(record("house-1.0", "organization")) == HOUSE
    assert 'id = "mit"' in start(record("mit"))


def test_releases_show_what_each_changed() -> None:
    release = licenses.in_force(STRICT)
    client, _ = desk.client(Role.AUDITOR)

    rows = client.get(reverse("admin:registry_catalogrelease_changelist")).context["page"].rows
    text = page(client, "registry_catalogrelease_change", release.pk)

    assert [row.state for row in rows] == ["in force", "superseded"]
    assert "overridden" in text
    assert reverse("admin:registry_licenserecord_change", args=[record("mit").pk]) in text
    assert reverse("admin:registry_licenseproposal_change", args=[release.proposal_id]) in text
    for term in ("mit", release.catalog_digest[7:20]):
        found = client.get(reverse("admin:registry_catalogrelease_changelist"), {"q": term})
        assert release in found.context["page"].rows


def test_records_that_wait_to_be_loaded_are_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.catalog_release()
    monkeypatch.setattr(shipped_licenses, "pending", lambda: {"mit": "changed"})
    client, _ = desk.client(Role.OFFICER)

    assert "differ from those in force" in page(client, "registry_licenserecord_changelist")
    assert "differ from those in force" in page(client, "index")
