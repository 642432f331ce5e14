"""What the decisions log says of requests to release a quarantine: who asked, on what evidence, words by digest."""

from datetime import datetime
from typing import Any

from audit import log
from audit.events import Event
from governance.actors import Actor
from registry.models import QuarantineRelease


def body(release: QuarantineRelease) -> dict[str, Any]:
    """The request and the run that it asked for, by number, and who asked."""
    return {
        "quarantine_release": release.pk,
        "verification_run": release.verification_run_id,
        "requested_by": f"user:{release.requested_by.username}",
    }


def append(event: Event, release: QuarantineRelease, *, actor: Actor, now: datetime, **more: str) -> None:
    """One entry about a request; call it in the transaction that it tells of."""
    log.append(
        event=event,
        actor=str(actor),
        subject=f"model-version:{release.version_id}",
        body={**body(release), **more},
        at=now,
    )
