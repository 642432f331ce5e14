"""The three axes of many versions at once: status, evidence, approval. A constant number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from registry import suspended
from registry.lifecycle import ApprovalStatus, Outcome, RunState, Status
from registry.models import Approval, LeasedRun, ModelVersion, SmokeRun, VerificationRun

R = TypeVar("R", bound=LeasedRun)
# The worst word wins.
RANK = ["pass", "skip", "missing", "error", "fail"]
WORDS = {
    "pass": "passed",
    "skip": "skipped",
    "missing": "not done yet",
    "error": "could not decide",
    "fail": "failed",
}


@dataclass(frozen=True)
class Axis:
    """One axis in a word that has a badge, and a few more words."""

    word: str
    text: str
    detail: str = ""


def status(version: ModelVersion) -> Axis:
    """Where the version itself stands."""
    reasons = {"quarantined": version.quarantine_reason, "revoked": version.revocation_reason}
    reason = reasons.get(version.status) or {
        "draft": "Its files are not listed yet.",
        "resolved": "Its files are pinned by digest.",
    }.get(version.status, "")
    return Axis(version.status, version.status, reason)


def evidence(verification: LeasedRun | None, smoke: LeasedRun | None) -> Axis:
    """The worse of the newest verification and the newest smoke run; nothing counts as a pass but a pass."""
    named = [("verification", verification), ("smoke inference", smoke)]
    going = [name for name, run in named if run is not None and run.state != RunState.FINISHED]
    if going:
        return Axis("running", "gathering", f"{' and '.join(going).capitalize()} under way.")
    outcomes = {name: run.outcome if run is not None else "missing" for name, run in named}
    worst = max(outcomes.values(), key=RANK.index)
    if worst == Outcome.PASS:
        return Axis("pass", "pass", "Verification and smoke inference passed.")
    words = ", ".join(f"{name} {WORDS[outcome]}" for name, outcome in outcomes.items())
    return Axis(worst, worst, f"{words.capitalize()}.")


def counting(run: R | None, version: ModelVersion) -> R | None:
    """The run, unless it was asked for before the version's release from quarantine: it no longer counts then."""
    since = version.quarantined_at if version.status != Status.QUARANTINED else None
    if run is None or since is None or run.requested_at >= since:
        return run
    return None


def approval(rows: Iterable[Approval], *, now: datetime) -> Axis:
    """What of a version's approvals matters most: in force, then requested, then the newest that ended.

    The rows are marked with their suspensions; one that admits nothing is not in force.
    """
    ordered = sorted(rows, key=lambda row: row.requested_at, reverse=True)
    force = [row for row in ordered if row.status == ApprovalStatus.APPROVED and row.expires_at > now]
    stopped = [row for row in force if suspended.since(row)]
    if stopped:
        places = ", ".join(sorted({row.environment.name for row in stopped}))
        return Axis("suspended", "suspended", f"In {places}, until a reviewer lifts it.")
    if force:
        places = ", ".join(sorted({row.environment.name for row in force}))
        until = min(row.expires_at for row in force)
        return Axis("approved", "approved", f"In {places}, until {until:%Y-%m-%d}.")
    asked = [row for row in ordered if row.status == ApprovalStatus.REQUESTED]
    if asked:
        return Axis("requested", "awaiting review", f"For {asked[0].purpose} in {asked[0].environment.name}.")
    if ordered:
        last = ordered[0]
        word = "expired" if last.status == ApprovalStatus.APPROVED else last.status
        return Axis(word, word, f"For {last.purpose} in {last.environment.name}.")
    return Axis("none", "none", "Nobody has asked for approval.")


def dress(versions: list[ModelVersion], *, now: datetime) -> None:
    """Give each version of a list its `axes`."""
    ids = [version.pk for version in versions]
    checked = {
        run.version_id: run
        for run in VerificationRun.objects.filter(version__in=ids)
        .order_by("version", "-pk")
        .distinct("version")
    }
    smoked = {
        run.version_id: run
        for run in SmokeRun.objects.filter(version__in=ids).order_by("version", "-pk").distinct("version")
    }
    approvals: dict[int, list[Approval]] = {}
    for row in suspended.marked(Approval.objects.filter(version__in=ids).select_related("environment")):
        approvals.setdefault(row.version_id, []).append(row)
    for version in versions:
        version.axes = {  # type: ignore[attr-defined]
            "status": status(version),
            "evidence": evidence(
                counting(checked.get(version.pk), version), counting(smoked.get(version.pk), version)
            ),
            "approval": approval(approvals.get(version.pk, []), now=now),
        }


def failing() -> set[int]:
    """Versions whose newest verification or smoke run finished without a pass."""
    found: set[int] = set()
    for table in (VerificationRun, SmokeRun):
        newest = table.objects.order_by("version", "-pk").distinct("version")
        rows = newest.values_list("version", "state", "outcome")
        found |= {
            key for key, state, outcome in rows if state == RunState.FINISHED and outcome != Outcome.PASS
        }
    return found
