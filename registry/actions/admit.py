"""Admission: may this node serve these files, here, now? Always answered, always logged."""

import dataclasses
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from audit import log
from audit.events import Event
from governance.actions import policies
from governance.actors import Actor
from governance.errors import InvalidInput, Unavailable
from governance.models import PolicyDocument
from governance.permissions import Permission
from registry import provenance, standing
from registry.actions import words
from registry.actions.organization import facts_in_force
from registry.admission.decision import AdmissionDecision, decide
from registry.admission.offer import InvalidOffer, Offer, parse_offer
from registry.admission.question import Environment, Reason
from registry.licensing.catalog import UNKNOWN
from registry.licensing.facts import InvalidFacts
from registry.models import Admission, ModelVersion, ServingEnvironment

# So many reasons go into the log entry, their words by digest: they may quote people, and tell figures; the row has all.
LOGGED_REASONS = 20
LENGTHS = {"node": 200, "region": 64}
# The database refuses an allow that a revocation or a new policy overtook; the question is then asked anew.
OVERTAKEN = "registry_admission_of_this_moment"
ATTEMPTS = 3


def decide_admission(*, request: dict[str, Any], actor: Actor, now: datetime) -> Admission:
    """The decision on a node's request, stored and logged; raises `InvalidInput` where it is not understood."""
    actor.require(Permission.ADMISSION_REQUEST)
    offer = _offer(request)
    for _ in range(ATTEMPTS):
        try:
            return _decide(offer, actor=actor, now=now)
        except IntegrityError as error:
            if _refused_by(error) != OVERTAKEN:
                raise
    raise Unavailable("What the decision rests on keeps changing; ask again.", retry_after=1)


def _decide(offer: Offer, *, actor: Actor, now: datetime) -> Admission:
    """One look at everything, and the decision as it follows from that."""
    policy_row, policy = policies.in_force()
    versions = standing.versions_offered(offer)
    environment = ServingEnvironment.objects.filter(name=offer.environment).first()
    try:
        candidates = standing.candidates(
            versions,
            environment=environment,
            organization=facts_in_force(at=now),
            on=now.date(),
        )
    except InvalidFacts:
        # Facts that can no longer be read count as unknown: the licence check then says so, and denies.
        candidates = standing.candidates(versions, environment=None, organization=None, on=now.date())
    found = decide(
        offer,
        candidates=candidates,
        policy=policy,
        environment=Environment(environment.name, frozenset(environment.regions)) if environment else None,
        now=now,
    )
    found = _within_token(found, actor=actor, offer=offer)
    version = next((row for row in versions if row.pk == found.version_id), None)
    return _store(found, offer=offer, version=version, policy=policy_row, actor=actor, now=now)


def answer(row: Admission) -> dict[str, Any]:
    """The decision as the node reads it."""
    return {
        "decision": row.decision,
        "admission_id": str(row.pk),
        "model_version": row.served_version.purl if row.served_version else None,
        "model_digest": row.model_digest,
        "approval_id": row.approval_id,
        "policy_digest": row.policy.policy_digest,
        "reasons": row.reasons,
        "obligations": row.obligations,
        "expires_at": row.expires_at.isoformat().replace("+00:00", "Z") if row.expires_at else None,
        "mode": row.mode,
    }


def _refused_by(error: IntegrityError) -> str | None:
    """The name of the constraint or trigger that refused a write."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)


def _offer(request: dict[str, Any]) -> Offer:
    try:
        offer = parse_offer(request)
    except InvalidOffer as error:
        raise InvalidInput(str(error), field=error.field) from error
    for field, length in LENGTHS.items():
        if len(getattr(offer, field) or "") > length:
            raise InvalidInput(f"{field}: at most {length} characters", field=field)
    return offer


def _within_token(found: AdmissionDecision, *, actor: Actor, offer: Offer) -> AdmissionDecision:
    """A token for one environment opens no other."""
    only = actor.token.environment if actor.token else ""
    if not only or only == offer.environment:
        return found
    reason = Reason("out_of_scope_environment", f"The token is for {only}, not for {offer.environment}.")
    return dataclasses.replace(
        found, decision="deny", approval_id=None, expires_at=None, reasons=(reason, *found.reasons)
    )


@transaction.atomic
def _store(
    found: AdmissionDecision,
    *,
    offer: Offer,
    version: ModelVersion | None,
    policy: PolicyDocument,
    actor: Actor,
    now: datetime,
) -> Admission:
    admission_id = uuid.uuid4()
    document = found.to_json(admission_id=str(admission_id), evidence_base=f"{settings.PUBLIC_URL}/api/v1")
    row = Admission.objects.create(
        id=admission_id,
        decision=found.decision,
        mode=found.mode,
        version=version,
        approval_id=found.approval_id,
        policy=policy,
        model_digest=found.model_digest,
        environment=offer.environment,
        purpose=offer.purpose,
        node=offer.node or "",
        region=offer.region or "",
        engine=dict(offer.engine or {}),
        reasons=document["reasons"],
        obligations=document["obligations"],
        requested_by=str(actor),
        decided_at=now,
        expires_at=found.expires_at,
    )
    log.append(
        event=Event.ADMISSION_DECIDED,
        actor=str(actor),
        subject=f"admission:{admission_id}",
        body=_body(row, found=found),
        at=now,
    )
    return row


def _body(row: Admission, *, found: AdmissionDecision) -> dict[str, Any]:
    reasons = [
        {"code": reason.code, "message_sha256": words.sha256(reason.message)}
        for reason in found.reasons[:LOGGED_REASONS]
    ]
    return {
        "decision": row.decision,
        "mode": row.mode,
        "version": row.version_id,
        "model_version": found.model_version,
        "model_digest": row.model_digest,
        "approval": row.approval_id,
        "policy_digest": found.policy_digest,
        "environment": row.environment,
        "purpose": row.purpose,
        "node": row.node,
        "region": row.region,
        "engine": row.engine,
        "reasons": reasons,
        "more_reasons": len(found.reasons) - len(reasons),
        "obligations": sorted({_obligation(item) for item in found.obligations}),
        "origin": provenance.summary(found.origin) if found.origin is not None else None,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }


def _obligation(item: Mapping[str, Any]) -> str:
    return words.name(str(item["id"]), license_id=str(item.get("license") or UNKNOWN))
