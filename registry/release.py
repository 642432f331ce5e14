"""Writes a release of the licence catalogue, and the records that it names; one at a time, logged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from audit import log
from audit.events import Event
from governance.models import User
from registry.licensing import records, releases
from registry.licensing.releases import Entries
from registry.models import CatalogRelease, LicenseProposal, LicenseRecord, Origin


def take_turns() -> None:
    """Wait for whoever else writes a release; the database's own guard takes the same lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('license catalogue', 0))")


def keep(found: Mapping[str, records.Record], *, origin: Origin) -> None:
    """Put records on file; one that is there already is left as it is."""
    LicenseRecord.objects.bulk_create(
        [
            LicenseRecord(
                license_id=license_id,
                record_digest=records.record_digest(record),
                origin=origin,
                record=dict(record),
            )
            for license_id, record in found.items()
        ],
        ignore_conflicts=True,
    )


def write(  # noqa: PLR0913 - one argument a column
    *,
    previous: CatalogRelease | None,
    entries: Mapping[str, Any],
    catalog_digest: str,
    reason: str,
    actor: object,
    now: datetime,
    proposal: LicenseProposal | None = None,
    publisher: User | None = None,
) -> CatalogRelease:
    """Put these entries in force, within the caller's transaction and after `take_turns`."""
    before = previous.entries if previous is not None else {}
    changes = releases.changes(before, entries)
    row = CatalogRelease.objects.create(
        catalog_digest=catalog_digest,
        entries=dict(entries),
        changes=changes,
        previous=previous,
        proposal=proposal,
        publisher=publisher,
        published_by=str(actor),
        published_at=now,
        reason=reason,
    )
    log.append(
        event=Event.CATALOG_RELEASED,
        actor=str(actor),
        subject=f"catalog-release:{row.pk}",
        body={
            "catalog_digest": catalog_digest,
            "replaces": previous.catalog_digest if previous is not None else None,
            "proposal": proposal.pk if proposal is not None else None,
            "records": _named(before, entries, changes),
        },
        at=now,
    )
    return row


def _named(before: Entries, after: Entries, changes: Mapping[str, str]) -> list[dict[str, Any]]:
    """What changed, by digest alone: the log can be published, and an id of the organisation's may name a partner."""
    return [
        {
            "change": change,
            "was": before[license_id]["record_digest"] if license_id in before else None,
            "is": after[license_id]["record_digest"] if license_id in after else None,
        }
        for license_id, change in changes.items()
    ]
