"""What a change of the organisation's own records would do to the catalogue, looked at before it is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelcustody_client import canonical

from registry import catalogs
from registry.licensing import catalog, claims, differences, record_reader, records, releases
from registry.licensing.catalog import Catalog
from registry.licensing.claims import Claim
from registry.licensing.differences import Difference
from registry.licensing.record_reader import InvalidCatalog
from registry.licensing.records import Record
from registry.licensing.releases import Entries
from registry.licensing.terms import License
from registry.models import CatalogRelease, LicenseProposal, LicenseRecord, ProposedChange

# What a license of the registry is called in findings has no more room.
LONGEST_ID = 64
PATH = "toml"


@dataclass(frozen=True)
class Draft:
    """One change: the record of a license before and after it, and the catalogue that it makes."""

    license_id: str
    before: Record | None
    after: Record | None
    # The project's record of the same id, which the change hides, or leaves hidden, or brings back.
    project: Record | None
    claims: tuple[Claim, ...]
    entries: Entries
    catalog: Catalog
    base_digest: str

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What changes against the record in force."""
        return differences.differences(self.before, self.after)

    @property
    def from_project(self) -> tuple[Difference, ...]:
        """How what would be in force differs from the project's own record."""
        if self.project is None or self.after is None:
            return ()
        return differences.differences(self.project, self.after)


def of_toml(text: str, *, takes_over: Sequence[str], release: CatalogRelease | None) -> Draft:
    """What a record would do; refused, with the path of the field, where it cannot be a record of the organisation."""
    record = records.read_toml(text, path=PATH)
    found = _strict(record)
    entries = catalogs.entries_in_force(release)
    project = _project_records(entries)
    claimed = _claimed(found, project)
    _check_claims(claimed, takes_over=takes_over, known=project)
    digest = records.record_digest(record)
    return _draft(
        found.id,
        after=releases.with_own(entries, found.id, digest),
        entries=entries,
        release=release,
        new={digest: record},
        claimed=claimed,
    )


def of_withdrawal(record: LicenseRecord, *, release: CatalogRelease | None) -> Draft:
    """What taking a record of the organisation out of force would do."""
    entries = catalogs.entries_in_force(release)
    after = releases.without_own(entries, record.license_id)
    return _draft(record.license_id, after=after, entries=entries, release=release, new={}, claimed=())


def of_proposal(proposal: LicenseProposal, *, release: CatalogRelease | None) -> Draft:
    """What carrying out a proposal would do as things stand now."""
    if proposal.change == ProposedChange.ADD:
        return of_toml(proposal.toml, takes_over=proposal.takes_over, release=release)
    return of_withdrawal(proposal.record, release=release)


def is_in_force(record: LicenseRecord, entries: Entries) -> bool:
    """Whether this very record decides."""
    found = entries.get(record.license_id)
    return found is not None and (found["record_digest"], found["origin"]) == (
        record.record_digest,
        record.origin,
    )


def _draft(
    license_id: str,
    *,
    after: Entries,
    entries: Entries,
    release: CatalogRelease | None,
    new: Mapping[str, Record],
    claimed: tuple[Claim, ...],
) -> Draft:
    hidden = releases.project_digest(after.get(license_id))
    digests = {
        hidden,
        *(found[license_id]["record_digest"] for found in (entries, after) if license_id in found),
    }
    kept = {**catalogs.on_file(digest for digest in digests if digest), **new}

    def record_of(found: Entries) -> Record | None:
        return kept[found[license_id]["record_digest"]] if license_id in found else None

    return Draft(
        license_id=license_id,
        before=record_of(entries),
        after=record_of(after),
        project=kept[hidden] if hidden else None,
        claims=claimed,
        entries=after,
        catalog=catalogs.assembled(after, new=new),
        base_digest=release.catalog_digest if release else catalogs.shipped().catalog_digest,
    )


def _strict(record: dict[str, Any]) -> License:
    found = record_reader.parse_license(record, path=PATH)
    if found.id == catalog.UNKNOWN:
        raise InvalidCatalog(f"{PATH}.id", "what is unknown stays unknown: this record cannot be overridden")
    if len(found.id) > LONGEST_ID:
        raise InvalidCatalog(f"{PATH}.id", f"has at most {LONGEST_ID} characters")
    try:
        records.record_digest(record)
    except canonical.NotCanonical as problem:
        raise InvalidCatalog(PATH, str(problem)) from problem
    return found


def _project_records(entries: Entries) -> dict[str, License]:
    """The project's licences, in force or hidden."""
    named = {license_id: releases.project_digest(found) for license_id, found in entries.items()}
    kept = catalogs.on_file(digest for digest in named.values() if digest)
    return {
        license_id: catalogs.parsed(license_id, digest, kept[digest])
        for license_id, digest in named.items()
        if digest
    }


def _claimed(found: License, project: Mapping[str, License]) -> tuple[Claim, ...]:
    """What the record claims of the project's other records, beyond what the record that it overrides shares with them."""
    others = [one for one in project.values() if one.id != catalog.UNKNOWN]
    hidden = project.get(found.id)
    shared = {(claim.value, claim.owner) for claim in claims.claims(hidden, others)} if hidden else set()
    return tuple(claim for claim in claims.claims(found, others) if (claim.value, claim.owner) not in shared)


def _check_claims(
    claimed: tuple[Claim, ...], *, takes_over: Sequence[str], known: Mapping[str, License]
) -> None:
    for name in takes_over:
        if name not in known:
            raise InvalidCatalog("takes_over", f"{name} is no record of the project's")
    for claim in claimed:
        where = f"{PATH}.{claim.field}"
        if claim.is_text:
            raise InvalidCatalog(
                where,
                f"this text is that of {claim.owner}; to say something else about it, propose a record with that id",
            )
        if claim.owner not in takes_over:
            raise InvalidCatalog(
                where,
                f"{claim.value!r} belongs to {claim.owner}; if your record is to have it too, name {claim.owner} "
                "among the records that it takes over from",
            )
