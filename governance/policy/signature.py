"""Who may sign which models: the trust that a policy states, and what it says of a signer. Pure.

Keys and certificates are those of OpenSSF Model Signing: elliptic curves P-256, P-384 and P-521.
"""

import functools
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from governance.fields import Fields

MAX_SIGNERS = 256
MAX_PATTERNS = 256
MAX_PEM = 16 * 1024
MAX_IDENTITY = 500
CURVES = ("secp256r1", "secp384r1", "secp521r1")
_PATTERN = re.compile(r"\*|[A-Za-z0-9_][A-Za-z0-9._-]{0,199}/(?:\*|[A-Za-z0-9_][A-Za-z0-9._-]{0,199})")
_ONE_CERTIFICATE = re.compile(
    r"\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*", re.ASCII
)


class SigningMethod(StrEnum):
    """How a signature names its maker (OpenSSF Model Signing)."""

    KEY = "key"
    CERTIFICATE = "certificate"


@dataclass(frozen=True)
class TrustedSigner:
    """One key or identity, trusted for the models of one publisher for some time."""

    models: str  # publisher/*, publisher/name, or * for every model
    method: SigningMethod
    public_key: str = ""  # PEM; for keys
    authority: str = ""  # PEM of the certificate authority; for certificates
    identity: str = ""  # e-mail, URI or DNS name in the certificate's subject alternative names
    not_before: str = ""  # RFC 3339; empty for no limit
    not_after: str = ""


@dataclass(frozen=True)
class Signer:
    """Who made a signature that was found to be right; plain values, so that evidence can hold it.

    Fingerprints are SHA-256 of a subjectPublicKeyInfo, in hexadecimal; the times are those within which every
    certificate of the chain is valid, empty for keys.
    """

    method: str
    fingerprint: str
    authority: str = ""
    identities: tuple[str, ...] = ()
    not_before: str = ""
    not_after: str = ""


@dataclass(frozen=True)
class SignaturePolicy:
    """Which models need a signature, and whose counts."""

    required: bool
    required_models: tuple[str, ...] = ()
    trusted: tuple[TrustedSigner, ...] = ()

    def is_required(self, model: str) -> bool:
        """Whether a model (publisher/name) must carry a signature that is trusted."""
        return self.required or any(covers(pattern, model) for pattern in self.required_models)

    def doubt(self, signer: Signer, *, model: str, at: datetime | None) -> str:
        """Why a signer is not trusted for a model at a time, in words; empty where it is trusted."""
        return doubt(self.trusted, signer, model=model, at=at)


def covers(pattern: str, model: str) -> bool:
    """Whether a pattern of a policy means a model, in any letter case."""
    return fnmatchcase(model.casefold(), pattern.casefold())


def doubt(trusted: tuple[TrustedSigner, ...], signer: Signer, *, model: str, at: datetime | None) -> str:
    """Why none of the trusted signers is this one, in words; empty where one is.

    Without a time, nothing that has a beginning or an end is trusted.
    """
    if not within(at, signer.not_before, signer.not_after):
        return "its certificate is not valid at this time"
    named = [one for one in trusted if _is_same(one, signer)]
    if not named:
        return "the policy does not name this signer"
    here = [one for one in named if covers(one.models, model)]
    if not here:
        return f"the policy trusts this signer for {named[0].models} and not for {model or 'a model without a name'}"
    if not any(within(at, one.not_before, one.not_after) for one in here):
        return "the policy does not trust this signer at this time"
    return ""


def within(at: datetime | None, not_before: str, not_after: str) -> bool:
    """Whether a time lies within two others, both included; either may be empty for no limit."""
    if at is None:
        return not (not_before or not_after)
    return not (
        (not_before and at < datetime.fromisoformat(not_before))
        or (not_after and at > datetime.fromisoformat(not_after))
    )


def _is_same(one: TrustedSigner, signer: Signer) -> bool:
    if one.method != signer.method:
        return False
    if one.method is SigningMethod.KEY:
        return key_fingerprint(one.public_key) == signer.fingerprint
    return authority_fingerprint(one.authority) == signer.authority and one.identity in signer.identities


@functools.lru_cache(maxsize=4 * MAX_SIGNERS)
def key_fingerprint(pem: str) -> str:
    """The fingerprint of a public key."""
    return fingerprint(load_key(pem))


@functools.lru_cache(maxsize=4 * MAX_SIGNERS)
def authority_fingerprint(pem: str) -> str:
    """The fingerprint of a certificate authority's key."""
    return fingerprint(load_authority(pem).public_key())


