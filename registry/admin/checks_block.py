"""What a verification found, as pages show it: what is wrong first, then the rest by what it means."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.templatetags.desk import size
from registry.lifecycle import MINOR, Outcome, Severity
from registry.models import CheckResult, VerificationRun

SEVERITIES = list(Severity)
NETWORK = {"namespace": "cut off by the kernel"}
SYSTEM_CALLS = {"filtered": "no programs, sockets or writes: refused by the kernel"}
# What results of a kind are called, what they mean, and their badge with its words.
KINDS = {
    "wrong": (
        "Findings",
        "Each of these keeps the version from being admitted. A critical one also quarantines it.",
        "fail",
        "{} found",
    ),
    "undecided": (
        "Undecided",
        "These checks could not decide. That never counts as a pass.",
        "error",
        "{} undecided",
    ),
    "minor": ("Noted", "Worth knowing; by itself none of these decides anything.", "info", "{} noted"),
    "passed": (
        "No known indicators",
        (
            "These checks passed: they looked, and found nothing that is known to be wrong. That is no promise that the "
            "model is harmless."
        ),
        "pass",
        "{} passed",
    ),
    "skipped": (
        "Nothing to check",
        "These checks had nothing to look at, or nothing to hold it against. That is not a pass.",
        "none",
        "{} not applicable",
    ),
}


@dataclass(frozen=True)
class Group:
    """Results that mean the same."""

    key: str
    rows: list[CheckResult]
    is_open: bool

    @property
    def title(self) -> str:
        """What they are called."""
        return KINDS[self.key][0]

    @property
    def meaning(self) -> str:
        """What follows from them, and what does not."""
        return KINDS[self.key][1]

    @property
    def badge(self) -> str:
        """The word whose badge they have."""
        return KINDS[self.key][2]

    @property
    def count(self) -> str:
        """How many there are."""
        return KINDS[self.key][3].format(len(self.rows))

    @property
    def has_severity(self) -> bool:
        """Whether how much each weighs says anything."""
        return self.key in {"wrong", "minor"}


def gather(run: VerificationRun | None) -> dict[str, Any]:
    """Results of a run by what they mean, in how many words that takes, and what the run was given."""
    if run is None:
        return {"groups": [], "total": 0, "facts": []}
    rows = list(CheckResult.objects.filter(run_id=run.pk))
    return {
        "groups": grouped(rows),
        "total": len({row.check_id for row in rows}),
        "facts": facts(run),
    }


def grouped(rows: list[CheckResult]) -> list[Group]:
    """Results by what they mean, the worst first; what passed is open only where nothing is wrong."""
    rows = sorted(rows, key=lambda row: (-_weight(row), _number(row.check_id), row.path))
    found: dict[str, list[CheckResult]] = {key: [] for key in KINDS}
    for row in rows:
        found[_kind(row)].append(row)
    opened = {"wrong", "undecided", "minor"} if found["wrong"] or found["undecided"] else {"minor", "passed"}
    return [Group(key, found[key], is_open=key in opened) for key in KINDS if found[key]]


def _kind(row: CheckResult) -> str:
    if row.outcome == Outcome.FAIL:
        return "minor" if row.severity in MINOR else "wrong"
    return {Outcome.ERROR: "undecided", Outcome.PASS: "passed"}.get(Outcome(row.outcome), "skipped")


def _weight(row: CheckResult) -> int:
    return SEVERITIES.index(Severity(row.severity)) if row.outcome == Outcome.FAIL else 0


def _number(check_id: str) -> int:
    digits = check_id.partition("-")[0][1:]
    return int(digits) if digits.isdigit() else 0


def facts(run: VerificationRun) -> list[tuple[str, str]]:
    """What the run was given and took, by name, as far as it is on record."""
    return [fact for fact in _facts(run) if fact[1]]


def _facts(run: VerificationRun) -> Iterator[tuple[str, str]]:
    inputs = run.inputs
    yield "Bytes read", size(run.bytes_read) if run.bytes_read else ""
    yield "Started", f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC" if run.started_at else ""
    yield "Took", _took(run)
    yield "Worker", f"{run.worker}, attempt {run.attempt}" if run.worker else ""
    yield "Manifest", run.manifest_digest or ""
    yield "Policy", str(inputs.get("policy") or "")
    yield "Licence catalogue", str(inputs.get("catalog") or "")
    yield "First look at the source", _look(inputs.get("earlier"))
    yield "Newest look at the source", _look(inputs.get("observed"))
    yield "Ancestors compared with", ", ".join(map(_base, inputs.get("bases") or [])) if inputs else ""
    yield "Limits", _limits(inputs.get("limits") or {})
    yield "Python", str(inputs.get("python") or "")
    yield "Tools", ", ".join(f"{name} {version}" for name, version in (inputs.get("tools") or {}).items())
    network, calls = str(inputs.get("network") or ""), str(inputs.get("system_calls") or "")
    yield "Network", NETWORK.get(network, network)
    yield "System calls", SYSTEM_CALLS.get(calls, calls)


def _took(run: VerificationRun) -> str:
    if run.started_at is None or run.finished_at is None:
        return ""
    parts = [f"{(run.finished_at - run.started_at).total_seconds():.1f} s"]
    if (seconds := run.inputs.get("cpu_seconds")) is not None:
        parts.append(f"{seconds:.1f} s of processor time")
    if peak := run.inputs.get("peak_memory_bytes"):
        parts.append(f"at most {size(peak)} of memory")
    return ", ".join(parts)


def _look(look: dict[str, Any] | None) -> str:
    if not look:
        return ""
    return f"{datetime.fromisoformat(look['observed_at']):%Y-%m-%d %H:%M} UTC, {look['digest']}"


def _base(base: dict[str, Any]) -> str:
    return f"{base['model']} ({base['manifest_digest']})"


def _limits(limits: dict[str, Any]) -> str:
    if not limits:
        return ""
    return f"{limits['seconds']:.0f} s, {size(limits['memory_bytes'])} of memory"
