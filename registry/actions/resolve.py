"""Pins a draft to one state, reads all of it once, and writes down what it is; all or nothing."""

import dataclasses
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from modelcustody_client import manifest

from audit.events import Event
from registry import catalogs, description
from registry.actions import endings, gather, runs, verify
from registry.actions._transition import move
from registry.actions.gather import Found
from registry.actions.heartbeat import Stage, beating
from registry.actions.register import DuplicateVersion, refuse_duplicate
from registry.formats.roles import role_of
from registry.lifecycle import Outcome, Status
from registry.models import (
    Artifact,
    LicenseFinding,
    LineageEdge,
    LineageHint,
    ModelVersion,
    ResolutionRun,
    SourceKind,
    SourceObservation,
)
from registry.sources import base

ACTOR = "system:intake"
DUPLICATES = ("registry_modelversion_revision_once", "registry_modelversion_location_once")


def resolve_version(*, run_id: int, worker: str) -> None:
    """Carry out a resolution run; does nothing if it is not waiting."""
    claimed = runs.claim(ResolutionRun, run_id=run_id, worker=worker, now=timezone.now())
    if claimed is None:
        return
    run, lease = claimed
    if run.version.status != Status.DRAFT:
        ending = runs.Ending(
            Outcome.ERROR, "not_a_draft", f"The version is {run.version.status}, not a draft."
        )
        runs.give_up(lease, ending, now=timezone.now())
        return
    with runs.held(lease):
        _resolve(run.version, lease)


def _resolve(version: ModelVersion, lease: runs.Lease) -> None:
    try:
        with beating(lease) as heart:
            found = gather.find(version, heart)
            heart.stage(Stage.CHECKING)
            described = description.describe(
                found.seen, model=str(version.registered_model), known=catalogs.current()
            )
        _write(version, found, described, lease=lease, now=timezone.now())
    except DuplicateVersion as duplicate:
        _revoke_duplicate(version, duplicate, lease=lease, now=timezone.now())
    except base.SourceUnavailable as error:
        ending = runs.Ending(Outcome.ERROR, error.code, error.detail)
        runs.retry_or_end(lease, ending, now=timezone.now(), delay=runs.RETRY_AFTER)
    except (base.SourceRefused, base.InvalidSource) as error:
        runs.give_up(lease, runs.Ending(Outcome.FAIL, error.code, error.detail), now=timezone.now())


def _write(
    version: ModelVersion,
    found: Found,
    described: description.Description,
    *,
    lease: runs.Lease,
    now: datetime,
) -> None:
    """Everything in one transaction; raises `DuplicateVersion` where the state is registered already."""
    files = [manifest.ManifestFile(seen.path, seen.size, seen.sha256) for seen in found.seen.values()]
    digest = manifest.manifest_digest(files)
    _refuse_duplicate(version, commit=found.commit, digest=digest)
    try:
        with transaction.atomic():
            _write_rows(version, found, described)
            SourceObservation.objects.create(
                version=version,
                resolution_run_id=lease.run_id,
                observed_at=now,
                facts=found.observed.to_json(),
                facts_digest=found.observed.digest,
            )
            size = sum(file.size for file in files)
            runs.finish(lease, runs.Ending(Outcome.PASS), now=now, bytes_done=size, bytes_total=size)
            move(
                version,
                target=Status.RESOLVED,
                event=Event.VERSION_RESOLVED,
                actor=ACTOR,
                now=now,
                body=_body(version, found, described, files=files, digest=digest),
                revision=found.commit,
                manifest_digest=digest,
                model_digest=manifest.model_digest(files),
                size_bytes=size,
                file_count=len(files),
                card=dict(described.card),
                committed_at=found.committed_at,
                resolved_at=now,
            )
            verify.request_verification(version=version, actor=ACTOR, now=now)
    except IntegrityError as error:
        if not any(name in str(error) for name in DUPLICATES):
            raise
        version.refresh_from_db()
        _refuse_duplicate(version, commit=found.commit, digest=digest)
        raise


def _write_rows(version: ModelVersion, found: Found, described: description.Description) -> None:
    Artifact.objects.bulk_create(
        Artifact(
            version=version,
            path=seen.path,
            size=seen.size,
            sha256=seen.sha256,
            role=role_of(seen.path),
            claimed_digest=found.remote[seen.path].claimed_digest,
            claim_kind=found.remote[seen.path].claim_kind,
        )
        for seen in found.seen.values()
    )
    LicenseFinding.objects.bulk_create(
        LicenseFinding(version=version, **dataclasses.asdict(finding)) for finding in described.licenses
    )
    LineageEdge.objects.bulk_create(
        LineageEdge(version=version, **dataclasses.asdict(ancestor)) for ancestor in described.ancestors
    )
    LineageHint.objects.bulk_create(
        LineageHint(version=version, **dataclasses.asdict(hint)) for hint in described.hints
    )


def _body(
    version: ModelVersion,
    found: Found,
    described: description.Description,
    *,
    files: list[manifest.ManifestFile],
    digest: str,
) -> dict[str, object]:
    return {
        "model": str(version.registered_model),
        "source": version.source_kind,
        "location": version.location,
        "revision": found.commit,
        "manifest_digest": digest,
        "model_digest": manifest.model_digest(files),
        "facts_digest": found.observed.digest,
        "files": len(files),
        "size_bytes": sum(file.size for file in files),
        "licenses": [finding.license_id for finding in described.licenses if finding.kind == "concluded"],
    }


def _refuse_duplicate(version: ModelVersion, *, commit: str | None, digest: str) -> None:
    others = ModelVersion.objects.exclude(pk=version.pk).select_related("registered_model")
    if version.source_kind == SourceKind.HUB:
        same = others.filter(
            registered_model=version.registered_model, source_kind=version.source_kind, revision=commit
        )
    else:
        same = others.filter(
            source_kind=version.source_kind, location=version.location, manifest_digest=digest
        )
    refuse_duplicate(same.first())


@transaction.atomic
def _revoke_duplicate(
    version: ModelVersion, duplicate: DuplicateVersion, *, lease: runs.Lease, now: datetime
) -> None:
    """End the run and the draft together: the version that exists is the one to use."""
    runs.finish(lease, runs.Ending(Outcome.FAIL, duplicate.code, duplicate.detail), now=now)
    move(
        version,
        target=Status.REVOKED,
        event=Event.VERSION_REVOKED,
        actor=ACTOR,
        now=now,
        body={
            "reason_sha256": endings.sha256(duplicate.detail),
            "duplicate_of": duplicate.extra["model_version"],
        },
        revoked_by=ACTOR,
        revoked_at=now,
        revocation_reason=duplicate.detail,
    )
