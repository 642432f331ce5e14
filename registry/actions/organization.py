"""Facts about the organisation, attested by a person; a change is a new row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import connection, transaction
from modelcustody_client import canonical

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry import attestations
from registry.actions import documents, reevaluations
from registry.attestations import FactsInForce, facts_in_force
from registry.licensing import attested
from registry.licensing import facts as vocabulary
from registry.models import AttestationEvidence, Cause, OrganizationProfile

__all__ = ["Attached", "FactsContradict", "FactsInForce", "attest_facts", "facts_in_force"]

MAX_NOTE = 4000
MAX_FACTS_BYTES = 256 * 1024
MAX_LEAVES = 5000
# A change that is decided already may be attested before it takes effect.
AHEAD = timedelta(days=366)
EARLIEST_YEAR = 1900


class FactsContradict(InvalidInput):
    """Taken together with what else is attested, the facts cannot be true."""

    code = "facts_contradict"


@dataclass(frozen=True)
class Attached:
    """A document that is kept, and the facts of the attestation that it shows; none named: all of them."""

    document: int
    facts: tuple[str, ...] = ()


@transaction.atomic
def attest_facts(  # noqa: PLR0913  (one argument a thing it needs, all named)
    *,
    facts: Mapping[str, Any],
    note: str,
    effective_at: datetime,
    actor: Actor,
    now: datetime,
    is_complete: bool = True,
    evidence: Sequence[Attached] = (),
) -> OrganizationProfile:
    """State what the organisation is from a day on: all that is known, or a change where null withdraws a fact.

    The log is public: it gets digests, not figures.
    """
    actor.require(Permission.ORGANIZATION_EDIT)
    _one_at_a_time()
    _check_form(facts=facts, note=note, effective_at=effective_at, is_complete=is_complete, now=now)
    _check_alone(facts, effective_at=effective_at)
    kept = documents.kept([one.document for one in evidence])
    _check_evidence(facts, evidence)
    profile = OrganizationProfile(
        facts=dict(facts),
        is_complete=is_complete,
        note=note,
        effective_at=effective_at,
        attested_by=actor.user,
        attested_at=now,
        document_count=len(kept),
    )
    _check_together(profile, now=now)
    profile.save()
    AttestationEvidence.objects.bulk_create(
        AttestationEvidence(profile=profile, document=document, facts=list(one.facts))
        for one, document in zip(evidence, kept, strict=True)
    )
    log.append(
        event=Event.ORGANIZATION_ATTESTED,
        actor=str(actor),
        subject=f"organization-facts:{profile.pk}",
        body={
            "facts": sorted(facts),
            "facts_digest": _digest(profile.facts),
            "effective_at": effective_at.isoformat(),
            "complete": is_complete,
            "evidence": sorted(document.sha256 for document in kept),
        },
        at=now,
    )
    if effective_at <= now:  # what takes effect later is found by the scheduler then
        reevaluations.request(
            cause=Cause.FACTS, because=f"organization-facts:{profile.pk}", by=actor, now=now
        )
    return profile


def _digest(facts: Mapping[str, Any]) -> str:
    return canonical.digest(facts)


def _one_at_a_time() -> None:
    """Two attestations that contradict each other must not both be checked before either is there."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('organization facts', 0))")


def _check_form(
    *, facts: Mapping[str, Any], note: str, effective_at: datetime, is_complete: bool, now: datetime
) -> None:
    if len(note) > MAX_NOTE or "\x00" in note:
        raise InvalidInput(f"A note has at most {MAX_NOTE} characters.", field="note")
    if effective_at > now + AHEAD or effective_at.year < EARLIEST_YEAR:
        raise InvalidInput(
            f"Facts hold from a day since {EARLIEST_YEAR}, and at most {AHEAD.days} days ahead.",
            field="effective_at",
        )
    stated = attested.paths(facts)
    if not is_complete and not stated:
        raise InvalidInput("A change states or withdraws at least one fact.", field="facts")
    if len(stated) > MAX_LEAVES:
        raise InvalidInput(f"An attestation has at most {MAX_LEAVES} figures and words.", field="facts")


def _check_alone(facts: Mapping[str, Any], *, effective_at: datetime) -> None:
    """The facts as stated: known names, possible values, and nothing that happens after the day they hold from."""
    try:
        vocabulary.parse_org(facts, on=effective_at.date())
    except vocabulary.InvalidFacts as error:
        raise InvalidInput(
            f"{error} (held against {effective_at:%Y-%m-%d}, from when it is to hold)", field=error.field
        ) from error
    if len(canonical.dumps(facts)) > MAX_FACTS_BYTES:
        raise InvalidInput(f"Facts have at most {MAX_FACTS_BYTES} bytes.", field="facts")


def _check_evidence(facts: Mapping[str, Any], evidence: Sequence[Attached]) -> None:
    """A document shows facts that are in this attestation."""
    stated = attested.paths(facts)
    for place, one in enumerate(evidence):
        for name in one.facts:
            if not any(attested.covers(name, path) for path in stated):
                raise InvalidInput(
                    f"{name} is not in this attestation, so nothing can show it.",
                    field=f"evidence.{place}.facts",
                )


def _check_together(profile: OrganizationProfile, *, now: datetime) -> None:
    """With what was attested before, and with what takes effect later, the facts never contradict each other."""
    before = attestations.from_last_complete(
        OrganizationProfile.objects.filter(effective_at__lte=profile.effective_at)
    )
    later = OrganizationProfile.objects.filter(effective_at__gt=profile.effective_at)
    held = [*before, profile]
    _check_point(held, new=profile, at=profile.effective_at, now=now)
    for at, rows in groupby(later.order_by("effective_at", "pk"), key=attrgetter("effective_at")):
        changes = list(rows)
        if any(row.is_complete for row in changes):
            return
        held += changes
        _check_point(held, new=profile, at=at, now=now)


def _check_point(
    held: Sequence[OrganizationProfile], *, new: OrganizationProfile, at: datetime, now: datetime
) -> None:
    try:
        vocabulary.parse_org(attestations.fold(held).facts, on=max(at, now).date())
    except vocabulary.InvalidFacts as error:
        others = ", ".join(str(row.pk) for row in held if row is not new)
        raise FactsContradict(
            f"{error} (on {at:%Y-%m-%d}, together with attestation {others})", field=error.field
        ) from error
