"""Everything that a version's page shows, gathered in a constant number of queries."""

from datetime import datetime
from typing import Any

from audit import overview
from governance.desk import charts
from registry import suspended
from registry.actions import releases
from registry.admin import (
    alerts,
    axes,
    checks_block,
    conclusion_actions,
    journey,
    obligation_block,
    origin_block,
    source_block,
)
from registry.lifecycle import RunState, Status
from registry.models import Admission, Approval, Evaluation, LeasedRun, ModelVersion, SmokeRun

SHOWN_FILES = 300
SHOWN_ROWS = 20
DOING = {
    "listing": "Asking the source what it has",
    "fetching": "Fetching the files",
    "reading": "Reading the files",
    "checking": "Writing down what they are",
}
DAYS = 30


def gather(version: ModelVersion, *, now: datetime) -> dict[str, Any]:
    """The context of the page's template."""
    resolution = version.resolutionruns.order_by("-pk").first()
    verification = version.verificationruns.order_by("-pk").first()
    smoke = version.smokeruns.order_by("-pk").first()
    approvals = list(
        suspended.marked(
            version.approvals.select_related("environment", "requested_by", "decided_by", "policy")
        ).order_by("-requested_at")
    )
    evaluations = latest_evaluations(version)
    admissions = list(version.admissions.order_by("-decided_at")[:SHOWN_ROWS])
    served = serving(version, now=now)
    release = releases.open_of(version) if version.status == Status.QUARANTINED else None
    known = journey.Known(
        version=version,
        resolution=resolution,
        verification=axes.counting(verification, version),
        smoke=axes.counting(smoke, version),
        evaluation=evaluations[0] if evaluations else None,
        approvals=approvals,
        admission=newest_allow(admissions),
        served=served["total"],
        release=release,
    )
    return {
        "axes": {
            "status": axes.status(version),
            "evidence": axes.evidence(known.verification, known.smoke),
            "approval": axes.approval(approvals, now=now),
        },
        "steps": journey.steps(known, now=now),
        "hint": journey.hint(known, now=now),
        "open_run": (under_way := open_run(resolution, verification, smoke)),
        "doing": doing(under_way),
        "release": release,
        "files": files(version),
        "resolution": resolution,
        "verification": verification,
        "checks": checks_block.gather(verification),
        "smoke": smoke,
        "answers": answers(smoke),
        "licenses": list(version.license_findings.order_by("kind", "pk")),
        "lineage": list(version.lineage.order_by("relation", "base_model")),
        **conclusion_actions.context(version),
        "origin": origin_block.gather(version, now=now),
        "source": source_block.gather(version),
        "evaluations": evaluations,
        "duties": obligation_block.of_version(version, now=now),
        "approvals": approvals,
        "alerts": list(alerts.unresolved().filter(version=version)[:SHOWN_ROWS]),
        "admissions": admissions,
        "served": served,
        "entries": entries(version, approvals),
    }


def newest_allow(admissions: list[Admission]) -> Admission | None:
    """The newest allow; without any, the newest deny."""
    allowed = [row for row in admissions if row.decision == "allow"]
    return next(iter(allowed or admissions), None)


def open_run(*runs: LeasedRun | None) -> LeasedRun | None:
    """The run that is under way, if one is."""
    return next((run for run in runs if run is not None and run.state != RunState.FINISHED), None)


def doing(run: LeasedRun | None) -> str:
    """What is being done for a version now, in words."""
    if run is None or run.state == RunState.QUEUED:
        return "Waiting for a worker"
    return DOING.get(run.stage, "Under way")


def files(version: ModelVersion) -> dict[str, Any]:
    """The files, weights first; very long lists are cut, and say so."""
    rows = list(version.artifacts.order_by("path")[: SHOWN_FILES + 1])
    return {"rows": rows[:SHOWN_FILES], "cut": len(rows) > SHOWN_FILES}


def answers(run: SmokeRun | None) -> list[Any]:
    """What the engine answered, in order."""
    return list(run.answers.order_by("position")) if run is not None else []


def latest_evaluations(version: ModelVersion) -> list[Evaluation]:
    """The newest verdict for each environment and purpose, the newest of all first."""
    rows = (
        version.evaluations.select_related("environment", "organization")
        .order_by("environment", "purpose", "-pk")
        .distinct("environment", "purpose")
    )
    return sorted(rows, key=lambda row: row.pk, reverse=True)


def serving(version: ModelVersion, *, now: datetime) -> dict[str, Any]:
    """Where it was served and how much: one digest, however many versions share it."""
    if version.model_digest is None:
        return {"total": 0, "deployments": [], "requests": [], "chart": "", "days": []}
    days = overview.requests_per_day(version.model_digest, days=DAYS, now=now)
    total = overview.request_count(version.model_digest)
    label = f"Requests a day over {DAYS} days, {sum(number for _, number in days):,} in all"
    return {
        "total": total,
        "deployments": overview.latest_deployments(version.model_digest, limit=SHOWN_ROWS),
        "requests": overview.latest_requests(version.model_digest, limit=SHOWN_ROWS),
        "chart": charts.bars(days, label=label) if total else "",
        "days": days,
    }


def entries(version: ModelVersion, approvals: list[Approval]) -> list[Any]:
    """The log's entries about this version and its approvals, newest first."""
    subjects = [f"model-version:{version.pk}", *(f"approval:{row.pk}" for row in approvals)]
    return overview.latest_decisions(subjects, limit=SHOWN_ROWS * 2)
