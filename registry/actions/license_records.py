"""The organisation's own licence records: proposed by one person, put in force or taken out by another."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, InvalidInput
from governance.permissions import Permission
from registry import catalogs, drafts
from registry import release as writing
from registry.actions import endings, reevaluations
from registry.actions.review import FourEyesRequired
from registry.drafts import Draft
from registry.models import (
    CatalogRelease,
    Cause,
    EvidenceDocument,
    LicenseProposal,
    LicenseRecord,
    Origin,
    ProposedChange,
)


class AlreadyInForce(Conflict):
    """This very record is in force already, or a proposal of the same waits for a second person."""

    code = "license_record_in_force"


class NotInForce(Conflict):
    """The record is not in force, so it cannot be taken out."""

    code = "license_record_not_in_force"


class ProposalClosed(Conflict):
    """The proposal was carried out, declined or taken back."""

    code = "license_proposal_closed"


class CatalogChanged(Conflict):
    """Another catalogue came into force since the proposal was looked at; look again."""

    code = "catalog_changed"


def look_at(*, toml: str, takes_over: Sequence[str], actor: Actor) -> Draft:
    """What a record would change, before anything is proposed; writes nothing."""
    actor.require(Permission.LICENSE_PROPOSE)
    return _draft(toml, takes_over, release=catalogs.in_force())


@transaction.atomic
def propose(
    *,
    toml: str,
    takes_over: Sequence[str],
    reason: str,
    actor: Actor,
    now: datetime,
    document: int | None = None,
) -> LicenseProposal:
    """Ask a second person to put a record of the organisation in force; `document` is the evidence that is kept for it."""
    actor.require(Permission.LICENSE_PROPOSE)
    _check_reason(reason)
    release = _locked_release(actor=actor, now=now)
    draft = _draft(toml, takes_over, release=release)
    record = dict(draft.after or {})
    writing.keep({draft.license_id: record}, origin=Origin.ORGANIZATION)
    row = LicenseRecord.objects.get(
        origin=Origin.ORGANIZATION,
        record_digest=draft.entries[draft.license_id]["record_digest"],
    )
    proposal = LicenseProposal(
        record=row,
        change=ProposedChange.ADD,
        toml=toml,
        takes_over=list(takes_over),
        document=_kept(document),
        catalog_digest=release.catalog_digest,
        reason=reason,
    )
    return _propose(proposal, actor=actor, now=now)


@transaction.atomic
def propose_withdrawal(*, record: LicenseRecord, reason: str, actor: Actor, now: datetime) -> LicenseProposal:
    """Ask a second person to take a record of the organisation out of force."""
    actor.require(Permission.LICENSE_PROPOSE)
    _check_reason(reason)
    release = _locked_release(actor=actor, now=now)
    _check_in_force(record, release)
    proposal = LicenseProposal(
        record=record,
        change=ProposedChange.WITHDRAW,
        catalog_digest=release.catalog_digest,
        reason=reason,
    )
    return _propose(proposal, actor=actor, now=now)


@transaction.atomic
def publish(
    *, proposal: LicenseProposal, note: str, actor: Actor, now: datetime, seen: str | None = None
) -> CatalogRelease:
    """Carry out what another person proposed; `seen` is the catalogue it was held against when it was read."""
    actor.require(Permission.LICENSE_PUBLISH)
    endings.check_words(note, field="note")
    release = _locked_release(actor=actor, now=now)
    row = _open(proposal)
    if row.proposed_by_id == actor.user.pk:
        raise FourEyesRequired("You proposed this; another person must put it in force.")
    if seen and seen != release.catalog_digest:
        raise CatalogChanged(
            "Another catalogue came into force since you opened this; read the proposal again.",
            catalog_digest=release.catalog_digest,
        )
    if row.change == ProposedChange.WITHDRAW:
        _check_in_force(row.record, release)
    draft = drafts.of_proposal(row, release=release)
    if draft.entries == release.entries:
        raise AlreadyInForce(f"This record of {row.record.license_id} is in force already.")
    published = writing.write(
        previous=release,
        entries=draft.entries,
        catalog_digest=draft.catalog.catalog_digest,
        reason=note,
        actor=actor,
        now=now,
        proposal=row,
        publisher=actor.user,
    )
    reevaluations.request_if_any(
        cause=Cause.CATALOGUE, because=f"catalog-release:{published.pk}", by=actor, now=now
    )
    return published


@transaction.atomic
def decline(*, proposal: LicenseProposal, reason: str, actor: Actor, now: datetime) -> LicenseProposal:
    """Refuse what another person proposed, or take back one's own proposal."""
    actor.require(
        Permission.LICENSE_PROPOSE if proposal.proposed_by_id == actor.user.pk else Permission.LICENSE_PUBLISH
    )
    _check_reason(reason)
    writing.take_turns()
    row = _open(proposal)
    LicenseProposal.objects.filter(pk=row.pk).update(closed_by=actor.user, closed_at=now, close_reason=reason)
    row.refresh_from_db()
    _log(Event.LICENSE_DECLINED, row, actor=actor, now=now, reason=reason)
    return row


