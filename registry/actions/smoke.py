"""Loads exactly the verified files into a real engine and asks the fixed prompts."""

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from governance.errors import Conflict
from registry import evidence, origin
from registry.actions import custody, runs
from registry.actions.heartbeat import Heart, beating
from registry.lifecycle import Outcome, RunState, Status
from registry.models import ModelVersion, SmokeAnswer, SmokeRun
from registry.smoke import suite
from registry.smoke.engine import Engine, EngineFailed, EngineNotInstalled
from registry.smoke.vllm_engine import VllmEngine
from registry.verification import integrity, reading
from registry.verification.subject import Expected, Subject

ACTOR = "system:intake"


class VersionNotVerified(Conflict):
    """Nothing unverified is loaded into an engine."""

    code = "version_not_verified"


class FilesChanged(Exception):
    """The files are no longer those that were verified."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tried:
    """What the engine answered, and what it was."""

    answers: list[suite.Answer]
    engine: Mapping[str, Any]
    hardware: Mapping[str, Any]


def request_smoke(*, version: ModelVersion, actor: object, now: datetime) -> SmokeRun:
    """Ask for a smoke test of a version whose verification passed."""
    runs.require_resolved(version)
    if not evidence.is_verified(version):
        raise VersionNotVerified(
            "The version's verification has not passed, so it is not loaded into an engine."
        )
    return runs.request(SmokeRun, version=version, actor=actor, now=now)


def request_after_verification(*, version: ModelVersion, now: datetime, by: str = ACTOR) -> None:
    """Ask for a smoke test on our own account, unless one is open already.

    A copy that was only read again on schedule needs no engine again where one has loaded these very files.
    """
    passed = evidence.current_smoke(version) if by == runs.SCHEDULE else None
    if passed is not None and passed.outcome == Outcome.PASS:
        return
    if not version.smokeruns.exclude(state=RunState.FINISHED).exists():
        request_smoke(version=version, actor=ACTOR, now=now)


def smoke_test_version(*, run_id: int, worker: str, engine: Engine | None = None) -> None:
    """Carry out a smoke run; does nothing if it is not waiting."""
    claimed = runs.claim(SmokeRun, run_id=run_id, worker=worker, now=timezone.now())
    if claimed is None:
        return
    run, lease = claimed
    ending = _not_ready(run.version)
    if ending is not None:
        runs.give_up(lease, ending, now=timezone.now())
        return
    engine = engine or VllmEngine(python=settings.VLLM_PYTHON, timeout_seconds=settings.SMOKE_TIMEOUT_SECONDS)
    with runs.held(lease):
        try:
            with beating(lease) as heart:
                tried = _try(run, engine, heart)
            _write(run, tried, lease=lease, now=timezone.now())
        except FilesChanged as change:
            _quarantine(run, str(change), lease=lease, now=timezone.now())
        except (EngineNotInstalled, EngineFailed) as error:
            runs.give_up(lease, runs.Ending(Outcome.ERROR, error.code, error.detail), now=timezone.now())


def _not_ready(version: ModelVersion) -> runs.Ending | None:
    if version.status != Status.RESOLVED:
        words = f"The version is {version.status}, so it was not loaded."
        return runs.Ending(Outcome.ERROR, runs.VersionNotResolved.code, words)
    if not evidence.is_verified(version):
        words = "The version's verification has not passed, so it was not loaded."
        return runs.Ending(Outcome.ERROR, VersionNotVerified.code, words)
    return None


def _try(run: SmokeRun, engine: Engine, heart: Heart) -> Tried:
    """Hash the files again, load them, ask, and make sure that nothing touched them meanwhile."""
    folder = origin.folder_of(run.version)
    before = _stamps(folder, run.version)
    _require_unchanged(run.version, folder, heart)
    with engine.serving(folder, keep_alive=lambda: heart.advance(0)) as session:
        answers = [
            session.answer(prompt, request_id=f"smoke-{run.pk}-{run.attempt}-{place}")
            for place, prompt in enumerate(suite.QUESTIONS)
        ]
        engine_facts = {**session.engine_facts(), "model_digest": run.version.model_digest}
        hardware = session.hardware_facts()
    if _stamps(folder, run.version) != before:
        raise FilesChanged("A file was written to while the engine had it loaded.")
    return Tried(answers=answers, engine=engine_facts, hardware=hardware)


def _require_unchanged(version: ModelVersion, folder: Path, heart: Heart) -> None:
    expected = {
        row.path: Expected(row.path, row.size, row.sha256, row.role) for row in version.artifacts.all()
    }
    read = reading.read_folder(folder, expected, progress=heart.advance, keep_bytes=0)
    subject = Subject(version.source_kind, version.revision, expected, read.seen, read.unreadable)
    for check in (integrity.file_set, integrity.digests):
        for finding in check(subject):
            if finding.outcome is not Outcome.PASS:
                raise FilesChanged(f"{finding.path}: {finding.message}".removeprefix(": "))


def _stamps(folder: Path, version: ModelVersion) -> dict[str, tuple[int, int, int]]:
    """What changes when a file is written to."""
    stamps = {}
    for path in version.artifacts.values_list("path", flat=True):
        try:
            status = (folder / path).stat()
        except OSError as error:
            raise FilesChanged(f"{path}: {error.strerror}.") from None
        stamps[path] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return stamps


@transaction.atomic
def _write(run: SmokeRun, tried: Tried, *, lease: runs.Lease, now: datetime) -> None:
    if not lease.rows.select_for_update().exists():
        raise runs.LeaseLost(f"smoke run {run.pk} went to another worker")
    SmokeAnswer.objects.bulk_create(_row(run, place, answer) for place, answer in enumerate(tried.answers))
    faults = suite.faults(tried.answers)
    ending = (
        runs.Ending(Outcome.FAIL, "answers_unsound", "; ".join(faults))
        if faults
        else runs.Ending(Outcome.PASS)
    )
    runs.finish(
        lease,
        ending,
        now=now,
        engine=dict(tried.engine),
        hardware=dict(tried.hardware),
        suite_digest=suite.suite_digest(),
        fingerprint=suite.fingerprint(tried.answers),
    )


def _row(run: SmokeRun, place: int, answer: suite.Answer) -> SmokeAnswer:
    return SmokeAnswer(
        run=run,
        position=place,
        prompt=answer.prompt,
        text=answer.text.replace("\x00", "\ufffd"),  # PostgreSQL holds no NUL
        token_ids=list(answer.token_ids),
        logprobs=[value if value is not None and math.isfinite(value) else None for value in answer.logprobs],
        finish_reason=answer.finish_reason[:32],
        duration_ms=round(answer.duration_ms, 3),
    )


@transaction.atomic
def _quarantine(run: SmokeRun, reason: str, *, lease: runs.Lease, now: datetime) -> None:
    """The files are not the verified ones: end the run and bar the version together."""
    words = f"The files are not those that were verified. {reason}"
    runs.finish(lease, runs.Ending(Outcome.FAIL, "files_changed", words), now=now)
    version = ModelVersion.objects.select_for_update(no_key=True).get(pk=run.version_id)
    if version.status == Status.RESOLVED:
        custody.quarantine(version=version, reason=words[: custody.MAX_REASON], actor="system:smoke", now=now)
