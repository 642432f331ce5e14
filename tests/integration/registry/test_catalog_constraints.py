"""What PostgreSQL itself refuses of the licence catalogue."""

from typing import Any

import pytest

from governance.permissions import Role
from registry import models
from registry.licensing import releases
from tests import factories
from tests.factories import NOW
from tests.refusals import refused, rows_of

pytestmark = pytest.mark.django_db
DIGEST = f"sha256:{'1' * 64}"


def record(**fields: Any) -> models.LicenseRecord:
    values = {"license_id": "x-1", "origin": "organization", "record_digest": DIGEST, "record": {"id": "x-1"}}
    return models.LicenseRecord.objects.create(**{**values, **fields})


def proposal(**fields: Any) -> models.LicenseProposal:
    values: dict[str, Any] = {
        "change": "add",
        "toml": "id",
        "catalog_digest": factories.catalog_release().catalog_digest,
        "reason": "why",
    }
    fields.setdefault("record", None)
    fields["record"] = fields["record"] or record()
    fields.setdefault("proposed_by", None)
    fields["proposed_by"] = fields["proposed_by"] or factories.user()
    return models.LicenseProposal.objects.create(**{**values, **fields})


def release(*, of: models.LicenseProposal | None = None, **fields: Any) -> models.CatalogRelease:
    """The next release, sound where nothing else is said."""
    last = factories.catalog_release()
    entries = dict(last.entries)
    if of is not None and of.change == "add":
        entries = releases.with_own(entries, of.record.license_id, of.record.record_digest)
    if of is not None and of.change == "withdraw" and of.record.license_id in entries:
        entries = releases.without_own(entries, of.record.license_id)
    entries = fields.pop("entries", entries)
    values: dict[str, Any] = {
        "catalog_digest": f"sha256:{'2' * 64}",
        "entries": entries,
        "changes": releases.changes(last.entries, entries),
        "previous": last,
        "proposal": of,
        "publisher": factories.user(Role.REVIEWER) if of is not None else None,
        "published_by": "user:x",
    }
    return models.CatalogRelease.objects.create(**{**values, **fields})


def project(license_id: str = "mit", **fields: Any) -> dict[str, Any]:
    """The entries in force with one of them replaced."""
    entries = dict(factories.catalog_release().entries)
    return {**entries, license_id: {**entries["mit"], **fields}}


def test_a_sound_release_passes() -> None:
    asked = proposal()

    assert release(of=asked).changes == {"x-1": "added"}


@pytest.mark.parametrize("table", [models.LicenseRecord, models.CatalogRelease])
def test_records_and_releases_never_change(table: Any) -> None:
    factories.catalog_release()
    name = f"registry_{table.__name__.lower()}_written_once"
    field = "published_by" if table is models.CatalogRelease else "license_id"

    refused(name, lambda: table.objects.update(**{field: "mit"}))
    refused(name, table.objects.all().delete)


def test_a_proposal_is_closed_once_and_otherwise_frozen() -> None:
    row = proposal()
    closed = {"closed_by": factories.user(Role.REVIEWER), "closed_at": NOW, "close_reason": "no"}

    refused("registry_licenseproposal_frozen", lambda: rows_of(row).update(reason="other"))
    refused("registry_licenseproposal_frozen", lambda: rows_of(row).update(toml="other"))
    refused("registry_licenseproposal_frozen", lambda: rows_of(row).update(document=factories.document()))
    refused(
        "registry_licenseproposal_closed_complete",
        lambda: rows_of(row).update(**{**closed, "close_reason": None}),
    )
    rows_of(row).update(**closed)
    refused("registry_licenseproposal_frozen", lambda: rows_of(row).update(close_reason="yes"))
    refused("registry_licenseproposal_never_deleted", rows_of(row).delete)
    refused("registry_catalogrelease_of_an_open_proposal", lambda: release(of=row))


def test_a_proposal_that_was_carried_out_is_not_closed() -> None:
    row = proposal()
    release(of=row)

    refused(
        "registry_licenseproposal_frozen",
        lambda: rows_of(row).update(closed_by=factories.user(), closed_at=NOW, close_reason="no"),
    )


def test_a_proposal_begins_open_and_is_about_an_own_record() -> None:
    factories.catalog_release()
    name = "registry_licenseproposal_begins_open"

    refused(name, lambda: proposal(record=models.LicenseRecord.objects.get(license_id="mit")))
    refused(name, lambda: proposal(catalog_digest=DIGEST))
    refused(name, lambda: proposal(closed_by=factories.user(), closed_at=NOW, close_reason="no"))
    refused("registry_licenseproposal_has_reason", lambda: proposal(reason=""))
    refused("registry_licenseproposal_change_known", lambda: proposal(change="other"))
    refused("registry_licenseproposal_text_of_what_is_added", lambda: proposal(toml=""))
    refused("registry_licenseproposal_text_of_what_is_added", lambda: proposal(change="withdraw"))