def fingerprint(key: PublicKeyTypes) -> str:
    """SHA-256 of the key's subjectPublicKeyInfo, in hexadecimal."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def load_key(pem: str) -> ec.EllipticCurvePublicKey:
    """A public key of a curve that model signatures are made with; raises `ValueError` with words."""
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is not a public key in PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise ValueError(
            "must be an elliptic curve key, P-256, P-384 or P-521: model signatures know no other"
        )
    return key


def load_authority(pem: str) -> x509.Certificate:
    """The certificate of an authority that may issue others; raises `ValueError` with words."""
    if not _ONE_CERTIFICATE.fullmatch(pem):
        raise ValueError("must be exactly one certificate in PEM")
    try:
        found = x509.load_pem_x509_certificate(pem.encode("ascii"))
        constraints = found.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
        found.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        found.public_key()
    except x509.ExtensionNotFound as missing:
        raise ValueError(f"is not the certificate of an authority: it has no {missing.oid._name}") from None  # noqa: SLF001 - the only readable name
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion):
        raise ValueError("is not a certificate in PEM") from None
    if not constraints.ca or not usage.key_cert_sign:
        raise ValueError("is not the certificate of an authority: it may not issue certificates")
    return found


def parse(section: Fields) -> SignaturePolicy:
    """What the section `[signature]` states; documents from before signers could be trusted trust none."""
    policy = SignaturePolicy(
        required=section.flag("required"),
        required_models=_patterns(section),
        trusted=tuple(_signers(section)),
    )
    section.done()
    return policy


def _patterns(section: Fields) -> tuple[str, ...]:
    found = section.texts("required_models")
    if len(found) > MAX_PATTERNS:
        raise section.fail("required_models", f"must name at most {MAX_PATTERNS} patterns")
    for index, pattern in enumerate(found):
        if not _PATTERN.fullmatch(pattern):
            raise section.fail(f"required_models[{index}]", _PATTERN_WORDS)
    return found


_PATTERN_WORDS = 'must be "publisher/name", "publisher/*" or "*"'


def _signers(section: Fields) -> Iterator[TrustedSigner]:
    for index, table in enumerate(section.tables("trusted")):
        if index >= MAX_SIGNERS:
            raise section.fail("trusted", f"must name at most {MAX_SIGNERS} signers")
        yield _signer(table)


def _signer(table: Fields) -> TrustedSigner:
    models = table.text("models")
    if not _PATTERN.fullmatch(models):
        raise table.fail("models", _PATTERN_WORDS)
    method = table.choice("method", SigningMethod)
    is_key = method is SigningMethod.KEY
    for key in ("authority", "identity") if is_key else ("public_key",):
        if table.has(key):
            raise table.fail(key, f'does not belong to method = "{method}"')
    signer = TrustedSigner(
        models=models,
        method=method,
        public_key=_pem(table, "public_key") if is_key else "",
        authority="" if is_key else _pem(table, "authority"),
        identity="" if is_key else _identity(table),
        not_before=_time(table, "not_before"),
        not_after=_time(table, "not_after"),
    )
    begin, end = signer.not_before, signer.not_after
    if begin and end and datetime.fromisoformat(end) <= datetime.fromisoformat(begin):
        raise table.fail("not_after", "must be later than not_before")
    table.done()
    return signer


def _pem(table: Fields, key: str) -> str:
    value = table.raw(key)
    if not isinstance(value, str):
        raise table.fail(key, "is required, as a text in PEM")
    if len(value) > MAX_PEM or not value.isascii():
        raise table.fail(key, f"must be PEM of at most {MAX_PEM} characters")
    try:
        if key == "public_key":
            load_key(value)
        else:
            load_authority(value)
    except ValueError as problem:
        raise table.fail(key, str(problem)) from None
    return value


def _identity(table: Fields) -> str:
    value = table.text("identity")
    if len(value) > MAX_IDENTITY or not value.isascii() or any(mark.isspace() for mark in value):
        raise table.fail(
            "identity", f"must be an e-mail address, URI or DNS name of at most {MAX_IDENTITY} characters"
        )
    return value


def _time(table: Fields, key: str) -> str:
    """A time with its zone, as TOML writes times or as RFC 3339 text; empty for none."""
    value = table.raw(key)
    if value is None:
        return ""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        pass
    raise table.fail(key, "must be a time with its zone, like 2027-01-31T00:00:00Z")
