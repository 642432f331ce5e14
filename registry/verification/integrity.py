"""Checks of identity: the revision is pinned, the files are these and no others, each byte is as listed. Pure."""

import re
from collections.abc import Iterator

from modelcustody_client import manifest

from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Expected, Seen, Subject

COMMIT = re.compile(r"[0-9a-f]{40}")


def pinned(subject: Subject) -> Iterator[Finding]:
    """C1: the version names one commit for ever; where its source has none, the digest of its manifest does that."""
    if subject.source_kind != "hub":
        yield passed("Its source has no commits: the files are pinned by the digest of the manifest.")
    elif subject.revision and COMMIT.fullmatch(subject.revision):
        yield passed(f"Pinned to commit {subject.revision}.", revision=subject.revision)
    else:
        yield failed("The version is not pinned to a commit, so its files could change unseen.")


def file_set(subject: Subject) -> Iterator[Finding]:
    """C2: the folder holds exactly the files of the manifest, and none that only passes for a document."""
    for path, reason in sorted(subject.unreadable.items()):
        yield failed(f"The files could not all be read: {reason}.", path=path)
    present = set(subject.seen) | set(subject.unreadable)
    if "" not in subject.unreadable:
        for path in sorted(set(subject.expected) - present):
            yield failed("A file of the manifest is missing.", path=path)
    for path in sorted(set(subject.seen) - set(subject.expected)):
        yield failed("A file is present that the manifest does not list.", path=path)
    disguised = [path for path in sorted(subject.expected) if manifest.is_disguised(path)]
    for path in disguised:
        yield failed(
            "The file is named like a document, so the model's digest does not cover it, but a loader would take it "
            "for code or weights. Rename or remove it.",
            path=path,
            severity=Severity.HIGH,
        )
    if disguised or subject.unreadable or set(subject.seen) != set(subject.expected):
        return
    if _is_loose(subject):
        yield skipped(f"There is no manifest to hold the {len(subject.seen)} files against.")
    else:
        yield passed(f"All {len(subject.expected)} files of the manifest are present, and no others.")


def digests(subject: Subject) -> Iterator[Finding]:
    """C3: each file has the size and SHA-256 of the manifest, and the digest that its source claimed."""
    if _is_loose(subject):
        yield skipped("There is no manifest, so nothing says what each file should hold.")
        return
    claims = {"sha256": 0, "git-oid": 0}
    clean = True
    for path, expected in sorted(subject.expected.items()):
        seen = subject.seen.get(path)
        if seen is None:
            clean = False
            yield failed("The file could not be read, so its digest is unknown.", path=path)
            continue
        fault = _fault(expected, seen)
        if fault:
            clean = False
            yield failed(
                fault,
                path=path,
                expected=expected.sha256,
                found=seen.sha256,
                size=seen.size,
                listed=expected.size,
            )
        elif expected.claim_kind in claims:
            claims[expected.claim_kind] += 1
    if not subject.expected:
        yield undecided("The manifest lists no files.")
    elif clean:
        held = claims["sha256"] + claims["git-oid"]
        yield passed(
            f"Every byte of all files ({len(subject.expected)}) was read and matches the manifest. "
            + (
                f"Also held against what the source claimed: {held}."
                if held
                else "The source claimed nothing of them."
            ),
            claims=claims,
        )


def _is_loose(subject: Subject) -> bool:
    """Whether the files were merely found, so that no list says which they are to be."""
    return bool(subject.expected) and not any(item.sha256 for item in subject.expected.values())


def _fault(expected: Expected, seen: Seen) -> str:
    if seen.size != expected.size:
        return (
            f"The file has {seen.size} bytes, the manifest says {expected.size}: it was cut off or altered."
        )
    if seen.sha256 != expected.sha256:
        return "The file's content is not what the manifest says: it was altered."
    if expected.claim_kind == "sha256" and seen.sha256 != expected.claimed_digest:
        return "The file's content is not what its source claims (SHA-256)."
    if expected.claim_kind == "git-oid" and seen.git_oid != expected.claimed_digest:
        return "The file's content is not what its source claims (git object id)."
    return ""
