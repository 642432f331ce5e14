"""Certificates of model signers: held against one authority, for signing code, at one time. Pure.

Path building and the checks of RFC 5280 are `cryptography`'s; what a signer's certificate must show beside them is
here. No authority of the operating system is ever asked.
"""

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

T = TypeVar("T", bound=x509.ExtensionType)
MAX_CHAIN = 5
# What reading hostile certificates can raise.
_FAULTS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    verification.VerificationError,
    CryptographyDeprecationWarning,
)


class BadCertificate(ValueError):
    """A certificate cannot be read."""

    code = "certificate_malformed"


class NotAnchored(ValueError):
    """The certificates do not lead to the authority, or may not sign models; the message says why."""

    code = "certificate_not_accepted"


@dataclasses.dataclass(frozen=True, slots=True)
class Validity:
    """The time within which every certificate of a chain is valid."""

    not_before: datetime
    not_after: datetime


def load(ders: Sequence[bytes]) -> list[x509.Certificate]:
    """The certificates; raises `BadCertificate`."""
    try:
        with _strictly():
            return [x509.load_der_x509_certificate(der) for der in ders]
    except _FAULTS as error:
        raise BadCertificate(f"a certificate cannot be read: {str(error)[:120]}") from None


def identities(leaf: x509.Certificate) -> tuple[str, ...]:
    """E-mail addresses, URIs and DNS names among the subject's alternative names; the common name never counts."""
    try:
        with _strictly():
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except _FAULTS as error:
        raise BadCertificate(f"the names of the certificate cannot be read: {str(error)[:120]}") from None
    kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    found = [name.value for name in names if isinstance(name, kinds)]
    return tuple(sorted(set(found)))


def anchored(chain: Sequence[x509.Certificate], authority: x509.Certificate, *, at: datetime) -> Validity:
    """When the path from the first certificate to the authority is valid; raises `NotAnchored`."""
    leaf = chain[0]
    _refuse_times(leaf, at)
    try:
        with _strictly():
            _refuse_uses(leaf)
            path = _path(leaf, chain[1:], authority, at=at)
    except NotAnchored:
        raise
    except _FAULTS as error:
        raise NotAnchored(f"its certificate does not lead to the authority: {str(error)[:160]}") from None
    return Validity(
        max(one.not_valid_before_utc for one in path), min(one.not_valid_after_utc for one in path)
    )


def _path(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], authority: x509.Certificate, *, at: datetime
) -> list[x509.Certificate]:
    """The certificates from the signer's to the authority's, each issued by the next."""
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([authority]))
        .time(at)
        .max_chain_depth(MAX_CHAIN)
        # Of the signer's own certificate, `_refuse_uses` has looked at the uses.
        .extension_policies(ca_policy=_issuers(), ee_policy=verification.ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    return verifier.verify(leaf, list(others)).chain


def _issuers() -> verification.ExtensionPolicy:
    """What every authority of a path must show; the library's own rule on uses is about clients of TLS."""
    return verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, verification.Criticality.AGNOSTIC, _refuse_narrow_issuer
    )


def _refuse_narrow_issuer(
    _policy: verification.Policy, _certificate: x509.Certificate, uses: x509.ExtendedKeyUsage | None
) -> None:
    allowed = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if uses is not None and not allowed & set(uses):
        raise ValueError("an authority in its chain may not issue certificates for signing code")


@contextmanager
def _strictly() -> Iterator[None]:
    """What the library merely warns of, and will refuse one day, is refused now."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        yield


def _refuse_times(leaf: x509.Certificate, at: datetime) -> None:
    if at < leaf.not_valid_before_utc:
        raise NotAnchored(
            f"its certificate is not valid before {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        )
    if at > leaf.not_valid_after_utc:
        raise NotAnchored(f"its certificate expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")


def _refuse_uses(leaf: x509.Certificate) -> None:
    """Refuse a certificate that is not for signing code, or that is an authority's."""
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise NotAnchored("its certificate is that of an authority, not of a signer")
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        raise NotAnchored("its certificate may not be used for signatures (key usage)")
    extended = _extension(leaf, x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.CODE_SIGNING not in extended:
        raise NotAnchored("its certificate is not for signing code (extended key usage)")


def _extension(certificate: x509.Certificate, kind: type[T]) -> T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
