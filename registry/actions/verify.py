"""Reads every byte of a version once and runs all checks over it; a critical finding quarantines at once."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from registry import origin, questions
from registry.actions import custody, runs, smoke
from registry.actions.heartbeat import beating
from registry.lifecycle import Outcome, Status
from registry.models import CheckResult, ModelVersion, VerificationRun
from registry.verification import examination
from registry.verification.checks import TOOL, TOOL_VERSION
from registry.verification.outcomes import CheckOutcome, critical, run_outcome, summary


def request_verification(*, version: ModelVersion, actor: object, now: datetime) -> VerificationRun:
    """Ask for all checks anew."""
    runs.require_resolved(version)
    return runs.request(VerificationRun, version=version, actor=actor, now=now)


def verify_version(*, run_id: int, worker: str) -> None:
    """Carry out a verification run; does nothing if it is not waiting."""
    claimed = runs.claim(VerificationRun, run_id=run_id, worker=worker, now=timezone.now())
    if claimed is None:
        return
    run, lease = claimed
    if run.version.status != Status.RESOLVED:
        words = f"The version is {run.version.status}, so its files were not checked."
        ending = runs.Ending(Outcome.ERROR, runs.VersionNotResolved.code, words)
        runs.give_up(lease, ending, now=timezone.now())
        return
    with runs.held(lease):
        asked = questions.asked_of(run.version, now=timezone.now())
        with beating(lease) as heart:
            found = examination.examine(origin.folder_of(run.version), asked.question, progress=heart.advance)
        _write(run, found, inputs=questions.inputs_of(asked), lease=lease, now=timezone.now())


@transaction.atomic
def _write(
    run: VerificationRun,
    found: examination.Examination,
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
    outcome, message = run_outcome(outcomes), _storable(summary(outcomes))
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
    worst = critical(outcomes)
    if worst and version.status == Status.RESOLVED:
        first = worst[0]
        place = f" ({first.finding.path})" if first.finding.path else ""
        reason = _storable(f"{first.check_id}{place}: {first.finding.message}")
        custody.quarantine(version=version, reason=reason, actor="system:verify", now=now)
    elif outcome is Outcome.PASS and version.status == Status.RESOLVED:
        smoke.request_after_verification(version=version, now=now)


def _row(run: VerificationRun, outcome: CheckOutcome) -> CheckResult:
    return CheckResult(
        run=run,
        check_id=outcome.check_id,
        title=outcome.title,
        outcome=outcome.finding.outcome,
        severity=outcome.severity,
        message=_storable(outcome.finding.message),
        path=outcome.finding.path,
        evidence=_storable(dict(outcome.finding.evidence)),
        tool=TOOL,
        tool_version=TOOL_VERSION,
        duration_ms=round(outcome.duration_ms, 3),
    )


def _storable(value: Any) -> Any:
    """What a hostile file says, without what PostgreSQL cannot hold: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(str(key)): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value
