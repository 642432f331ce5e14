"""C4: signatures of the model as a whole (OpenSSF Model Signing), verified here without a network. Pure.

A signature counts when it is mathematically right, covers exactly the files that are here under the names that they
have here, and the policy trusts its signer for this model at this time. Whatever is wrong about one that is present is
reported, whether one is required or not.
"""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from modelcustody_client import manifest

from governance.policy import signature as policy
from governance.policy.signature import Signer, SigningMethod
from registry.formats import certificates, model_signing, sigstore
from registry.formats.model_signing import Statement
from registry.formats.sigstore import BadSignature, Bundle, NotSupported
from registry.lifecycle import Severity
from registry.verification import signers
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Seen, Subject

MOST_SIGNATURES = 16
MOST_NAMED = 20


class State(StrEnum):
    """What is known of one signature; in evidence, so that admission can ask the policy of its own day."""

    VALID = "valid"  # right, over exactly these files, by a signer whose name is known
    PARTIAL = "partial"  # the same, but files that a model is loaded from are not covered
    UNVERIFIED = "unverified"  # nothing wrong was found, and nobody whom the policy trusts made it
    WRONG = "wrong"
    UNDECIDED = "undecided"


@dataclasses.dataclass(frozen=True, slots=True)
class Judgement:
    """What was found of one signature file; `doubt` says why the policy does not trust its signer."""

    path: str
    state: State
    words: str
    doubt: str = ""
    signer: Signer | None = None
    statement: Statement | None = None
    unsigned: tuple[str, ...] = ()

    @property
    def is_trusted(self) -> bool:
        """Whether this signature is one that was asked for."""
        return self.state is State.VALID and not self.doubt


def signatures(subject: Subject) -> Iterator[Finding]:
    """C4: the model is signed by somebody whom the policy trusts for it, or at least by nobody wrongly."""
    files = [file for file in subject.files() if sigstore.is_signature_name(file.path)]
    if not files:
        yield _missing(subject)
        return
    if len(files) > MOST_SIGNATURES:
        yield failed(
            f"{len(files)} files are named like signatures; more than {MOST_SIGNATURES} are not examined.",
            path=files[MOST_SIGNATURES].path,
            severity=Severity.HIGH,
        )
        files = files[:MOST_SIGNATURES]
    parsed = {file.path: _parsed(file) for file in files}
    # The format leaves other attestations out of what is signed, so that each stands by itself.
    bundles = {path for path, found in parsed.items() if isinstance(found, Bundle)}
    judged = [_judge(path, found, bundles, subject) for path, found in parsed.items()]
    is_settled = not subject.signature_required or any(one.is_trusted for one in judged)
    for one in judged:
        yield _finding(one, is_settled=is_settled)
        yield from _unsigned(one)


def _missing(subject: Subject) -> Finding:
    if subject.signature_required:
        return failed(
            "The policy requires a signature of this model, and it carries none.",
            severity=Severity.HIGH,
            signature="missing",
        )
    return skipped("The model carries no signature, and the policy does not require one.")


def _parsed(file: Seen) -> Bundle | Exception:
    if not file.is_whole:
        return NotSupported(f"it has {file.size} bytes, too many to be examined")
    try:
        return sigstore.parse_bundle(file.start)
    except (BadSignature, NotSupported) as error:
        return error


def _judge(path: str, found: Bundle | Exception, bundles: set[str], subject: Subject) -> Judgement:
    """Verify one signature, then hold what it says against the files."""
    try:
        if isinstance(found, Exception):
            raise found
        statement = model_signing.parse_statement(found.payload)
        made = signers.signer_of(found, subject.trusted, at=_time(subject.examined_on))
    except NotSupported as error:
        return Judgement(path, State.UNDECIDED, f"It cannot be verified here: {error}.")
    except (BadSignature, certificates.BadCertificate) as error:
        return Judgement(path, State.WRONG, f"The signature is malformed or forged: {error}.")
    covered = _Covered(path, statement, subject, beside=bundles)
    if covered.fault:
        return Judgement(path, State.WRONG, covered.fault, signer=made.signer, statement=statement)
    return _accept(path, made, covered, subject)


def _accept(path: str, made: signers.Made, covered: "_Covered", subject: Subject) -> Judgement:
    """What follows once the signature fits the files."""
    statement = covered.statement
    if made.signer is None:
        words = f"It fits the files, but who made it could not be verified: {made.doubt}."
        state = State.UNDECIDED if made.needs_network else State.UNVERIFIED
        return Judgement(path, state, words, doubt=made.doubt, statement=statement)
    doubt = made.doubt or policy.doubt(
        subject.trusted, made.signer, model=subject.model, at=_time(subject.examined_on)
    )
    bearing = [name for name in covered.unsigned if manifest.is_load_bearing(name)]
    state = State.PARTIAL if bearing else State.VALID
    who = _who(made.signer)
    words = f"Signed by {who}: all {len(statement.files)} files that it lists are here under their names, unchanged."
    if bearing:
        words = f"Signed by {who}, but the signature leaves out files that a model is loaded from: {_some(bearing)}."
    if doubt:
        words = f"{words} It does not count: {doubt}."
    return Judgement(
        path, state, words, doubt=doubt, signer=made.signer, statement=statement, unsigned=covered.unsigned
    )


