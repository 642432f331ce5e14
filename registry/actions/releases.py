"""The way out of a quarantine: one person asks, every check runs anew, another person decides."""

from datetime import datetime

from django.db import transaction

from audit.events import Event
from governance.actors import Actor
from governance.errors import Conflict, Forbidden, InvalidInput
from governance.permissions import Permission
from registry.actions import release_log, runs, smoke
from registry.actions._transition import TransitionNotAllowed, move
from registry.actions.custody import reason_of
from registry.actions.review import FourEyesRequired
from registry.actions.words import check_words, sha256
from registry.lifecycle import Outcome, RunState, Severity, Status
from registry.models import (
    CheckResult,
    ModelVersion,
    QuarantineRelease,
    ReleaseDecision,
    SmokeRun,
    VerificationRun,
)

MOST_NAMED = 20


class NotTheRequester(Forbidden):
    """Only whoever asked for a release takes the request back."""

    code = "not_the_requester"


class ReleaseInProgress(Conflict):
    """Somebody asked for this release already, and nobody has decided yet."""

    code = "release_in_progress"


class ReleaseNotOpen(Conflict):
    """The request was decided or taken back."""

    code = "release_not_open"


class ChecksNotFinished(Conflict):
    """The checks that the request asked for have not come to a result."""

    code = "checks_not_finished"


class CriticalFindings(Conflict):
    """A critical check failed again, or could not decide; such a version is not released."""

    code = "critical_findings"


@transaction.atomic
def request_release(*, version: ModelVersion, reason: str, actor: Actor, now: datetime) -> QuarantineRelease:
    """Ask to end a quarantine, and have every check run anew; another person decides on what they find."""
    actor.require(Permission.VERSION_REVOKE)
    reason = reason_of(reason)
    version = ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    if version.status != Status.QUARANTINED:
        raise TransitionNotAllowed(version.status, Status.RESOLVED)
    earlier = open_of(version)
    if earlier is not None:
        raise ReleaseInProgress(
            f"{earlier.requested_by.username} asked for this release already; a reviewer decides on it.",
            quarantine_release=earlier.pk,
        )
    run = runs.request(VerificationRun, version=version, actor=actor, now=now)
    release = QuarantineRelease.objects.create(
        version=version,
        verification_run=run,
        reason=reason,
        requested_by=actor.user,
        requested_at=now,
    )
    release_log.append(Event.RELEASE_REQUESTED, release, actor=actor, now=now, reason_sha256=sha256(reason))
    return release


@transaction.atomic
def decide_release(
    *, release: QuarantineRelease, decision: str, note: str, actor: Actor, now: datetime
) -> QuarantineRelease:
    """Release the version or leave it barred, as a person who did not ask for the release."""
    actor.require(Permission.APPROVAL_DECIDE)
    check_words(note, field="note")
    if decision not in {ReleaseDecision.RELEASED, ReleaseDecision.REFUSED}:
        raise InvalidInput("Write released or refused.", field="decision")
    if actor.user.pk == release.requested_by_id:
        raise FourEyesRequired("You asked for this release; another person must decide on it.")
    if decision == ReleaseDecision.REFUSED and not note.strip():
        raise InvalidInput("Say why it is refused.", field="note")
    version = ModelVersion.objects.select_for_update(no_key=True).get(pk=release.version_id)
    if decision == ReleaseDecision.REFUSED:
        _close(release, decision, note=note, actor=actor, now=now)
        release_log.append(Event.RELEASE_REFUSED, release, actor=actor, now=now, note_sha256=sha256(note))
        return release
    run = release.verification_run
    check_findings(run)
    _close(release, decision, note=note, actor=actor, now=now)
    move(
        version,
        target=Status.RESOLVED,
        event=Event.VERSION_RELEASED,
        actor=actor,
        now=now,
        body={
            **release_log.body(release),
            "reason_sha256": sha256(release.reason),
            "note_sha256": sha256(note),
            "quarantine_reason_sha256": sha256(version.quarantine_reason or ""),
        },
    )
    if run.outcome == Outcome.PASS:
        _end_stale(version, now=now)
        smoke.request_after_verification(version=version, now=now)
    return release


@transaction.atomic
def withdraw_release(
    *, release: QuarantineRelease, note: str, actor: Actor, now: datetime
) -> QuarantineRelease:
    """Take the request back; the version stays quarantined."""
    actor.require(Permission.VERSION_REVOKE)
    check_words(note, field="note")
    if actor.user.pk != release.requested_by_id:
        raise NotTheRequester("Only whoever asked for a release takes the request back.")
    _close(release, ReleaseDecision.WITHDRAWN, note=note, actor=actor, now=now)
    release_log.append(Event.RELEASE_WITHDRAWN, release, actor=actor, now=now, note_sha256=sha256(note))
    return release


def open_of(version: ModelVersion) -> QuarantineRelease | None:
    """The request that waits for a decision, if there is one."""
    return (
        version.quarantine_releases.filter(decision="")
        .select_related("requested_by", "verification_run")
        .first()
    )


def critical_findings(run: VerificationRun) -> list[CheckResult]:
    """What a release cannot pass over: critical checks that failed or could not decide."""
    return list(
        CheckResult.objects.filter(
            run=run, severity=Severity.CRITICAL, outcome__in=[Outcome.FAIL, Outcome.ERROR]
        ).order_by("check_id", "path")
    )


def check_findings(run: VerificationRun) -> None:
    """Raise unless every check ran, and none that is critical failed or could not decide."""
    run.refresh_from_db()
    if run.state != RunState.FINISHED:
        raise ChecksNotFinished(
            f"Verification run {run.pk} is {run.state}; decide once it has finished.", verification_run=run.pk
        )
    if not run.results.exists():
        raise ChecksNotFinished(
            f"Verification run {run.pk} ended without a result: {run.message} Refuse or withdraw this request, mend "
            "the cause, and ask again.",
            verification_run=run.pk,
        )
    found = critical_findings(run)
    if found:
        more = f" And {len(found) - 1} more." if len(found) > 1 else ""
        raise CriticalFindings(
            f"{found[0].check_id}: {found[0].message}{more} The version stays quarantined.",
            verification_run=run.pk,
            errors=[
                {"code": row.check_id, "path": row.path, "message": row.message} for row in found[:MOST_NAMED]
            ],
        )


def _end_stale(version: ModelVersion, *, now: datetime) -> None:
    """End a smoke test that still waits from before the quarantine: it would not count, and bar one that does."""
    waiting = version.smokeruns.filter(state=RunState.QUEUED, requested_at__lt=version.quarantined_at)
    for run in waiting:
        claimed = runs.claim(SmokeRun, run_id=run.pk, worker="system:release", now=now)
        if claimed is not None:
            words = "It was asked for before the quarantine, so it would not count."
            runs.give_up(claimed[1], runs.Ending(Outcome.ERROR, runs.VersionNotResolved.code, words), now=now)


def _close(release: QuarantineRelease, decision: str, *, note: str, actor: Actor, now: datetime) -> None:
    """Compare-and-set: of two people who decide exactly one does."""
    waiting = QuarantineRelease.objects.filter(pk=release.pk, decision="")
    if waiting.update(decision=decision, decided_by=actor.user, decided_at=now, note=note) != 1:
        release.refresh_from_db()
        raise ReleaseNotOpen(f"The request was {release.decision} already.", decision=release.decision)
    release.refresh_from_db()
