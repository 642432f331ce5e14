"""Puts the project's records in force as they come with this code; the organisation's stay where they are."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from governance.actions.people import SETUP
from registry import catalogs
from registry import release as writing
from registry.actions import reevaluations
from registry.licensing import records, releases
from registry.models import CatalogRelease, Cause, Origin


@dataclass(frozen=True)
class Loaded:
    """The release in force, and what loading changed: license id to the word for it."""

    release: CatalogRelease
    changes: dict[str, str]


@transaction.atomic
def load_licenses(*, now: datetime, actor: object = SETUP) -> Loaded:
    """Release the project's records where they differ from those in force; a second call changes nothing."""
    writing.take_turns()
    before = catalogs.in_force()
    if before is None:
        first = catalogs.ensure_on_record(actor=actor, now=now)
        return Loaded(first, first.changes)
    entries = releases.with_project(before.entries, catalogs.shipped_digests())
    changes = releases.changes(before.entries, entries)
    if not changes:
        return Loaded(before, {})
    writing.keep(records.shipped(), origin=Origin.PROJECT)
    release = writing.write(
        previous=before,
        entries=entries,
        catalog_digest=catalogs.assembled(entries).catalog_digest,
        reason="The project's records, as they come with this release.",
        actor=actor,
        now=now,
    )
    reevaluations.request_if_any(
        cause=Cause.CATALOGUE, because=f"catalog-release:{release.pk}", by=actor, now=now
    )
    return Loaded(release, changes)


def pending() -> dict[str, str]:
    """What `load_licenses` would change."""
    release = catalogs.in_force()
    if release is None:
        return {}
    return releases.changes(
        release.entries, releases.with_project(release.entries, catalogs.shipped_digests())
    )
