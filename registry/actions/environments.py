"""Where models are served, and the use that licence terms are held against there."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from modelcustody_client import canonical

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import InvalidInput
from governance.permissions import Permission
from registry.actions import endings, reevaluations
from registry.licensing import facts
from registry.models import Cause, ServingEnvironment
from registry.models.review import NAME

MAX_REGIONS = 200
# Everything of it is written into one log entry, which is small.
MAX_TEXT = 4000
MAX_USE_BYTES = 8192


@transaction.atomic
def define_environment(
    *,
    name: str,
    description: str,
    regions: Sequence[str],
    use: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> ServingEnvironment:
    """Define an environment, or define it anew; approvals there are evaluated against it from now on."""
    actor.require(Permission.ORGANIZATION_EDIT)
    _check(name=name, description=description, regions=regions, use=use)
    fields = {"description": description, "regions": list(regions), "use": dict(use)}
    environment, is_new = ServingEnvironment.objects.select_for_update().get_or_create(
        name=name, defaults={**fields, "defined_by": actor.user, "defined_at": now}
    )
    was = None
    if not is_new:
        was = {field: getattr(environment, field) for field in fields}
        if was == fields:
            return environment
        for field, value in {**fields, "defined_by": actor.user, "defined_at": now}.items():
            setattr(environment, field, value)
        environment.save()
    log.append(
        event=Event.ENVIRONMENT_DEFINED,
        actor=str(actor),
        subject=f"environment:{name}",
        body={**_logged(fields), "was": _logged(was) if was is not None else None},
        at=now,
    )
    if was is not None and was["use"] != fields["use"]:
        reevaluations.request(
            cause=Cause.ENVIRONMENT,
            because=f"environment:{name}",
            by=actor,
            now=now,
            environment=environment,
        )
    return environment


def _logged(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What decides, as it is; the log is public and gets the free words by their digest."""
    return {
        "regions": fields["regions"],
        "use": fields["use"],
        "description_sha256": endings.sha256(fields["description"]),
    }


def _check(*, name: str, description: str, regions: Sequence[str], use: Mapping[str, Any]) -> None:
    if not re.fullmatch(NAME, name):
        raise InvalidInput(
            "A name has 1 to 64 small letters, digits, points, lines and underscores.", field="name"
        )
    if len(description) > MAX_TEXT:
        raise InvalidInput(f"A description has at most {MAX_TEXT} characters.", field="description")
    if (
        len(regions) > MAX_REGIONS
        or len(set(regions)) != len(regions)
        or not all(0 < len(r) <= 64 for r in regions)
    ):
        raise InvalidInput(
            f"Regions are up to {MAX_REGIONS} different names of 1 to 64 characters.", field="regions"
        )
    try:
        facts.parse_use(use)
    except facts.InvalidFacts as error:
        raise InvalidInput(str(error), field=error.field) from error
    if len(canonical.dumps(use)) > MAX_USE_BYTES:
        raise InvalidInput("The description of the use is too long.", field="use")
