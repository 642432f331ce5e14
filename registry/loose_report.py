"""What was found of a folder that nobody registered, as a document for programs and as a page for people. Pure."""

import dataclasses
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from modelcustody_client import manifest

from governance.policy.document import Policy
from registry.licensing.catalog import Catalog
from registry.lifecycle import MINOR, Outcome, Severity
from registry.loose import Loose, not_asked
from registry.verification import checks
from registry.verification.isolated import Answer, Limits
from registry.verification.outcomes import CheckOutcome, run_outcome

FORMAT = "modelcustody/folder-verification/v1"
EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.ERROR: 2}
MEANING = {
    Outcome.PASS: "No known indicators were found. That is not a promise that the model is harmless.",
    Outcome.FAIL: "Something is wrong with these files; each finding says what.",
    Outcome.ERROR: "Not everything could be decided, so nothing is said for these files.",
}
WIDTH = 110
INDENT = "        "


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """Everything that was asked and found, and what it was asked with."""

    loose: Loose
    outcomes: Sequence[CheckOutcome]
    answer: Answer
    limits: Limits
    policy: Policy
    terms: Catalog
    started_at: datetime
    finished_at: datetime

    @property
    def outcome(self) -> Outcome:
        """What all checks say together."""
        return run_outcome(self.outcomes)

    @property
    def digests(self) -> tuple[str | None, str | None]:
        """Manifest and model digest of what was read; None where not every file could be."""
        found, expected = self.answer.examination.digests, self.loose.question.expected
        if not found or set(expected) - set(found):
            return None, None
        files = [manifest.ManifestFile(path, 0, digest) for path, digest in found.items()]
        return manifest.manifest_digest(files), manifest.model_digest(files)


def document(report: Report) -> dict[str, Any]:
    """The whole report as JSON."""
    question, examination = report.loose.question, report.answer.examination
    manifest_digest, model_digest = report.digests
    return {
        "format": FORMAT,
        "path": str(report.loose.root),
        "model": question.model or None,
        "outcome": str(report.outcome),
        "exit_code": EXIT_CODES[report.outcome],
        "meaning": MEANING[report.outcome],
        "manifest_digest": manifest_digest,
        "model_digest": model_digest,
        "files": len(examination.digests),
        "bytes": examination.bytes_read,
        "started_at": report.started_at.isoformat(),
        "finished_at": report.finished_at.isoformat(),
        "seconds": round((report.finished_at - report.started_at).total_seconds(), 3),
        "tool": {
            "name": checks.TOOL,
            "version": checks.TOOL_VERSION,
            **dataclasses.asdict(report.answer.surroundings),
        },
        "inputs": {
            "examined_on": question.examined_on,
            "policy": report.policy.name,
            "policy_digest": report.policy.policy_digest,
            "catalog_digest": report.terms.catalog_digest,
            "signature_required": question.signature_required,
            "manifest_given": any(item.sha256 for item in question.expected.values()),
            "bases": [
                {"model": one.model, "relation": one.relation, "path": one.root} for one in question.bases
            ],
            "lineage": [dataclasses.asdict(one) for one in question.lineage],
            "licenses": [dataclasses.asdict(one) for one in question.licenses],
            "limits": dataclasses.asdict(report.limits),
        },
        "counts": _counts(report.outcomes),
        "not_asked": not_asked(report.loose),
        "results": [_result(one) for one in report.outcomes],
    }


def _counts(outcomes: Sequence[CheckOutcome]) -> dict[str, int]:
    return {str(outcome): sum(one.finding.outcome is outcome for one in outcomes) for outcome in Outcome}


def _result(one: CheckOutcome) -> dict[str, Any]:
    return {
        "check_id": one.check_id,
        "title": one.title,
        "outcome": str(one.finding.outcome),
        "severity": str(one.severity),
        "path": one.finding.path,
        "message": one.finding.message,
        "evidence": dict(one.finding.evidence),
        "tool": one.tool,
        "tool_version": one.tool_version,
        "duration_ms": round(one.duration_ms, 3),
    }


def words(report: Report) -> str:
    """The report for people: what is wrong, the worst first, then what could not be asked, then what is well."""
    examination = report.answer.examination
    head = [
        f"{report.loose.root}: files {len(examination.digests)}, bytes {examination.bytes_read:,}",
        *(
            f"{name} {digest}"
            for name, digest in zip(("manifest", "model   "), report.digests, strict=True)
            if digest
        ),
    ]
    return plain("\n".join([*head, "", *_lines(report.outcomes), "", *_verdict(report)]))


def _lines(outcomes: Sequence[CheckOutcome]) -> Iterator[str]:
    order = list(Severity)
    wrong = [one for one in outcomes if one.finding.outcome is Outcome.FAIL]
    for one in sorted(wrong, key=lambda one: -order.index(one.severity)):
        yield from _block(one, str(one.severity).upper())
    for one in outcomes:
        if one.finding.outcome is Outcome.ERROR:
            yield from _block(one, "UNDECIDED")
    for one in outcomes:
        if one.finding.outcome is Outcome.SKIP:
            yield from _block(one, "skipped")
    for one in outcomes:
        if one.finding.outcome is Outcome.PASS:
            yield from _block(one, "ok")


def _block(one: CheckOutcome, label: str) -> list[str]:
    place = f" {one.finding.path}:" if one.finding.path else ""
    text = f"{label:<10} {one.check_id:<20}{place} {one.finding.message}"
    return textwrap.wrap(text, WIDTH, subsequent_indent=INDENT, break_on_hyphens=False)


def _verdict(report: Report) -> Iterator[str]:
    outcomes = report.outcomes
    wrong = sum(one.finding.outcome is Outcome.FAIL and one.severity not in MINOR for one in outcomes)
    minor = sum(one.finding.outcome is Outcome.FAIL and one.severity in MINOR for one in outcomes)
    undecided = sum(one.finding.outcome is Outcome.ERROR for one in outcomes)
    yield f"Findings: {wrong}; minor ones: {minor}; undecided: {undecided}. {MEANING[report.outcome]}"


def plain(text: str) -> str:
    """Text without what a terminal would obey: control characters but line ends, and what turns the direction."""
    return "".join(
        mark if mark == "\n" or unicodedata.category(mark) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else "\ufffd"
        for mark in text
    )
