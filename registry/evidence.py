"""Which runs count for a version now."""

from collections.abc import Iterable
from typing import TypeVar

from django.db.models import F, Q

from registry.lifecycle import Outcome, RunState
from registry.models import LeasedRun, ModelVersion, SmokeRun, VerificationRun

R = TypeVar("R", bound=LeasedRun)


def current_verification(version: ModelVersion) -> VerificationRun | None:
    """The newest finished verification that was asked for since the last quarantine."""
    runs = version.verificationruns.filter(state=RunState.FINISHED, manifest_digest=version.manifest_digest)
    if version.quarantined_at is not None:
        runs = runs.filter(requested_at__gte=version.quarantined_at)
    return runs.order_by("-pk").first()


def current_smoke(version: ModelVersion) -> SmokeRun | None:
    """The newest finished smoke test that was asked for since the last quarantine."""
    runs = version.smokeruns.filter(state=RunState.FINISHED, manifest_digest=version.manifest_digest)
    if version.quarantined_at is not None:
        runs = runs.filter(requested_at__gte=version.quarantined_at)
    return runs.order_by("-pk").first()


def current_of(kind: type[R], version_ids: Iterable[int]) -> dict[int, R]:
    """For each version the newest finished run of a kind that counts now."""
    rows = kind._default_manager.filter(  # noqa: SLF001 - Django's own name for it in code that handles several models
        Q(version__quarantined_at__isnull=True) | Q(requested_at__gte=F("version__quarantined_at")),
        version__in=list(version_ids),
        state=RunState.FINISHED,
        manifest_digest=F("version__manifest_digest"),
    )
    return {run.version_id: run for run in rows.order_by("version", "-pk").distinct("version")}


def is_verified(version: ModelVersion) -> bool:
    """Whether the verification that counts now passed."""
    run = current_verification(version)
    return run is not None and run.outcome == Outcome.PASS
