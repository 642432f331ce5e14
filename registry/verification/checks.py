"""The checks of a verification run, in order, each with a stable id. Pure."""

import dataclasses
import importlib.metadata
import time
from collections.abc import Callable, Iterable

from registry.lifecycle import Severity
from registry.verification import (
    architecture,
    at_rest,
    code,
    configurations,
    containers,
    contents,
    gguf,
    history,
    integrity,
    license_text,
    lineage,
    numbers,
    pickles,
    shards,
    signatures,
    templates,
    tokenizers,
    weights,
)
from registry.verification.outcomes import CheckOutcome, Finding, undecided, worst_of_each
from registry.verification.reading import Now, unwatched
from registry.verification.subject import Subject

TOOL = "modelcustody"
TOOL_VERSION = "1"


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """One question asked of every version."""

    check_id: str
    title: str
    severity: Severity
    run: Callable[[Subject], Iterable[Finding]]
    # The library, if any, whose parser it leans on; its version is part of the evidence.
    library: str = ""

    @property
    def tool_version(self) -> str:
        """The version of these checks, with that of the library."""
        if not self.library:
            return TOOL_VERSION
        return f"{TOOL_VERSION} ({self.library} {importlib.metadata.version(self.library)})"


CHECKS = (
    Check("C1-pinned", "Pinned to one state", Severity.HIGH, integrity.pinned),
    Check("C2-file-set", "Exactly the listed files", Severity.CRITICAL, integrity.file_set),
    Check("C3-digests", "Every byte as listed", Severity.CRITICAL, integrity.digests),
    Check(
        "C4-signature",
        "Signed by somebody who is trusted for it",
        Severity.CRITICAL,
        signatures.signatures,
        "cryptography",
    ),
    Check("C5-commit", "Who made the commit", Severity.HIGH, history.commit),
    Check("C6-format", "Content fits the file names", Severity.HIGH, containers.formats),
    Check("C7-safetensors", "Weight files are sound", Severity.HIGH, weights.tensors),
    Check("C8-shard-index", "Index and weight files agree", Severity.HIGH, shards.together),
    Check("C9-architecture", "The tensors fit the configuration", Severity.HIGH, architecture.tensors),
    Check("C10-gguf", "GGUF files are sound", Severity.HIGH, gguf.sound),
    Check("C11-pickle", "No format that can run code", Severity.HIGH, pickles.pickles),
    Check("C12-containers", "Containers hold no code", Severity.HIGH, containers.containers_hold),
    Check("C13-custom-code", "No code of its own", Severity.HIGH, code.custom_code),
    Check(
        "C14-chat-template",
        "Chat templates only put text together",
        Severity.HIGH,
        templates.templates,
        "jinja2",
    ),
    Check("C15-tokenizer", "The tokenizer is what it looks like", Severity.HIGH, tokenizers.tokens),
    Check(
        "C16-configuration",
        "Configurations say nothing absurd",
        Severity.HIGH,
        configurations.settings_and_paths,
    ),
    Check("C17-executables", "No programs, archives or secrets", Severity.HIGH, contents.executables),
    Check("C18-lineage", "Made from what it says", Severity.HIGH, lineage.lineage),
    Check("C19-numbers", "Samples of the numbers make sense", Severity.HIGH, numbers.plausible),
    Check("C20-license-text", "Licence text fits the declaration", Severity.HIGH, license_text.license_text),
    Check("C21-hub-scan", "What the source's scanners say", Severity.HIGH, history.hub_scan),
    Check("C22-at-rest", "The stored copy is as it was last read", Severity.CRITICAL, at_rest.unchanged),
)


def run_checks(
    subject: Subject, *, checks: Iterable[Check] = CHECKS, now: Now = unwatched
) -> list[CheckOutcome]:
    """Every check's outcomes; a check that breaks down is `error`, and the others still run."""
    return [outcome for check in checks for outcome in _run(check, subject, now=now)]


def _run(check: Check, subject: Subject, *, now: Now) -> list[CheckOutcome]:
    now("check", check.check_id)
    started = time.perf_counter()
    try:
        findings = list(check.run(subject))
    except Exception as error:  # noqa: BLE001 - whatever breaks, the answer is "undecided"; parsers raise all sorts
        findings = [undecided(f"The check broke down: {type(error).__name__}: {str(error)[:200]}")]
    duration_ms = (time.perf_counter() - started) * 1000
    once = worst_of_each(findings, check.severity)
    return [
        CheckOutcome(
            check_id=check.check_id,
            title=check.title,
            severity=finding.severity or check.severity,
            finding=finding,
            duration_ms=duration_ms,
            tool=TOOL,
            tool_version=check.tool_version,
        )
        for finding in once
    ]
