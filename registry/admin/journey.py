"""The strip on a version's page: each step of its journey, and what to do next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from governance.templatetags import desk
from registry import suspended
from registry.lifecycle import ApprovalStatus, Outcome, RunState, Status
from registry.models import Admission, Approval, Evaluation, LeasedRun, ModelVersion, QuarantineRelease

State = Literal["done", "failed", "running", "waiting", "todo"]
SIGNS: dict[State, str] = {
    "done": "check",
    "failed": "close",
    "running": "progress_activity",
    "waiting": "hourglass_top",
    "todo": "more_horiz",
}


@dataclass(frozen=True)
class Step:
    """One step, where it stands, and its one line."""

    name: str
    state: State
    detail: str

    @property
    def sign(self) -> str:
        """The sign of its mark."""
        return SIGNS[self.state]


@dataclass(frozen=True)
class Known:
    """What of a version decides where its steps stand."""

    version: ModelVersion
    resolution: LeasedRun | None
    verification: LeasedRun | None
    smoke: LeasedRun | None
    evaluation: Evaluation | None
    approvals: list[Approval]
    admission: Admission | None
    served: int
    release: QuarantineRelease | None = None


@dataclass(frozen=True)
class Hint:
    """What to do next, in words, and the page actions that do it."""

    words: str
    actions: tuple[str, ...] = ()


def steps(known: Known, *, now: datetime) -> list[Step]:
    """The eight steps in order."""
    version = known.version
    return [
        Step("Register", "done", f"{version.submitted_at:%Y-%m-%d} by {version.submitted_by.username}"),
        _resolve(known),
        _run("Verify", known.verification),
        _run("Smoke", known.smoke),
        _evaluate(known.evaluation),
        _review(known.approvals, now=now),
        _admit(known.admission),
        Step("Record", "done", f"{known.served:,} request{'' if known.served == 1 else 's'}")
        if known.served
        else Step("Record", "todo", "nothing served yet"),
    ]


def _resolve(known: Known) -> Step:
    version = known.version
    if version.manifest_digest:
        return Step(
            "Resolve", "done", f"{version.file_count} file{'' if version.file_count == 1 else 's'} pinned"
        )
    return _run("Resolve", known.resolution)


def _run(name: str, run: LeasedRun | None) -> Step:
    if run is None:
        return Step(name, "todo", "not asked for yet")
    if run.state == RunState.QUEUED:
        return Step(name, "running", "queued")
    if run.state == RunState.RUNNING:
        return Step(name, "running", "running")
    day = f"{run.finished_at:%Y-%m-%d}" if run.finished_at else ""
    if run.outcome == Outcome.PASS:
        return Step(name, "done", f"passed {day}")
    word = "failed" if run.outcome == Outcome.FAIL else "undecided"
    return Step(name, "failed", run.code.replace("_", " ") if run.code else word)


def _evaluate(evaluation: Evaluation | None) -> Step:
    if evaluation is None:
        return Step("Evaluate", "todo", "no verdict yet")
    words = evaluation.verdict.replace("_", " ")
    if evaluation.verdict in {"allowed", "allowed_with_obligations"}:
        return Step("Evaluate", "done", words)
    return Step("Evaluate", "failed", words)


def _review(approvals: list[Approval], *, now: datetime) -> Step:
    force = [row for row in approvals if row.status == ApprovalStatus.APPROVED and row.expires_at > now]
    if any(suspended.since(row) for row in force):
        return Step("Review", "failed", "suspended")
    if force:
        return Step("Review", "done", f"approved until {min(row.expires_at for row in force):%Y-%m-%d}")
    if any(row.status == ApprovalStatus.REQUESTED for row in approvals):
        return Step("Review", "waiting", "awaits a reviewer")
    if approvals:
        last = max(approvals, key=lambda row: row.requested_at)
        word = "expired" if last.status == ApprovalStatus.APPROVED else last.status
        return Step("Review", "failed", word)
    return Step("Review", "todo", "not asked for yet")


def _admit(admission: Admission | None) -> Step:
    if admission is None:
        return Step("Admit", "todo", "no node has asked")
    words = f"{admission.decision} at {admission.node}"
    return Step("Admit", "done" if admission.decision == "allow" else "failed", words)


def hint(known: Known, *, now: datetime) -> Hint:
    """The next thing that someone should do, for this version."""
    version = known.version
    if version.status == Status.REVOKED:
        return Hint("This version is revoked for good. Register another version to go on.")
    if version.status == Status.QUARANTINED and known.release is not None:
        return _while_asked(known.release)
    if version.status == Status.QUARANTINED:
        return Hint(
            "This version is quarantined: nothing may serve it. Read the failed checks. If the cause is gone, "
            "ask for its release: every check then runs anew, and another person decides.",
            ("release", "revoke"),
        )
    return _before_evidence(known) or _after_evidence(known, now=now)


def _while_asked(release: QuarantineRelease) -> Hint:
    who = release.requested_by.username
    if release.verification_run.state != RunState.FINISHED:
        return Hint(f"{who} asked for its release. Every check runs anew; this page follows along.")
    return Hint(
        f"{who} asked for its release, and the checks have run. A reviewer who is someone else reads them and decides."
    )


def _before_evidence(known: Known) -> Hint | None:
    if not known.version.manifest_digest:
        run = known.resolution
        if run is not None and run.state == RunState.FINISHED:
            return Hint(
                f"Its files could not be listed: {first_sentence(run)} Mend the cause, then try again.",
                ("resolve",),
            )
        return Hint("Its files are being listed, pinned and fetched. This page follows along.")
    for run, name, verb in (
        (known.verification, "verify", "Verification"),
        (known.smoke, "smoke", "Smoke inference"),
    ):
        if run is None:
            return Hint(f"{verb} comes next.", (name,))
        if run.state != RunState.FINISHED:
            return Hint(f"{verb} is under way. This page follows along.")
        if run.outcome != Outcome.PASS:
            return Hint(
                f"{verb} did not pass: {first_sentence(run)} Mend the cause, then run it again.", (name,)
            )
    return None


def first_sentence(run: LeasedRun) -> str:
    """Why a run did not pass, without what a program printed; a sentence."""
    said = desk.first_line(run.message)
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _after_evidence(known: Known, *, now: datetime) -> Hint:
    force = [row for row in known.approvals if row.status == ApprovalStatus.APPROVED and row.expires_at > now]
    if not force:
        if any(row.status == ApprovalStatus.REQUESTED for row in known.approvals):
            return Hint("An approval is requested. A reviewer who did not request it decides.")
        if known.evaluation is None:
            return Hint(
                "The evidence is complete. Evaluate the licence for where it is to run.", ("evaluate",)
            )
        return Hint(
            "The evidence is complete. Ask for approval in one environment, for one purpose.",
            ("request-approval",),
        )
    return _once_approved(known, is_suspended=any(suspended.since(row) for row in force))


def _once_approved(known: Known, *, is_suspended: bool) -> Hint:
    if is_suspended:
        return Hint(
            "Suspended, because the licence verdict got worse: nodes are refused. Mend the cause; when the verdict is "
            "accepted again, a reviewer lifts the suspension on the page of the approval."
        )
    if known.admission is None or known.admission.decision == "deny":
        return Hint(
            "Approved. A serving node may now ask for admission: modelcustody admit --model DIR --environment ENV -- ..."
        )
    if not known.served:
        return Hint("Admitted. Served requests appear here as soon as the node records them.")
    return Hint("In service. Every request it answers is on record below.")
