"""Names a source and opens a draft; everything else happens on workers."""

from datetime import datetime

from django.db import transaction

from audit import log
from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict
from registry import origin
from registry.actions import runs
from registry.lifecycle import RunState, Status
from registry.models import ModelVersion, RegisteredModel, ResolutionRun, SourceKind
from registry.sources import parse


class DuplicateVersion(Conflict):
    """The same state of the same source is registered already; a version is never registered twice."""

    code = "duplicate_version"


@transaction.atomic
def register_version(
    *, source: str, revision: str | None, name: str | None, actor: Actor, now: datetime
) -> ModelVersion:
    """Open a draft and ask for its resolution.

    A draft of the same source and revision that is still open is returned as it is, and one whose resolution did not
    succeed is resolved again.
    """
    address = parse.parse(source, revision=revision, name=name, allowed=origin.places())
    model, _ = RegisteredModel.objects.get_or_create(
        publisher=address.publisher, name=address.name, defaults={"created_by": actor.user, "created_at": now}
    )
    RegisteredModel.objects.select_for_update(no_key=True).get(
        pk=model.pk
    )  # one registration of a model at a time
    if address.kind == SourceKind.HUB and parse.is_commit(address.revision):
        refuse_duplicate(
            ModelVersion.objects.filter(registered_model=model, revision=address.revision).first()
        )
    draft = ModelVersion.objects.filter(
        registered_model=model,
        source_kind=address.kind,
        location=address.location,
        requested_revision=address.revision,
        status=Status.DRAFT,
    ).first()
    if draft is None:
        draft = _draft(model, address, actor=actor, now=now)
    elif draft.resolutionruns.exclude(state=RunState.FINISHED).exists():
        return draft
    runs.request(ResolutionRun, version=draft, actor=actor, now=now)
    return draft


def refuse_duplicate(existing: ModelVersion | None) -> None:
    """Raise `DuplicateVersion`, naming the version that is there."""
    if existing is not None:
        raise DuplicateVersion(
            f"This is version {existing.pk}, {existing}, registered before; it is {existing.status}.",
            model_version=existing.pk,
            present_status=existing.status,
        )


def _draft(
    model: RegisteredModel, address: parse.SourceAddress, *, actor: Actor, now: datetime
) -> ModelVersion:
    version = ModelVersion.objects.create(
        registered_model=model,
        source_kind=address.kind,
        location=address.location,
        requested_revision=address.revision,
        submitted_by=actor.user,
        submitted_at=now,
    )
    log.append(
        event=Event.VERSION_DRAFTED,
        actor=str(actor),
        subject=f"model-version:{version.pk}",
        body={
            "model": str(model),
            "source": str(address.kind),
            "location": address.location,
            "requested_revision": address.revision,
        },
        at=now,
    )
    return version