class _Covered:
    """What a statement says, held against the files that are here.

    Paths count from the folder that was signed: the model's own, or the one that the signature lies in.
    """

    def __init__(self, path: str, statement: Statement, subject: Subject, *, beside: set[str]) -> None:
        self.statement = statement
        folder = "" if path in statement.ignored else path.rpartition("/")[0]
        self._base = f"{folder}/" if folder else ""
        listed = {self._base + name: digest for name, digest in statement.files.items()}
        if statement.is_one_file:
            listed = {self._base + statement.name: statement.files[model_signing.ONE_FILE]}
        here = {name: expected.sha256 for name, expected in subject.expected.items()}
        here |= {name: seen.sha256 for name, seen in subject.seen.items()}
        outside = set(here) - set(listed) - {path} - beside
        self.unsigned = tuple(sorted(name for name in outside if self._is_left_out(name)))
        self.fault = _differences(listed, here, added=outside - set(self.unsigned))

    def _is_left_out(self, name: str) -> bool:
        """Whether the signer never meant to sign this file, so that it is not one that was added later."""
        if self.statement.is_one_file or not name.startswith(self._base):
            return True
        return self.statement.ignores(name.removeprefix(self._base))


def _differences(listed: dict[str, str], here: dict[str, str], *, added: set[str]) -> str:
    """What of the signed files is not as it was signed, in words; empty where all is."""
    missing = sorted(set(listed) - set(here))
    changed = sorted(name for name in set(listed) & set(here) if listed[name] != here[name])
    parts = [
        f"{words}: {_some(names)}"
        for words, names in (
            ("not as it was signed", changed),
            ("signed, but not here", missing),
            ("here, but not signed", sorted(added)),
        )
        if names
    ]
    return f"The files are not those that were signed; {'; '.join(parts)}." if parts else ""


def _finding(one: Judgement, *, is_settled: bool) -> Finding:
    """One signature in the words and the weight that it has."""
    evidence = _evidence(one)
    if one.state is State.WRONG:
        return failed(one.words, path=one.path, **evidence)
    if one.state is State.UNDECIDED:
        return _undecided(one, evidence, is_settled=is_settled)
    if one.is_trusted:
        return passed(one.words, path=one.path, **evidence)
    # Somebody who is trusted and leaves out what is loaded may be relied on for more than was signed.
    counts = not is_settled or (one.state is State.PARTIAL and not one.doubt)
    severity = Severity.HIGH if counts else Severity.LOW
    return failed(one.words, path=one.path, severity=severity, **evidence)


def _undecided(one: Judgement, evidence: dict[str, Any], *, is_settled: bool) -> Finding:
    if not is_settled:
        words = f"{one.words} The policy requires a signature of this model that can be verified."
        return dataclasses.replace(undecided(words, path=one.path, **evidence), severity=Severity.HIGH)
    words = f"{one.words} Nothing requires it, so it stands in nobody's way; it never counts as a signature."
    return skipped(words, path=one.path, **evidence)


def _unsigned(one: Judgement) -> Iterator[Finding]:
    """Files that the signer left out and that nothing is loaded from: worth knowing, no more."""
    minor = [name for name in one.unsigned if not manifest.is_load_bearing(name)]
    for name in minor[:MOST_NAMED]:
        yield failed(
            f"The signature {one.path} does not cover this file: its signer left it out.",
            path=name,
            severity=Severity.INFO,
        )


def _evidence(one: Judgement) -> dict[str, Any]:
    """What admission needs to ask the policy of its own day, and what an auditor wants to know."""
    found: dict[str, Any] = {"signature": str(one.state)}
    if one.doubt:
        found["doubt"] = one.doubt
    if one.signer is not None:
        found["signer"] = dataclasses.asdict(one.signer)
    if one.statement is not None:
        found |= {
            "subject": one.statement.name,
            "root_digest": one.statement.root_digest,
            "files": len(one.statement.files),
            "unsigned": list(one.unsigned[:MOST_NAMED]),
        }
    return found


def _who(signer: Signer) -> str:
    if signer.method == SigningMethod.KEY:
        return f"the key {signer.fingerprint[:16]}"
    return ", ".join(signer.identities[:3]) or f"a certificate without a name ({signer.fingerprint[:16]})"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
