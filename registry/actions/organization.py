"""Facts about the organisation, attested by a person; a change is a new row."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from modelcustody_client import canonical

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry.actions import reevaluations
from registry.licensing import facts as vocabulary
from registry.models import Cause, OrganizationProfile


@transaction.atomic
def attest_facts(
    *, facts: Mapping[str, Any], note: str, effective_at: datetime, actor: Actor, now: datetime
) -> OrganizationProfile:
    """State what the organisation is, from a day on. The log is public: it gets the digest, not the figures."""
    actor.require(Permission.ORGANIZATION_EDIT)
    try:
        vocabulary.parse_org(facts, on=max(effective_at, now).date())
    except vocabulary.InvalidFacts as error:
        raise InvalidInput(str(error), field=error.field) from error
    profile = OrganizationProfile.objects.create(
        facts=dict(facts), note=note, effective_at=effective_at, attested_by=actor.user, attested_at=now
    )
    log.append(
        event=Event.ORGANIZATION_ATTESTED,
        actor=str(actor),
        subject=f"organization-facts:{profile.pk}",
        body={
            "facts": sorted(facts),
            "facts_digest": "sha256:" + hashlib.sha256(canonical.dumps(profile.facts)).hexdigest(),
            "effective_at": effective_at.isoformat(),
        },
        at=now,
    )
    if effective_at <= now:  # what takes effect later is found by the scheduler then
        reevaluations.request(
            cause=Cause.FACTS, because=f"organization-facts:{profile.pk}", by=actor, now=now
        )
    return profile


def facts_in_force(*, at: datetime) -> OrganizationProfile | None:
    """The facts that hold at a time: of those effective by then, the one that took effect last."""
    return OrganizationProfile.objects.filter(effective_at__lte=at).order_by("-effective_at", "-pk").first()
