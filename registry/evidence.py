"""Which runs count for a version now."""

from registry.lifecycle import Outcome, RunState
from registry.models import ModelVersion, SmokeRun, VerificationRun


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


def is_verified(version: ModelVersion) -> bool:
    """Whether the verification that counts now passed."""
    run = current_verification(version)
    return run is not None and run.outcome == Outcome.PASS
