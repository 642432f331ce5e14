"""C11: what loading a file would run. Pickles are followed opcode by opcode, never loaded. Pure."""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from registry.formats import pickled_files, roles
from registry.formats.pickled_files import Problem, Verdict
from registry.lifecycle import Severity
from registry.verification import second_opinion
from registry.verification.outcomes import Finding, failed, passed, undecided
from registry.verification.second_opinion import Opinion
from registry.verification.subject import Subject

MAX_SHOWN = 20
_GRAPH = (b"<?xml", b"<net ")
_ADVICE = "Use the model's safetensors files instead, or ask its publisher for them."


def pickles(subject: Subject) -> Iterator[Finding]:
    """C11: no file is of a format that can run code when it is loaded, and if one is, it holds only data."""
    clean = True
    sound = {PurePosixPath(file.path).parent for file in subject.files(".safetensors")}
    for file in subject.files():
        verdict = pickled_files.examine(file.path, file.view)
        if verdict is not None and _is_openvino(subject, file.path, verdict):
            clean = False
            yield _numbers(file.path, verdict)
        elif verdict is not None and (
            verdict.pickles or verdict.problems or verdict.undecided or _by_name(file.suffix)
        ):
            clean = False
            yield _finding(file.path, verdict, has_other=PurePosixPath(file.path).parent in sound)
    if clean:
        yield passed("No file was recognised as one of a format that can run code when it is loaded.")


def _is_openvino(subject: Subject, path: str, verdict: Verdict) -> bool:
    """Whether a file that is no pickle holds the numbers of the OpenVINO graph beside it."""
    graph = subject.seen.get(str(PurePosixPath(path).with_suffix(".xml")))
    is_broken = verdict.kind == "pickle" and bool(verdict.problems) and not verdict.targets
    return is_broken and path.endswith(".bin") and graph is not None and graph.start.startswith(_GRAPH)


def _numbers(path: str, verdict: Verdict) -> Finding:
    return failed(
        "The file is named like a pickle and is none: it holds the numbers of the OpenVINO graph beside it, and whoever took "
        "it for a pickle would get an error. The policy decides whether the format is accepted.",
        path=path,
        severity=Severity.LOW,
        **_evidence(verdict),
    )


def _by_name(suffix: str) -> bool:
    return suffix in pickled_files.PICKLES


def _finding(path: str, verdict: Verdict, *, has_other: bool) -> Finding:
    advice = (
        " The same folder has safetensors files, so that this one can be left out."
        if has_other
        else f" {_ADVICE}"
    )
    evidence = _evidence(verdict)
    worst = verdict.worst
    if worst is not None and worst.is_harmful:
        return failed(
            f"Loading this file would run code that its author chose: {_words(worst)}.",
            path=path,
            severity=Severity.CRITICAL,
            **evidence,
        )
    if worst is not None:
        return failed(
            f"Loading this file can run code, and it could not be shown that it would not: {_words(worst)}.{advice}",
            path=path,
            **evidence,
        )
    if verdict.undecided:
        return undecided(
            f"Loading this file can run code, and {verdict.undecided}.{advice}", path=path, **evidence
        )
    return _data(
        path, advice, evidence, [found for found in map(second_opinion.of_pickle, verdict.streams) if found]
    )


def _data(path: str, advice: str, evidence: dict[str, Any], opinions: list[Opinion]) -> Finding:
    if opinions:
        worst = max(opinions, key=lambda opinion: opinion.is_warning)
        evidence["second_opinion"] = {"tool": worst.tool, "words": worst.words}
        if worst.is_warning:
            return failed(
                f"Loading this file can run code. Its instructions only put numbers together, but {worst.tool} "
                f"{worst.words}.{advice}",
                path=path,
                **evidence,
            )
    if roles.role_of(path) != "weight" and PurePosixPath(path).suffix.lower() not in pickled_files.ARRAYS:
        return failed(
            "The file is a pickle, a format that can run code when it is loaded, and its name does not say so: what the "
            "policy says of formats would pass it by. Nothing in this one would run; it only puts numbers together."
            f"{advice}",
            path=path,
            **evidence,
        )
    return failed(
        "The format of this file can run code when it is loaded; nothing in this one would: it only puts numbers "
        f"together. The policy decides whether the format is accepted.{advice}",
        path=path,
        severity=Severity.LOW,
        **evidence,
    )


def _words(problem: Problem) -> str:
    place = f" in its member {problem.member!a}" if problem.member else ""
    byte = f" (byte {problem.offset})" if problem.offset is not None else ""
    return f"it {problem.message}{byte}{place}"


def _evidence(verdict: Verdict) -> dict[str, Any]:
    return {
        "kind": verdict.kind,
        "pickles": verdict.pickles,
        "names": list(verdict.targets[:MAX_SHOWN]),
        "reasons": [
            {"code": found.code, "reason": _words(found), "name": found.target}
            for found in verdict.problems[:MAX_SHOWN]
        ],
        "reason_count": len(verdict.problems),
    }
