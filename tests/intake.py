"""A version's way through intake, without a broker."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.models import DecisionEntry
from registry.actions import register, resolve, smoke, verify
from registry.models import ModelVersion, ResolutionRun, SmokeRun, VerificationRun
from registry.smoke.engine import Engine
from registry.verification import examination, isolated
from registry.verification.child import surroundings
from registry.verification.examination import Question
from registry.verification.one_file import Progress
from registry.verification.outcomes import Finding
from tests import factories, fakes, folders

WORKER = "host:1"


def now() -> datetime:
    return datetime.now(UTC)


def events(subject: object) -> list[str]:
    """The names of the log's entries about a version, in order."""
    return list(
        DecisionEntry.objects.filter(subject=f"model-version:{getattr(subject, 'pk', subject)}")
        .order_by("pk")
        .values_list("event", flat=True)
    )


def registered(folder: Path, **fields: Any) -> ModelVersion:
    given = {"source": f"folder://{folder}", "revision": None, "name": "acme/model", "now": now()} | fields
    given.setdefault("actor", factories.actor())
    return register.register_version(**given)


def resolved(folder: Path, **changes: bytes | None) -> ModelVersion:
    """A version of a sound folder, or of one with changes, resolved; its verification is queued."""
    folders.write(folder, folders.model_files(**changes))
    version = registered(folder)
    run = resolve_open(version)
    assert run.outcome == "pass", run.message
    version.refresh_from_db()
    return version


def verified(folder: Path, **changes: bytes | None) -> ModelVersion:
    version = resolved(folder, **changes)
    verify_open(version)
    version.refresh_from_db()
    return version


def resolve_open(version: ModelVersion) -> ResolutionRun:
    run = version.resolutionruns.get(state="queued")
    resolve.resolve_version(run_id=run.pk, worker=WORKER)
    run.refresh_from_db()
    return run


def verify_open(version: ModelVersion, *, examine: verify.Examiner | None = None) -> VerificationRun:
    run = version.verificationruns.get(state="queued")
    verify.verify_version(run_id=run.pk, worker=WORKER, examine=examine or examine_here)
    run.refresh_from_db()
    return run


def examine_here(
    root: Path, question: Question, *, limits: isolated.Limits, progress: Progress
) -> isolated.Answer:
    """The same checks without a process of their own, which takes a third of a second to start."""
    found = examination.examine(root, question, progress=progress)
    return isolated.Answer(found, surroundings(network="not asked", system_calls="not asked"))


def examine_saying(finding: Finding, *, check_id: str) -> verify.Examiner:
    """The same checks here, of which one says this of the model."""

    def examine(*args: Any, **more: Any) -> isolated.Answer:
        answer = examine_here(*args, **more)
        found = tuple(
            dataclasses.replace(one, finding=finding, severity=finding.severity or one.severity)
            if one.check_id == check_id
            else one
            for one in answer.examination.outcomes
        )
        return dataclasses.replace(
            answer, examination=dataclasses.replace(answer.examination, outcomes=found)
        )

    return examine


def smoke_open(version: ModelVersion, engine: Engine | None = None) -> SmokeRun:
    run = version.smokeruns.get(state="queued")
    smoke.smoke_test_version(run_id=run.pk, worker=WORKER, engine=engine or fakes.FakeEngine())
    run.refresh_from_db()
    return run


def results(run: VerificationRun) -> dict[str, str]:
    """Check id -> its outcomes, in words."""
    found: dict[str, set[str]] = {}
    for result in run.results.all():
        found.setdefault(result.check_id, set()).add(result.outcome)
    return {check: " ".join(sorted(outcomes)) for check, outcomes in found.items()}
