"""Folders that are signed, and what C4 says of them; no disk."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from governance.policy.signature import SigningMethod, TrustedSigner
from registry.lifecycle import Outcome, Severity
from registry.verification.outcomes import CheckOutcome
from registry.verification.subject import Subject
from tests import signing, subjects
from tests.signing import NOW

KEY, STRANGER = signing.key(), signing.key()
FILES = {
    "config.json": b"{}",
    "model-00001-of-00002.safetensors": b"weights one",
    "model-00002-of-00002.safetensors": b"weights two",
    "tokenizer/vocab.json": b'{"a": 1}',
    "README.md": b"# A model",
}
CRITICAL = (Outcome.FAIL, Severity.CRITICAL)
HIGH = (Outcome.FAIL, Severity.HIGH)
LOW = (Outcome.FAIL, Severity.LOW)
PASS = (Outcome.PASS, Severity.CRITICAL)
SKIP = (Outcome.SKIP, Severity.LOW)
ERROR = (Outcome.ERROR, Severity.HIGH)
TRUSTED = TrustedSigner("acme/*", SigningMethod.KEY, public_key=signing.public_pem(KEY))


def subject(
    files: Mapping[str, bytes], *, trusted: tuple[TrustedSigner, ...] = (TRUSTED,), **given: Any
) -> Subject:
    """A folder with these files, examined at a fixed time under a policy that trusts these signers."""
    fields = {"model": "acme/model", "examined_on": NOW.isoformat(), "trusted": trusted}
    return subjects.subject(dict(files), **(fields | given))


def check(files: Mapping[str, bytes], **given: Any) -> list[CheckOutcome]:
    """The outcomes of C4, by path."""
    return list(subjects.outcomes("C4-signature", subject(files, **given)).values())


def verdict(files: Mapping[str, bytes], **given: Any) -> tuple[Outcome, Severity]:
    """Outcome and severity of the signature `model.sig`, or where there is none of the model."""
    found = {one.finding.path: one for one in check(files, **given)}
    one = found.get("model.sig") or found[""]
    return one.finding.outcome, one.severity


def signed(files: Mapping[str, bytes] = FILES, private: Any = KEY, **given: Any) -> dict[str, bytes]:
    return {**files, "model.sig": signing.signed(files, private, **given)}


def bundled(value: Any) -> dict[str, bytes]:
    return {**FILES, "model.sig": json.dumps(value).encode()}


@functools.cache
def root() -> signing.Issued:
    return signing.authority(days=(-1000, 1000))


def trust(issued: signing.Issued | None = None, **given: Any) -> TrustedSigner:
    fields = {"models": "acme/*", "authority": (issued or root()).pem, "identity": signing.IDENTITY} | given
    return TrustedSigner(method=SigningMethod.CERTIFICATE, **fields)


def by(leaf: signing.Issued, *above: signing.Issued, files: Mapping[str, bytes] = FILES) -> dict[str, bytes]:
    """The files, signed by the leaf with the certificates above it."""
    chain = (leaf.certificate, *(one.certificate for one in above))
    return signed(files, leaf.private, chain=chain)
