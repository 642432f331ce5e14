"""The organisation's facts that hold at a time, folded from what people attested; reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from registry.licensing import attested
from registry.licensing.attested import Folded, Statement
from registry.models import AttestationEvidence, Evaluation, EvidenceDocument, OrganizationProfile


@dataclass(frozen=True)
class FactsInForce:
    """The facts, the attestation that took effect last, and the attestation that each fact comes from."""

    facts: Mapping[str, Any]
    profile: OrganizationProfile
    provenance: Mapping[str, OrganizationProfile]

    @cached_property
    def attestations(self) -> dict[str, int]:
        """The number of the attestation behind each fact, as evaluations keep it."""
        return {path: profile.pk for path, profile in self.provenance.items()}


def facts_in_force(*, at: datetime, known_at: datetime | None = None) -> FactsInForce | None:
    """The facts that hold at a time, as is known today; with `known_at`, as was on record then."""
    rows = OrganizationProfile.objects.filter(effective_at__lte=at)
    if known_at is not None:
        rows = rows.filter(attested_at__lte=known_at)
    profiles = from_last_complete(rows)
    if not profiles:
        return None
    folded = fold(profiles)
    return FactsInForce(folded.facts, profiles[-1], folded.sources)


def from_last_complete(rows: QuerySet[OrganizationProfile]) -> list[OrganizationProfile]:
    """The last complete attestation and the changes after it, in the order in which they took effect."""
    ordered = rows.select_related("attested_by").order_by("effective_at", "pk")
    last = ordered.filter(is_complete=True).last()
    if last is None:
        return list(ordered)
    later = Q(effective_at__gt=last.effective_at) | Q(effective_at=last.effective_at, pk__gt=last.pk)
    return [last, *ordered.filter(later)]


def fold(profiles: Iterable[OrganizationProfile]) -> Folded[OrganizationProfile]:
    """What attestations say together, in the order given."""
    return attested.fold(Statement(row, row.facts, row.is_complete) for row in profiles)


def with_documents(rows: QuerySet[OrganizationProfile]) -> QuerySet[OrganizationProfile]:
    """The attestations with their evidence, without the content of the documents."""
    documents = EvidenceDocument.objects.all()
    evidence = AttestationEvidence.objects.order_by("pk").prefetch_related(Prefetch("document", documents))
    return rows.prefetch_related(Prefetch("evidence", evidence))


def shown_by(profile: OrganizationProfile, path: str) -> list[EvidenceDocument]:
    """The documents of an attestation that show one fact."""
    return [
        one.document
        for one in profile.evidence.all()
        if not one.facts or any(attested.covers(name, path) for name in one.facts)
    ]


@dataclass(frozen=True)
class FactUsed:
    """A fact as an evaluation used it, and the attestation that it came from."""

    path: str
    value: Any
    profile: OrganizationProfile | None
    documents: list[EvidenceDocument]
    # Whether a condition of a license was decided with it.
    is_decisive: bool


def attestations_of(evaluation: Evaluation) -> dict[str, int]:
    """The number of the attestation behind each fact of an evaluation; early ones rested on one attestation."""
    kept: dict[str, int] | None = evaluation.request.get("attestations")
    if kept is not None:
        return kept
    if evaluation.organization_id is None:
        return {}
    return dict.fromkeys(attested.paths(evaluation.request.get("org") or {}), evaluation.organization_id)


def facts_used(evaluation: Evaluation) -> list[FactUsed]:
    """The facts of an evaluation, as they were then, with what showed them."""
    numbers = attestations_of(evaluation)
    rows = OrganizationProfile.objects.filter(pk__in=set(numbers.values())).select_related("attested_by")
    profiles = {row.pk: row for row in with_documents(rows)}
    decisive = {
        name
        for finding in evaluation.result.get("findings", [])
        for name, value in finding.get("facts_used", {}).items()
        if value is not None
    }
    found = []
    for path, value in attested.leaves(evaluation.request.get("org") or {}):
        name = ".".join(path)
        profile = profiles.get(numbers.get(name, 0))
        found.append(
            FactUsed(
                path=name,
                value=value,
                profile=profile,
                documents=shown_by(profile, name) if profile else [],
                is_decisive=f"org.{name}" in decisive,
            )
        )
    return found