def _draft(toml: str, takes_over: Sequence[str], *, release: CatalogRelease | None) -> Draft:
    draft = drafts.of_toml(toml, takes_over=takes_over, release=release)
    if draft.entries == catalogs.entries_in_force(release):
        raise AlreadyInForce(f"This record of {draft.license_id} is in force already.", field="toml")
    if draft.after == draft.project:
        raise InvalidInput(
            f"The record says exactly what the project's record of {draft.license_id} says.", field="toml"
        )
    return draft


def _propose(row: LicenseProposal, *, actor: Actor, now: datetime) -> LicenseProposal:
    same = LicenseProposal.objects.filter(
        record=row.record, change=row.change, closed_at__isnull=True, release__isnull=True
    )
    if same.exists():
        raise AlreadyInForce(
            f"The same is proposed for {row.record.license_id}, and waits for a second person."
        )
    row.proposed_by, row.proposed_at = actor.user, now
    row.save(force_insert=True)
    _log(Event.LICENSE_PROPOSED, row, actor=actor, now=now, reason=row.reason)
    return row


def _locked_release(*, actor: Actor, now: datetime) -> CatalogRelease:
    """The release in force, which stays so until this transaction ends."""
    writing.take_turns()
    return catalogs.ensure_on_record(actor=actor, now=now)


def _open(proposal: LicenseProposal) -> LicenseProposal:
    row = (
        LicenseProposal.objects.select_for_update(of=["self"])
        .select_related("record", "proposed_by", "document", "release")
        .get(pk=proposal.pk)
    )
    if row.closed_at is not None:
        raise ProposalClosed(f"The proposal was closed on {row.closed_at:%Y-%m-%d}.")
    if hasattr(row, "release"):
        raise ProposalClosed("The proposal was carried out already.")
    return row


def _kept(document: int | None) -> EvidenceDocument | None:
    if document is None:
        return None
    found = EvidenceDocument.objects.filter(pk=document).first()
    if found is None:
        raise InvalidInput(f"No document {document} is kept.", field="document")
    return found


def _check_in_force(record: LicenseRecord, release: CatalogRelease) -> None:
    if record.origin != Origin.ORGANIZATION or not drafts.is_in_force(record, release.entries):
        raise NotInForce(f"This record of {record.license_id} is no record of yours that is in force.")


def _check_reason(reason: str) -> None:
    endings.check_words(reason, field="reason")
    if not reason.strip():
        raise InvalidInput("Say why.", field="reason")


def _log(event: Event, row: LicenseProposal, *, actor: Actor, now: datetime, reason: str) -> None:
    log.append(
        event=event,
        actor=str(actor),
        subject=f"license-proposal:{row.pk}",
        body={
            "change": row.change,
            "record_digest": row.record.record_digest,
            "catalog_digest": row.catalog_digest,
            "reason_sha256": endings.sha256(reason),
            "document_sha256": row.document.sha256 if row.document else None,
        },
        at=now,
    )