def test_a_record_says_its_id_and_is_on_file_once() -> None:
    record()

    refused("registry_licenserecord_once", record)
    refused("registry_licenserecord_says_its_id", lambda: record(license_id="y-1"))
    refused("registry_licenserecord_says_its_id", lambda: record(record={}))
    refused("registry_licenserecord_origin_known", lambda: record(origin="other"))
    refused("registry_licenserecord_digest_form", lambda: record(record_digest="0"))


def test_two_people_put_a_record_in_force_and_take_it_out() -> None:
    officer = factories.user(Role.OFFICER)
    asked = proposal(proposed_by=officer)

    refused("registry_catalogrelease_four_eyes", lambda: release(of=asked, publisher=officer))
    refused("registry_catalogrelease_four_eyes", lambda: release(of=asked, publisher=None))
    release(of=asked)
    leaving = proposal(record=asked.record, change="withdraw", toml="", proposed_by=officer)
    refused("registry_catalogrelease_four_eyes", lambda: release(of=leaving, publisher=officer))
    assert release(of=leaving).changes == {"x-1": "removed"}


def test_a_proposal_is_carried_out_once() -> None:
    asked = proposal()
    release(of=asked)

    refused("registry_catalogrelease_proposal_id_key", lambda: release(of=asked))


def test_a_withdrawal_takes_out_what_is_in_force() -> None:
    leaving = proposal(change="withdraw", toml="")

    refused(
        "registry_catalogrelease_of_an_open_proposal",
        lambda: release(of=leaving),
    )


def test_without_a_proposal_the_organisations_records_stay() -> None:
    own = record()
    entries = releases.with_own(factories.catalog_release().entries, "x-1", own.record_digest)

    refused("registry_catalogrelease_changes_what_was_proposed", lambda: release(entries=entries))
    release(of=proposal(record=own))
    before = factories.catalog_release().entries
    refused(
        "registry_catalogrelease_changes_what_was_proposed",
        lambda: release(entries=releases.without_own(before, "x-1")),
    )


def test_with_a_proposal_the_projects_records_stay() -> None:
    asked = proposal()
    entries = releases.with_own(factories.catalog_release().entries, "x-1", asked.record.record_digest)
    without = {key: value for key, value in entries.items() if key != "apache-2.0"}

    refused("registry_catalogrelease_changes_what_was_proposed", lambda: release(of=asked, entries=without))


def test_an_override_says_what_it_hides() -> None:
    asked = proposal(record=record(license_id="mit", record={"id": "mit"}))
    entries = releases.with_own(factories.catalog_release().entries, "mit", asked.record.record_digest)
    hidden = {**entries, "mit": {**entries["mit"], "overrides": None}}

    refused("registry_catalogrelease_changes_what_was_proposed", lambda: release(of=asked, entries=hidden))
    release(of=asked)


@pytest.mark.parametrize(
    "fields",
    [
        {"record_digest": DIGEST},
        {"origin": "organization"},
        {"overrides": DIGEST},
        {"license_id": "other"},
    ],
)
def test_entries_name_records_on_file(fields: dict[str, str]) -> None:
    factories.catalog_release()

    refused("registry_catalogrelease_names_records", lambda: release(entries=project(**fields)))


def test_a_release_says_what_changed() -> None:
    asked = proposal()

    refused("registry_catalogrelease_says_what_changed", lambda: release(of=asked, changes={}))
    refused(
        "registry_catalogrelease_says_what_changed",
        lambda: release(of=asked, changes={"x-1": "added", "mit": "changed"}),
    )


def test_releases_form_one_line() -> None:
    first = factories.catalog_release()
    release(of=proposal())

    refused("registry_catalogrelease_follows", lambda: release(previous=None))
    refused("registry_catalogrelease_follows", lambda: release(previous=first))
    refused("registry_catalogrelease_follows", lambda: release(pk=0))


def test_an_evaluation_names_a_catalogue_on_record() -> None:
    version, place = factories.resolved_version(), factories.environment()

    refused(
        "registry_evaluation_catalog_on_record",
        lambda: factories.evaluation(version, place, catalog_digest=DIGEST),
    )


def test_the_application_cannot_rewrite_what_was_proposed(connect_as: Any) -> None:
    with connect_as("custody_app").cursor() as cursor:
        for statement in (
            "UPDATE registry_licenseproposal SET reason = 'x'",
            "UPDATE registry_licenserecord SET license_id = 'x'",
            "DELETE FROM registry_catalogrelease",
        ):
            with pytest.raises(Exception, match="permission denied"):
                cursor.execute(statement)
