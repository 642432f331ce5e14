"""The licence catalogue in force, and every one that ever was: the one door to read it."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from governance.errors import NotFound
from registry import release as writing
from registry.licensing import catalog, records, releases
from registry.licensing.catalog import Catalog
from registry.licensing.records import Record
from registry.licensing.releases import Entries
from registry.licensing.terms import License
from registry.models import CatalogRelease, LicenseRecord, Origin

# Records by their digest; far more than were ever in force in one place.
MOST_PARSED = 4096
_PARSED: dict[str, License] = {}


class CatalogUnknown(NotFound):
    """No catalogue of this digest was ever in force here."""

    code = "catalog_unknown"


class CatalogAltered(RuntimeError):
    """The records on file are not those that the release names; nothing may be decided with them."""


def current() -> Catalog:
    """The catalogue in force: that of the newest release; before there is any, the one that ships with the code."""
    digest = CatalogRelease.objects.order_by("-pk").values_list("catalog_digest", flat=True).first()
    return at(digest) if digest is not None else shipped()


def in_force() -> CatalogRelease | None:
    """The newest release, if there is one."""
    return CatalogRelease.objects.order_by("-pk").first()


@functools.cache
def shipped() -> Catalog:
    """The project's records that come with this code; read once."""
    found = catalog.load()
    _PARSED.update({digest: found.licenses[license_id] for license_id, digest in shipped_digests().items()})
    return found


# What a digest names never changes, so what was read for it is remembered.
@functools.lru_cache(maxsize=16)
def at(catalog_digest: str) -> Catalog:
    """The catalogue of this name; raises `CatalogUnknown`."""
    if catalog_digest == shipped().catalog_digest:
        return shipped()
    release = CatalogRelease.objects.filter(catalog_digest=catalog_digest).order_by("pk").first()
    if release is None:
        raise CatalogUnknown(f"No catalogue {catalog_digest} was ever in force here.")
    found = assembled(release.entries)
    if found.catalog_digest != catalog_digest:
        raise CatalogAltered(f"the records on file make {found.catalog_digest}, not {catalog_digest}")
    return found


def assembled(entries: Entries, *, new: Mapping[str, Record] | None = None) -> Catalog:
    """The catalogue of these entries; `new` holds records, by digest, that are not on file yet."""
    named = {license_id: str(entry["record_digest"]) for license_id, entry in entries.items()}
    kept = {**on_file(named.values()), **(new or {})}
    licenses = {license_id: parsed(license_id, digest, kept[digest]) for license_id, digest in named.items()}
    return catalog.together(licenses, {license_id: kept[digest] for license_id, digest in named.items()})


def on_file(digests: Iterable[str]) -> dict[str, Record]:
    """Records by digest: from the database, or as they come with the code."""
    wanted = set(digests)
    found = {digest: record for digest, record in _shipped_records().items() if digest in wanted}
    rows = LicenseRecord.objects.filter(record_digest__in=wanted - set(found))
    return {**found, **dict(rows.values_list("record_digest", "record"))}


def entries_in_force(release: CatalogRelease | None) -> Entries:
    """What is in force with this release as the newest; without any, what the first one would say."""
    return release.entries if release is not None else releases.with_project({}, shipped_digests())


@functools.cache
def shipped_digests() -> Mapping[str, str]:
    """The project's records that come with this code: id to digest."""
    return {license_id: records.record_digest(record) for license_id, record in records.shipped().items()}


@functools.cache
def _shipped_records() -> Mapping[str, Record]:
    return {records.record_digest(record): record for record in records.shipped().values()}


def parsed(license_id: str, digest: str, record: Record) -> License:
    """What a record on file says; parsed once a process, because its digest names it."""
    found = _PARSED.get(digest)
    if found is None:
        if len(_PARSED) >= MOST_PARSED:
            _PARSED.clear()
        found = _PARSED[digest] = records.parse_kept(license_id, record)
    return found


@transaction.atomic
def ensure_on_record(*, actor: object, now: datetime) -> CatalogRelease:
    """The release in force; the first of callers without one puts the project's records on record."""
    found = in_force()
    if found is not None:
        return found
    writing.take_turns()
    found = in_force()
    if found is not None:
        return found
    writing.keep(records.shipped(), origin=Origin.PROJECT)
    return writing.write(
        previous=None,
        entries=entries_in_force(None),
        catalog_digest=shipped().catalog_digest,
        reason="The project's records, as they come with this release.",
        actor=actor,
        now=now,
    )
