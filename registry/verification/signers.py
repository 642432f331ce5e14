"""Who made a signature: the keys and authorities of the policy are tried, and no others. Pure."""

import dataclasses
import hashlib
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from governance.policy.signature import (
    CURVES,
    Signer,
    SigningMethod,
    TrustedSigner,
    authority_fingerprint,
    fingerprint,
    load_authority,
    load_key,
)
from registry.formats import certificates
from registry.formats.sigstore import BadSignature, Bundle, NotSupported

# The hash that goes with each size of key (OpenSSF Model Signing takes that of the Sigstore specifications).
HASHES: dict[int, hashes.HashAlgorithm] = {
    256: hashes.SHA256(),
    384: hashes.SHA384(),
    521: hashes.SHA512(),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Made:
    """By whom a signature was made; without a signer, `doubt` says why nobody is known."""

    signer: Signer | None = None
    doubt: str = ""
    needs_network: bool = False


def signer_of(bundle: Bundle, trusted: Sequence[TrustedSigner], *, at: datetime | None) -> Made:
    """Verify the signature; raises `BadSignature` where it is wrong, `NotSupported` where it cannot be verified."""
    if bundle.certificates:
        return _by_certificate(bundle, trusted, at=at)
    return _by_key(bundle, trusted)


def _by_key(bundle: Bundle, trusted: Sequence[TrustedSigner]) -> Made:
    """The policy's key that the bundle names; where it names none, the one that fits."""
    pems = dict.fromkeys(one.public_key for one in trusted if one.method is SigningMethod.KEY)
    for pem in pems:
        key = load_key(pem)
        if bundle.key_hint and bundle.key_hint != hint_of(key):
            continue
        if is_right(bundle, key):
            return Made(Signer(SigningMethod.KEY, fingerprint(key)))
        if bundle.key_hint:
            raise BadSignature("the key that it names, which the policy knows, did not make it")
    named = f"the policy knows no key with the hint {bundle.key_hint}" if bundle.key_hint else ""
    return Made(doubt=named or "no key of the policy made it, and it names none")


def hint_of(key: ec.EllipticCurvePublicKey) -> str:
    """How a bundle names a key: the SHA-256 of its PEM, in hexadecimal."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(pem).hexdigest()


def _by_certificate(bundle: Bundle, trusted: Sequence[TrustedSigner], *, at: datetime | None) -> Made:
    """The signer's certificate, held against each authority of the policy."""
    chain = certificates.load(bundle.certificates)
    key = _key_of(chain[0])
    names = certificates.identities(chain[0])
    if not is_right(bundle, key):
        raise BadSignature("the key of its own certificate did not make it")
    pems = list(dict.fromkeys(one.authority for one in trusted if one.method is SigningMethod.CERTIFICATE))
    if at is None or not pems:
        return _unanchored(bundle, "the policy names no authority that could stand for it")
    faults = []
    for pem in pems:
        try:
            validity = certificates.anchored(chain, load_authority(pem), at=at)
        except certificates.NotAnchored as error:
            faults.append(str(error))
            continue
        return Made(
            Signer(
                SigningMethod.CERTIFICATE,
                fingerprint(key),
                authority=authority_fingerprint(pem),
                identities=names,
                not_before=validity.not_before.isoformat(),
                not_after=validity.not_after.isoformat(),
            )
        )
    return _unanchored(bundle, faults[0])


def _unanchored(bundle: Bundle, doubt: str) -> Made:
    """A certificate of no authority of the policy; those that Sigstore issues for minutes need its log as well."""
    if bundle.is_logged:
        words = (
            "it rests on Sigstore's transparency log and authority, which are not asked here; "
            "sign with a key or a certificate of your own"
        )
        return Made(doubt=words, needs_network=True)
    return Made(doubt=doubt)


def _key_of(leaf: x509.Certificate) -> ec.EllipticCurvePublicKey:
    try:
        key = leaf.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise certificates.BadCertificate("the key of its certificate cannot be read") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise NotSupported("the key of its certificate is not an elliptic curve key P-256, P-384 or P-521")
    return key


def is_right(bundle: Bundle, key: ec.EllipticCurvePublicKey) -> bool:
    """Whether the key made the signature."""
    try:
        key.verify(bundle.signature, bundle.signed, ec.ECDSA(HASHES[key.curve.key_size]))
    except InvalidSignature:
        return False
    return True
