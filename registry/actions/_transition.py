"""The only way a version changes its status: compare, set and log in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from audit import log
from audit.events import Event
from governance.errors import Conflict
from registry.lifecycle import VERSION_MOVES, Status
from registry.models import ModelVersion


class TransitionNotAllowed(Conflict):
    """The version's status does not permit this move, or someone else was faster."""

    code = "transition_not_allowed"

    def __init__(self, status: str, target: str) -> None:
        super().__init__(
            f"The version is {status}, so it cannot become {target}.", present_status=str(status)
        )


def move(
    version: ModelVersion,
    *,
    target: Status,
    event: Event,
    actor: object,
    now: datetime,
    body: Mapping[str, Any],
    **fields: Any,
) -> None:
    """Compare-and-set the status; of several racing callers exactly one wins, and writes exactly one log entry."""
    source = Status(version.status)
    if target not in VERSION_MOVES[source]:
        raise TransitionNotAllowed(source, target)
    with transaction.atomic():
        updated = ModelVersion.objects.filter(pk=version.pk, status=source).update(status=target, **fields)
        if updated != 1:
            version.refresh_from_db(fields=["status"])
            raise TransitionNotAllowed(version.status, target)
        log.append(event=event, actor=str(actor), subject=f"model-version:{version.pk}", body=body, at=now)
    version.refresh_from_db()
