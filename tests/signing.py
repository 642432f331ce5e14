"""Signatures of model folders for tests: keys, a small authority, and bundles in the form of OpenSSF Model Signing."""

import base64
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
GIT = (".git", ".gitattributes", ".github", ".gitignore")
IDENTITY = "release@acme.example"
HASHES = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}


def key(curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def public_pem(private: Any) -> str:
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(private: Any) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pae(payload: bytes, kind: str = PAYLOAD_TYPE) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def statement(
    files: Mapping[str, bytes],
    *,
    ignored: tuple[str, ...] = (*GIT, "model.sig"),
    name: str = "m",
    **changes: Any,
) -> dict[str, Any]:
    """What is signed of these files; `changes` replace members of the predicate's serialization."""
    resources = [
        {"name": path, "algorithm": "sha256", "digest": hashlib.sha256(data).hexdigest()}
        for path, data in sorted(files.items())
        if path not in ignored
    ]
    root = hashlib.sha256(b"".join(bytes.fromhex(item["digest"]) for item in resources)).hexdigest()
    serialization_ = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": False,
        "ignore_paths": list(ignored),
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {"serialization": serialization_ | changes, "resources": resources},
    }


def rooted(value: dict[str, Any]) -> dict[str, Any]:
    """The statement with the root digest that its list of files has now."""
    digests = (bytes.fromhex(item["digest"]) for item in value["predicate"]["resources"])
    value["subject"][0]["digest"]["sha256"] = hashlib.sha256(b"".join(digests)).hexdigest()
    return value


def bundle(
    payload: dict[str, Any] | bytes,
    private: ec.EllipticCurvePrivateKey,
    *,
    chain: tuple[x509.Certificate, ...] = (),
) -> dict[str, Any]:
    """A signed bundle that names a key, or the certificates of a chain."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = private.sign(pae(raw), ec.ECDSA(HASHES[private.curve.name]))
    material: dict[str, Any] = {
        "publicKey": {"hint": hashlib.sha256(public_pem(private).encode()).hexdigest()},
        "tlogEntries": [],
    }
    if chain:
        ders = [one.public_bytes(serialization.Encoding.DER) for one in chain]
        certificates = [{"rawBytes": base64.b64encode(der).decode()} for der in ders]
        material = {"x509CertificateChain": {"certificates": certificates}, "tlogEntries": []}
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": material,
        "dsseEnvelope": {
            "payload": base64.b64encode(raw).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def signed(files: Mapping[str, bytes], private: ec.EllipticCurvePrivateKey, **given: Any) -> bytes:
    """A signature file over these files."""
    chain = given.pop("chain", ())
    return json.dumps(bundle(statement(files, **given), private, chain=chain)).encode()


@dataclasses.dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    private: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def authority(
    name: str = "Acme root", *, issuer: Issued | None = None, is_authority: bool = True, **given: Any
) -> Issued:
    """A certificate authority: a root, or one below `issuer`."""
    extensions = [
        (x509.BasicConstraints(ca=is_authority, path_length=None), True),
        (_usage(key_cert_sign=is_authority, crl_sign=is_authority), True),
    ]
    extensions += [(x509.ExtendedKeyUsage(given.pop("uses")), False)] if "uses" in given else []
    extensions += given.pop("more", [])
    return _issue(name, issuer=issuer, extensions=extensions, **given)


def leaf(issuer: Issued | None, **given: Any) -> Issued:
    """A certificate of a signer: for signing code, with a name, valid for a month around NOW."""
    uses = given.pop("uses", (ExtendedKeyUsageOID.CODE_SIGNING,))
    names = given.pop("names", (x509.RFC822Name(IDENTITY),))
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(digital_signature=given.pop("digital_signature", True)), True),
    ]
    extensions += [(x509.ExtendedKeyUsage(uses), False)] if uses else []
    extensions += [(x509.SubjectAlternativeName(names), False)] if names else []
    extensions += given.pop("more", [])
    return _issue("Acme release", issuer=issuer, extensions=extensions, **given)


def _issue(
    name: str,
    *,
    issuer: Issued | None,
    extensions: list[tuple[x509.ExtensionType, bool]],
    days: tuple[int, int] = (-15, 15),
    private: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:
    private = private or key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer.private if issuer else private
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return Issued(builder.sign(signer, hashes.SHA256()), private)


def _usage(**given: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})
