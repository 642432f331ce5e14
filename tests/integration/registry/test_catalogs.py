"""The licence catalogue in the database: releases, overrides, what is read back, and who comes first."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from governance.errors import Forbidden, InvalidInput
from governance.fields import InvalidField
from governance.permissions import Role
from registry import catalogs, models
from registry.actions import evaluate, license_records, shipped_licenses
from registry.licensing import catalog, conditions, records
from registry.licensing.terms import Verdict
from tests import decisions, factories
from tests import licenses as own
from tests.licenses import HOUSE, NOW
from tests.reviewing import USE


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """What one test's database says is nothing to the next."""
    catalogs.at.cache_clear()
    yield
    catalogs.at.cache_clear()


pytestmark = pytest.mark.django_db
OTHER = HOUSE.replace("1.0", "2.0").replace("acme", "other")


def shipped_with(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Another version of the code, with other records: None takes one out."""
    found = {**records.shipped(), **{name.replace("_", "-"): record for name, record in changes.items()}}
    found = {license_id: record for license_id, record in found.items() if record is not None}
    built = catalog.build(
        (f"{license_id}.toml", own.to_toml(dict(record)).encode()) for license_id, record in found.items()
    )
    digests = {license_id: records.record_digest(record) for license_id, record in found.items()}
    monkeypatch.setattr(records, "shipped", lambda: found)
    monkeypatch.setattr(catalogs, "shipped", lambda: built)
    monkeypatch.setattr(catalogs, "shipped_digests", lambda: digests)
    monkeypatch.setattr(catalogs, "_shipped_records", lambda: {digests[name]: found[name] for name in found})


def changed(license_id: str, **members: Any) -> dict[str, Any]:
    return {**records.shipped()[license_id], **members}


def evaluated(license_id: str) -> models.Evaluation:
    return evaluate.evaluate_version(
        version=factories.resolved_version(license_id=license_id),
        environment=factories.environment(use=USE),
        purpose="assistant",
        actor=factories.actor(Role.OFFICER),
        now=NOW,
    )


# -- what is in force -------------------------------------------------------------------------------------------------


def test_before_any_release_the_files_are_in_force() -> None:
    assert catalogs.in_force() is None
    assert catalogs.current() is catalogs.shipped()
    assert models.LicenseRecord.objects.count() == 0


def test_the_first_evaluation_puts_the_files_on_record() -> None:
    row = evaluated("mit")

    release = models.CatalogRelease.objects.get()
    assert row.catalog_digest == release.catalog_digest == catalog.load().catalog_digest
    assert release.entries["mit"] == {
        "record_digest": records.record_digest(records.shipped()["mit"]),
        "origin": "project",
        "overrides": None,
    }
    assert set(release.changes.values()) == {"added"}
    assert models.LicenseRecord.objects.count() == len(records.shipped()) == len(release.entries)
    event, actor, body = decisions.last(f"catalog-release:{release.pk}")
    assert (event, actor) == ("registry.catalog.released", row.evaluated_by)
    assert (body["catalog_digest"], body["replaces"]) == (release.catalog_digest, None)
    assert len(body["records"]) == len(release.entries)
    evaluated("mit")
    assert models.CatalogRelease.objects.count() == 1


@pytest.mark.usefixtures("transactional_db")
def test_of_two_first_evaluations_one_writes_the_release() -> None:
    together = threading.Barrier(2)
    found: list[int] = []

    def ensure() -> None:
        together.wait(timeout=30)
        found.append(catalogs.ensure_on_record(actor="system:test", now=NOW).pk)
        connections.close_all()

    threads = [threading.Thread(target=ensure) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert models.CatalogRelease.objects.count() == 1
    assert len(set(found)) == 1


def test_what_is_in_force_takes_one_small_query(django_assert_num_queries: Any) -> None:
    own.in_force()
    catalogs.current()

    with django_assert_num_queries(1) as asked:
        assert "house-1.0" in catalogs.current().licenses
    assert "entries" not in asked.captured_queries[0]["sql"]


def test_the_database_gives_back_what_the_files_say() -> None:
    release = factories.catalog_release()

    found = catalogs.assembled(release.entries)

    assert found.catalog_digest == catalog.load().catalog_digest
    assert dict(found.licenses) == dict(catalog.load().licenses)


def test_a_record_of_the_organisation_makes_the_catalogue_that_files_would_make() -> None:
    release = own.in_force()

    files = [(path.name, path.read_bytes()) for path in catalog.FOLDER.glob("*.toml")]
    expected = catalog.build([*files, ("house-1.0.toml", HOUSE.encode())])
    assert release.catalog_digest == expected.catalog_digest
    assert catalogs.current().licenses["house-1.0"] == expected.licenses["house-1.0"]


def test_every_catalogue_that_was_in_force_can_be_read_again() -> None:
    before = factories.catalog_release().catalog_digest
    after = own.in_force().catalog_digest

    assert "house-1.0" not in catalogs.at(before).licenses
    assert "house-1.0" in catalogs.at(after).licenses
    with pytest.raises(catalogs.CatalogUnknown):
        catalogs.at(f"sha256:{'0' * 64}")


def test_records_that_are_not_what_the_release_names_decide_nothing() -> None:
    release = own.in_force()
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE registry_licenserecord DISABLE TRIGGER registry_licenserecord_written_once"
        )
        cursor.execute(
            "UPDATE registry_licenserecord SET record = jsonb_set(record, '{name}', '\"x\"') WHERE license_id = 'house-1.0'"
        )
        cursor.execute(
            "ALTER TABLE registry_licenserecord ENABLE ALWAYS TRIGGER registry_licenserecord_written_once"
        )

    with pytest.raises(catalogs.CatalogAltered):
        catalogs.at(release.catalog_digest)


def test_a_record_that_this_release_does_not_understand_needs_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    release = own.in_force(
        HOUSE.replace("manual_review", "prohibited_use").replace(
            'reason = "Ask the house lawyer."', 'tags = ["military"]'
        )
    )
    assert evaluated("house-1.0").verdict == Verdict.ALLOWED_WITH_OBLIGATIONS
    catalogs.at.cache_clear()
    catalogs._PARSED.clear()
    monkeypatch.setattr(
        "registry.licensing.conditions.KINDS",
        {kind: parse for kind, parse in conditions.KINDS.items() if kind != "prohibited_use"},
    )

    found = catalogs.at(release.catalog_digest)

    assert found.catalog_digest == release.catalog_digest
    assert "cannot be read" in found.licenses["house-1.0"].name
    assert "kind: must be one of" in str(found.licenses["house-1.0"].conditions[0].parameters)
    catalogs._PARSED.clear()


# -- the organisation's records ---------------------------------------------------------------------------------------


def test_a_house_licence_takes_two_people_and_is_logged_without_names() -> None:
    officer, reviewer = factories.actor(Role.OFFICER), factories.actor(Role.REVIEWER)

    proposal = own.propose(actor=officer)
    release = own.publish(proposal, actor=reviewer)

    assert (release.proposal, release.publisher, release.reason) == (proposal, reviewer.user, "Read.")
    assert release.changes == {"house-1.0": "added"}
    assert proposal.toml == HOUSE
    event, actor, body = decisions.last(f"license-proposal:{proposal.pk}")
    assert (event, actor) == ("registry.license.proposed", str(officer))
    assert set(body) == {"change", "record_digest", "catalog_digest", "reason_sha256", "document_sha256"}
    written = decisions.last(f"catalog-release:{release.pk}")[2]
    assert written["records"] == [{"change": "added", "was": None, "is": body["record_digest"]}]
    assert "house" not in str(written)
    assert evaluated("house-1.0").verdict == "needs_review"


def test_a_proposal_rests_on_a_document_that_is_kept() -> None:
    document = factories.document()

    proposal = own.propose(document=document.pk)

    assert proposal.document == document
    assert decisions.last(f"license-proposal:{proposal.pk}")[2]["document_sha256"] == document.sha256
    with pytest.raises(InvalidInput, match="No document"):
        own.propose(OTHER, document=99)


def test_an_override_is_visible_counts_and_goes_away_again() -> None:
    first = factories.catalog_release()
    strict = own.variant(
        "mit",
        conditions=[
            {
                "kind": "manual_review",
                "clause": "house rule",
                "effect": "needs_review",
                "reason": "Ask first.",
                "verification": "verified_text",
            }
        ],
    )
    assert evaluated("mit").verdict != "needs_review"

    release = own.in_force(strict)

    entry = release.entries["mit"]
    assert (entry["origin"], entry["overrides"]) == ("organization", first.entries["mit"]["record_digest"])
    assert release.changes == {"mit": "overridden"}
    assert release.catalog_digest != first.catalog_digest
    assert evaluated("mit").verdict == "needs_review"
    record = models.LicenseRecord.objects.get(origin="organization")
    leaving = license_records.propose_withdrawal(
        record=record, reason="Over.", actor=factories.actor(), now=NOW
    )
    restored = own.publish(leaving)
    assert restored.changes == {"mit": "restored"}
    assert (restored.catalog_digest, restored.entries) == (first.catalog_digest, first.entries)
    assert evaluated("mit").verdict != "needs_review"
    assert models.CatalogRelease.objects.count() == 3
    own.publish(own.propose(strict))
    assert catalogs.current().catalog_digest == release.catalog_digest


def test_whoever_proposes_does_not_publish() -> None:
    officer = factories.actor(Role.OFFICER)
    proposal = own.propose(actor=officer)
    officer.user.role = Role.REVIEWER
    officer.user.save()

    with pytest.raises(license_records.FourEyesRequired):
        own.publish(proposal, actor=officer)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR, Role.ADMIN])
def test_only_officers_propose(role: Role) -> None:
    with pytest.raises(Forbidden):
        own.propose(actor=factories.actor(role))


@pytest.mark.parametrize("role", [Role.OFFICER, Role.AUDITOR, Role.ADMIN])
def test_only_reviewers_publish(role: Role) -> None:
    with pytest.raises(Forbidden):
        own.publish(own.propose(), actor=factories.actor(role))


def test_a_proposal_is_declined_or_taken_back_once() -> None:
    officer = factories.actor(Role.OFFICER)
    first, second = own.propose(actor=officer), own.propose(OTHER)

    license_records.decline(proposal=first, reason="Typing error.", actor=officer, now=NOW)
    license_records.decline(proposal=second, reason="No.", actor=factories.actor(Role.REVIEWER), now=NOW)

    assert decisions.last(f"license-proposal:{first.pk}")[0] == "registry.license.declined"
    for proposal in (first, second):
        with pytest.raises(license_records.ProposalClosed):
            own.publish(proposal)
    with pytest.raises(Forbidden):
        license_records.decline(
            proposal=own.propose(), reason="No.", actor=factories.actor(Role.OFFICER), now=NOW
        )


def test_what_was_published_is_not_declined_and_not_published_again() -> None:
    proposal = own.propose()
    own.publish(proposal)

    with pytest.raises(license_records.ProposalClosed):
        own.publish(proposal)
    with pytest.raises(license_records.ProposalClosed):
        license_records.decline(
            proposal=proposal, reason="No.", actor=factories.actor(Role.REVIEWER), now=NOW
        )


def test_the_same_is_not_proposed_twice() -> None:
    own.propose()

    with pytest.raises(license_records.AlreadyInForce, match="waits for a second person"):
        own.propose()
    own.publish(models.LicenseProposal.objects.get())
    with pytest.raises(license_records.AlreadyInForce, match="in force already"):
        own.propose(HOUSE + "# only a remark\n")


def test_a_withdrawal_is_of_a_record_in_force() -> None:
    proposal = own.propose()
    officer = factories.actor(Role.OFFICER)

    with pytest.raises(license_records.NotInForce):
        license_records.propose_withdrawal(record=proposal.record, reason="x", actor=officer, now=NOW)
    project = models.LicenseRecord.objects.get(license_id="mit")
    with pytest.raises(license_records.NotInForce):
        license_records.propose_withdrawal(record=project, reason="x", actor=officer, now=NOW)


def test_a_reviewer_who_looked_at_another_catalogue_looks_again() -> None:
    seen = factories.catalog_release().catalog_digest
    proposal = own.propose()
    own.in_force(OTHER)

    with pytest.raises(license_records.CatalogChanged):
        own.publish(proposal, seen=seen)
    own.publish(proposal, seen=catalogs.current().catalog_digest)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("not toml [", "toml"),
        ("", "toml.id"),
        ("x = " + "[" * 5000, "toml"),
        (f"x = {'9' * 5000}", "toml"),
        ("# " + "x" * 300_000, "toml"),
        (HOUSE.replace('"§1"', "1"), "toml.conditions[0].clause"),
        (HOUSE.replace("manual_review", "no_such"), "toml.conditions[0].kind"),
        (HOUSE.replace('trigger = "any_use"', 'trigger = "never"'), "toml.obligations[0].trigger"),
        (HOUSE.replace("publisher", "publishers"), "toml.publisher"),
        (HOUSE + "extra = 1979-05-27\n", "toml.obligations[0].extra"),
        (HOUSE.replace('"house-1.0"', f'"{"h" * 70}"'), "toml.id"),
        (HOUSE.replace('["acme-house"]', '["qwen"]'), "toml.hub.license_names"),
        (HOUSE.replace("acme-house/*", "meta-llama/Llama-3.1-405B"), "toml.repositories[0].pattern"),
        (HOUSE.replace("acme-house/*", "*"), "toml.repositories[0].pattern"),
        (own.variant("unknown", name="All is well"), "toml.id"),
        (own.variant("llama-3.1", id="house-llama", hub={}, repositories=[]), "toml.texts[0]"),
        (own.variant("mit", id="house-mit", hub={}, texts=[], repositories=[]), "toml.templates[0]"),
        (own.variant("mit"), "toml"),
        (HOUSE.replace("[hub]", 'student_exceptions = ["nobody"]\n[hub]'), "house-1.0.toml"),
    ],
)
def test_a_bad_record_is_refused_at_its_field(text: str, field: str) -> None:
    with pytest.raises((InvalidInput, InvalidField, license_records.AlreadyInForce)) as refusal:
        own.propose(text)

    assert refusal.value.field == field
    assert models.LicenseProposal.objects.count() == 0
    assert models.LicenseRecord.objects.filter(origin="organization").count() == 0


def test_names_of_a_project_record_are_claimed_by_saying_so() -> None:
    text = HOUSE.replace("acme-house/*", "meta-llama/Llama-3.1-405B-Acme")

    with pytest.raises(InvalidField, match=r"belongs to llama-3\.1"):
        own.propose(text)
    with pytest.raises(InvalidField, match="no record of the project"):
        own.propose(text, takes_over=["llama-3.1", "house-0.9"])
    proposal = own.propose(text, takes_over=["llama-3.1"])

    assert proposal.takes_over == ["llama-3.1"]
    own.publish(proposal)


# -- the project's records --------------------------------------------------------------------------------------------


def test_loading_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_licenses")
    first = capsys.readouterr().out
    call_command("load_licenses")
    second = capsys.readouterr().out

    assert "added  mit" in first
    assert second.splitlines() == [
        f"Nothing changed: {len(records.shipped())} records are in force.",
        catalogs.current().catalog_digest,
    ]
    assert models.CatalogRelease.objects.count() == 1
    assert (
        decisions.about(f"catalog-release:{models.CatalogRelease.objects.get().pk}")[0]["actor"]
        == "system:setup"
    )


def test_loading_prints_what_changed_and_keeps_the_organisations_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own.in_force(own.variant("mit", note="Our reading."))
    own.in_force()
    new = changed("mit", id="new-1.0", hub={}, texts=[], repositories=[], templates=[])
    shipped_with(
        monkeypatch,
        **{
            "new-1.0": new,
            "mit": changed("mit", note="Theirs."),
            "deepseek-mit": None,
            "apache-2.0": changed("apache-2.0", note="Read again."),
        },
    )

    assert shipped_licenses.pending() == {
        "apache-2.0": "changed",
        "deepseek-mit": "removed",
        "mit": "changed_beneath",
        "new-1.0": "added",
    }
    call_command("load_licenses")

    printed = capsys.readouterr()
    assert [line.split() for line in printed.out.splitlines()[:-1]] == [
        ["changed", "apache-2.0"],
        ["removed", "deepseek-mit"],
        ["changed", "beneath", "your", "record", "mit"],
        ["added", "new-1.0"],
    ]
    assert printed.err.startswith("mit: your own record hides the project's")
    release = catalogs.in_force()
    assert release is not None
    assert release.entries["house-1.0"]["origin"] == "organization"
    assert release.entries["mit"]["overrides"] == records.record_digest(changed("mit", note="Theirs."))
    assert catalogs.current().licenses["mit"].note == "Our reading."
    assert shipped_licenses.pending() == {}


def test_a_new_project_record_beneath_an_own_one_makes_it_an_override(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own.in_force()
    theirs = changed("mit", id="house-1.0", hub={}, texts=[], repositories=[], templates=[])
    shipped_with(monkeypatch, **{"house-1.0": theirs})

    loaded = shipped_licenses.load_licenses(now=NOW)

    assert loaded.changes == {"house-1.0": "changed_beneath"}
    assert loaded.release.entries["house-1.0"]["overrides"] == records.record_digest(theirs)


def test_what_would_break_an_own_record_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    before = own.in_force(HOUSE.replace("[hub]", 'student_exceptions = ["deepseek-mit"]\n[hub]'))
    shipped_with(monkeypatch, **{"deepseek-mit": None})

    with pytest.raises(CommandError, match="names the unknown record"):
        call_command("load_licenses")

    assert catalogs.in_force() == before
