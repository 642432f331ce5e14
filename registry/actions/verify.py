"""Reads every byte of a version once and runs all checks over it; a critical finding quarantines at once."""

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from registry import origin, questions
from registry.actions import custody, runs, smoke, stored_copy
from registry.actions.heartbeat import Stage, beating
from registry.lifecycle import Outcome, Status
from registry.models import CheckResult, ModelVersion, QuarantineRelease, VerificationRun
from registry.verification import isolated
from registry.verification.examination import Examination, Question
from registry.verification.one_file import Progress
from registry.verification.outcomes import CheckOutcome, critical, run_outcome, summary
from registry.verification.wire import plain

logger = structlog.get_logger(__name__)
# However large a version is: after this long its worker is given to others.
LONGEST_SECONDS = 23 * 3600


class Examiner(Protocol):
    """Examines a folder; raises `isolated.NoAnswer`."""

    def __call__(
        self, root: Path, question: Question, *, limits: isolated.Limits, progress: Progress
    ) -> isolated.Answer:
        """Read every byte and run all checks."""


def request_verification(*, version: ModelVersion, actor: object, now: datetime) -> VerificationRun:
    """Ask for all checks anew."""
    runs.require_resolved(version)
    return runs.request(VerificationRun, version=version, actor=actor, now=now)


def verify_version(*, run_id: int, worker: str, examine: Examiner = isolated.examine) -> None:
    """Carry out a verification run; does nothing if it is not waiting."""
    claimed = runs.claim(VerificationRun, run_id=run_id, worker=worker, now=timezone.now())
    if claimed is None:
        return
    run, lease = claimed
    if not _may_be_read(run):
        words = f"The version is {run.version.status}, so its files were not checked."
        ending = runs.Ending(Outcome.ERROR, runs.VersionNotResolved.code, words)
        runs.give_up(lease, ending, now=timezone.now())
        return
    with runs.held(lease):
        asked = questions.asked_of(run.version, now=timezone.now())
        limits = limits_of(run.version)
        try:
            with beating(lease) as heart:
                heart.stage(Stage.READING)
                answer = examine(
                    origin.folder_of(run.version), asked.question, limits=limits, progress=heart.advance
                )
        except isolated.NoAnswer as error:
            inputs = questions.inputs_of(asked, limits=dataclasses.asdict(limits))
            _end_without_answer(lease, error, inputs=inputs, now=timezone.now())
            return
        inputs = questions.inputs_of(
            asked, limits=dataclasses.asdict(limits), **dataclasses.asdict(answer.surroundings)
        )
        _write(run, answer.examination, inputs=inputs, lease=lease, now=timezone.now())


def _may_be_read(run: VerificationRun) -> bool:
    """Whether the version is in use, or somebody asked to release it and this run is what that waits for."""
    if run.version.status == Status.QUARANTINED:
        return QuarantineRelease.objects.filter(verification_run=run, decision="").exists()
    return run.version.status == Status.RESOLVED


def limits_of(version: ModelVersion) -> isolated.Limits:
    """What the checks of a version may take: some time for themselves, and more the more there is to read."""
    reading = (version.size_bytes or 0) / settings.VERIFY_BYTES_PER_SECOND
    return isolated.Limits(
        seconds=min(settings.VERIFY_TIMEOUT_SECONDS + reading, LONGEST_SECONDS),
        memory_bytes=settings.VERIFY_MEMORY_BYTES,
    )


def _end_without_answer(
    lease: runs.Lease, error: isolated.NoAnswer, *, inputs: dict[str, Any], now: datetime
) -> None:
    """End the run where a limit was reached; what broke down may have had another reason, and is tried again."""
    logger.warning("verification_without_answer", run=lease.run_id, code=error.code, details=error.details)
    ending = runs.Ending(Outcome.ERROR, error.code, plain(str(error)))
    if isinstance(error, isolated.LimitReached) or lease.attempt >= runs.MAX_ATTEMPTS:
        runs.finish(lease, ending, now=now, inputs=inputs)
    else:
        runs.put_back(lease, ending, now=now, delay=runs.RETRY_AFTER)


@transaction.atomic
def _write(
    run: VerificationRun,
    found: Examination,
    *,
    inputs: dict[str, Any],
    lease: runs.Lease,
    now: datetime,
) -> None:
    """Results, the end of the run and what follows from it, together."""
    if not lease.rows.select_for_update().exists():
        raise runs.LeaseLost(f"verification run {run.pk} went to another worker")
    outcomes = found.outcomes
    CheckResult.objects.bulk_create(_row(run, outcome) for outcome in outcomes)
    outcome, message = run_outcome(outcomes), plain(summary(outcomes))
    code = (
        "" if outcome is Outcome.PASS else "checks_failed" if outcome is Outcome.FAIL else "checks_undecided"
    )
    runs.finish(
        lease,
        runs.Ending(outcome, code, message),
        now=now,
        bytes_done=found.bytes_read,
        bytes_read=found.bytes_read,
        file_states=dict(found.file_states),
        inputs=inputs,
    )
    version = ModelVersion.objects.select_for_update(no_key=True).get(pk=run.version_id)
    stored_copy.settle(version, run, outcomes, now=now)
    worst = critical(outcomes)
    if worst and version.status == Status.RESOLVED:
        first = worst[0]
        place = f" ({first.finding.path})" if first.finding.path else ""
        # Cut: a file that makes a check say too much must not keep its version out of quarantine.
        reason = plain(f"{first.check_id}{place}: {first.finding.message}")[: custody.MAX_REASON]
        custody.quarantine(version=version, reason=reason, actor="system:verify", now=now)
    elif outcome is Outcome.PASS and version.status == Status.RESOLVED:
        smoke.request_after_verification(version=version, by=run.requested_by, now=now)


def _row(run: VerificationRun, outcome: CheckOutcome) -> CheckResult:
    return CheckResult(
        run=run,
        check_id=outcome.check_id,
        title=outcome.title,
        outcome=outcome.finding.outcome,
        severity=outcome.severity,
        message=plain(outcome.finding.message),
        path=plain(outcome.finding.path),
        evidence=plain(dict(outcome.finding.evidence)),
        tool=outcome.tool,
        tool_version=outcome.tool_version,
        duration_ms=round(outcome.duration_ms, 3),
    )
