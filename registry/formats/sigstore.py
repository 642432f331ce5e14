"""Sigstore bundles of version 0.3: a DSSE envelope, and how its signer is named. Pure.

Only parses: nothing here is true until a signature over `Bundle.signed` has been verified. Strict where the format
leaves room: one signature, one signer, canonical base64, no member twice.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from modelcustody_client import canonical, dsse, encoding

MAX_BYTES = 16 * 1024 * 1024
MAX_CERTIFICATES = 10
MAX_CERTIFICATE_BYTES = 16 * 1024
MAX_SIGNATURE_BYTES = 512
START = 4096
SUFFIXES = (".sig", ".sigstore", ".sigstore.json")
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
_HINT = re.compile(r"[\x21-\x7e]{1,200}")


class BadSignature(ValueError):
    """The file says that it is a model signature, and is malformed or contradicts itself."""

    code = "signature_malformed"


class NotSupported(ValueError):
    """The file is, or may be, a signature of a kind that is not verified here; the message says which."""

    code = "signature_not_supported"


@dataclasses.dataclass(frozen=True, slots=True)
class Bundle:
    """A parsed signature file.

    `certificates` are DER, the signer's first; with none, `key_hint` may name the key.
    """

    payload: bytes
    signature: bytes
    key_hint: str = ""
    certificates: tuple[bytes, ...] = ()
    is_logged: bool = False  # has entries of a transparency log

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over: DSSE's pre-authentication encoding."""
        return dsse.pae(PAYLOAD_TYPE, payload=self.payload)


def is_signature_name(path: str) -> bool:
    """Whether a file's name says that it is a signature."""
    return path.lower().endswith(SUFFIXES)


def parse_bundle(data: bytes) -> Bundle:
    """The envelope and how its signer is named; raises `BadSignature` or `NotSupported`."""
    if not data[:START].lstrip().startswith(b"{"):
        raise NotSupported("it is not a Sigstore bundle, the form of model signatures")
    if len(data) > MAX_BYTES:
        raise BadSignature(f"it has {len(data)} bytes, more than the {MAX_BYTES} that are read")
    value = read_json(data, what="the file")
    kind = value.get("mediaType")
    if kind is None and not {"dsseEnvelope", "verificationMaterial"} & set(value):
        raise NotSupported("it is JSON, but no Sigstore bundle, the form of model signatures")
    if not isinstance(kind, str):
        raise BadSignature("it does not say which kind of bundle it is")
    if kind != BUNDLE_TYPE:
        raise NotSupported(f"it is of the kind {ascii(kind)[:120]}; only Sigstore bundles of version 0.3 are")
    if value.get("messageSignature") is not None:
        raise NotSupported("it signs one blob and not the files of a model")
    envelope = members(value, "dsseEnvelope", of="the bundle")
    material = members(value, "verificationMaterial", of="the bundle")
    _only(value, {"mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"}, of="the bundle")
    return Bundle(
        payload=_payload(envelope),
        signature=_signature(envelope),
        **_signer(material),
    )


def _payload(envelope: Mapping[str, Any]) -> bytes:
    _only(envelope, {"payload", "payloadType", "signatures"}, of="the envelope")
    if envelope.get("payloadType") != PAYLOAD_TYPE:
        raise BadSignature(f"the envelope's payload is not of the type {PAYLOAD_TYPE}")
    return _base64(envelope.get("payload"), what="the payload", most=MAX_BYTES)


def _signature(envelope: Mapping[str, Any]) -> bytes:
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
        raise BadSignature("the envelope does not hold exactly one signature")
    _only(signatures[0], {"sig", "keyid"}, of="the signature")
    return _base64(signatures[0].get("sig"), what="the signature", most=MAX_SIGNATURE_BYTES)


def _signer(material: Mapping[str, Any]) -> dict[str, Any]:
    _only(
        material,
        {"publicKey", "x509CertificateChain", "certificate", "tlogEntries", "timestampVerificationData"},
        of="the verification material",
    )
    named = [
        name
        for name in ("publicKey", "x509CertificateChain", "certificate")
        if material.get(name) is not None
    ]
    if len(named) != 1:
        raise BadSignature("the bundle must name its signer in exactly one way: by a key or by certificates")
    entries = material.get("tlogEntries")
    if entries is not None and not isinstance(entries, list):
        raise BadSignature("tlogEntries is not a list")
    is_logged = bool(entries)
    if named == ["publicKey"]:
        return {"key_hint": _hint(members(material, "publicKey", of="the material")), "is_logged": is_logged}
    chain: Any = [material.get("certificate")]
    if named == ["x509CertificateChain"]:
        chain = members(material, "x509CertificateChain", of="the material").get("certificates")
    if not isinstance(chain, list) or not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise BadSignature(f"the chain must hold 1 to {MAX_CERTIFICATES} certificates")
    return {"certificates": tuple(_certificate(item) for item in chain), "is_logged": is_logged}


def _hint(key: Mapping[str, Any]) -> str:
    hint = key.get("hint") or ""
    if not isinstance(hint, str) or (hint and not _HINT.fullmatch(hint)):
        raise BadSignature("the hint of the key is not a plain text")
    return hint


def _certificate(value: Any) -> bytes:
    if not isinstance(value, dict) or set(value) != {"rawBytes"}:
        raise BadSignature("a certificate must have rawBytes and nothing else")
    return _base64(value["rawBytes"], what="a certificate", most=MAX_CERTIFICATE_BYTES)


def read_json(data: bytes, *, what: str) -> dict[str, Any]:
    """A JSON object, strictly; raises `BadSignature`."""
    try:
        value = canonical.loads(data, max_bytes=MAX_BYTES)
    except canonical.NotCanonical as error:
        raise BadSignature(f"{what} is not JSON that can be relied on: {str(error)[:160]}") from None
    if not isinstance(value, dict):
        raise BadSignature(f"{what} is not a JSON object")
    return value


def members(value: Mapping[str, Any], name: str, *, of: str) -> dict[str, Any]:
    """A member that is an object; raises `BadSignature`."""
    found = value.get(name)
    if not isinstance(found, dict):
        raise BadSignature(f"{of} has no {name}")
    return found


def _only(value: Mapping[str, Any], names: set[str], *, of: str) -> None:
    unknown = sorted(set(value) - names)
    if unknown:
        raise BadSignature(f"{of} has a member that the format does not know: {ascii(unknown[0])[:80]}")


def _base64(value: Any, *, what: str, most: int) -> bytes:
    found = encoding.decode_base64(value) if isinstance(value, str) else None
    if found is None or not 1 <= len(found) <= most:
        raise BadSignature(f"{what} is not canonical base64 of 1 to {most} bytes")
    return found
