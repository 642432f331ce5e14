"""The way out of a quarantine in tests: asked for by one person, checked, decided by another."""

from typing import Any

from governance.actors import Actor
from governance.permissions import Role
from registry.actions import custody, releases
from registry.lifecycle import Outcome, RunState, Severity
from registry.models import CheckResult, ModelVersion, QuarantineRelease
from tests import factories, intake


def quarantined(version: ModelVersion, *, reason: str = "a rumour") -> ModelVersion:
    custody.quarantine(version=version, reason=reason, actor=factories.actor(), now=intake.now())
    version.refresh_from_db()
    return version


def asked(version: ModelVersion, *, actor: Actor | None = None, **fields: Any) -> QuarantineRelease:
    """A request, with its run finished by hand unless the test carries it out."""
    fields = {"reason": "nothing was found", "now": intake.now()} | fields
    release = releases.request_release(version=version, actor=actor or factories.actor(), **fields)
    version.refresh_from_db()
    return release


def checked(release: QuarantineRelease, *results: tuple[str, Outcome, Severity]) -> None:
    """End the run of a request with these results; without any, with one that passed."""
    run = release.verification_run
    run.state, run.worker, run.heartbeat_at = RunState.RUNNING, "test", intake.now()
    run.save()
    for check_id, outcome, severity in results or (("C3-digests", Outcome.PASS, Severity.CRITICAL),):
        CheckResult.objects.create(
            run=run,
            check_id=check_id,
            title=check_id,
            outcome=outcome,
            severity=severity,
            message=f"{check_id} as recorded.",
            tool="modelcustody",
            tool_version="0",
            duration_ms=1.0,
        )
    worst = Outcome.PASS if all(result[1] == Outcome.PASS for result in results) else Outcome.FAIL
    factories.finish(run, worst, at=intake.now())


def decided(
    release: QuarantineRelease, decision: str = "released", *, actor: Actor | None = None, **fields: Any
) -> QuarantineRelease:
    """The decision of another person, on checks that ended well unless they have ended already."""
    if release.verification_run.state != RunState.FINISHED:
        checked(release)
    fields = {"note": "read it", "now": intake.now()} | fields
    return releases.decide_release(
        release=release, decision=decision, actor=actor or factories.actor(Role.REVIEWER), **fields
    )


def agreed(version: ModelVersion) -> QuarantineRelease:
    """What two people and the checks agreed on, while the version itself has not moved yet."""
    release = asked(version)
    checked(release)
    reviewer = factories.user(Role.REVIEWER)
    QuarantineRelease.objects.filter(pk=release.pk).update(
        decision="released", decided_by=reviewer, decided_at=intake.now()
    )
    return release


def released(version: ModelVersion, *, now: Any = None) -> ModelVersion:
    """Out of quarantine by two people."""
    fields = {"now": now} if now else {}
    decided(asked(version, **fields), **fields)
    version.refresh_from_db()
    return version
