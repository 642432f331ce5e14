"""DSSE envelopes with Ed25519 signatures: signing, parsing, verifying. Pure.

A signature's `keyid` is `name+keyid` of its verification key, and must name a trusted key to count.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from modelcustody_client import canonical, ed25519, encoding, errors, note

MAX_ENVELOPE_BYTES = 32 * 1024 * 1024
MAX_SIGNATURES = 64


class EnvelopeInvalid(errors.Refused):
    """The envelope is malformed, of another type, or a signature of a known key is wrong."""

    code = "envelope_invalid"


class EnvelopeUntrusted(EnvelopeInvalid):
    """The envelope is well formed, but none of the given keys signed it."""

    code = "envelope_untrusted"


@dataclasses.dataclass(frozen=True)
class EnvelopeSignature:
    """One signature and the id of the key that says to have made it."""

    keyid: str
    signature: bytes


@dataclasses.dataclass(frozen=True)
class Envelope:
    """A parsed envelope; its payload means nothing until a signature is verified."""

    payload_type: str
    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]


def pae(payload_type: str, *, payload: bytes) -> bytes:
    """Return the pre-authentication encoding: the bytes that are signed."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def keyid_of(vkey: note.Vkey) -> str:
    """Return the `keyid` by which an envelope names a key."""
    return f"{vkey.name}+{vkey.key_id.hex()}"


def parse_envelope(data: bytes) -> Envelope:
    """Parse the JSON form of an envelope, with exactly the fields of the DSSE protocol."""
    try:
        value = canonical.loads(data, max_bytes=MAX_ENVELOPE_BYTES)
    except canonical.NotCanonical as error:
        raise EnvelopeInvalid(f"the envelope is not strict JSON: {error}") from None
    if not isinstance(value, dict) or set(value) != {"payload", "payloadType", "signatures"}:
        raise EnvelopeInvalid("an envelope has payload, payloadType and signatures")
    if not isinstance(value["payloadType"], str) or not value["payloadType"]:
        raise EnvelopeInvalid("payloadType is not text")
    signatures = value["signatures"]
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise EnvelopeInvalid(f"an envelope has 1 to {MAX_SIGNATURES} signatures")
    return Envelope(
        value["payloadType"],
        _bytes(value["payload"], what="payload"),
        tuple(_parse_signature(item) for item in signatures),
    )


def verify_envelope(data: bytes, vkeys: Iterable[note.Vkey], *, payload_type: str) -> bytes:
    """Return the payload of an envelope of this type that one of the given keys signed."""
    envelope = parse_envelope(data)
    if envelope.payload_type != payload_type:
        raise EnvelopeInvalid(f"the envelope holds {envelope.payload_type}, not {payload_type}")
    known = {keyid_of(vkey): vkey for vkey in vkeys}
    message = pae(envelope.payload_type, payload=envelope.payload)
    is_signed = False
    for item in envelope.signatures:
        vkey = known.get(item.keyid)
        if vkey is None:
            continue
        if not ed25519.verify(public_key=vkey.public_key, signature=item.signature, message=message):
            raise EnvelopeInvalid(f"the signature of {item.keyid} is wrong")
        is_signed = True
    if not is_signed:
        signers = ", ".join(sorted({repr(item.keyid) for item in envelope.signatures}))
        raise EnvelopeUntrusted(f"no trusted key signed this envelope (signed by: {signers})")
    return envelope.payload


def sign_envelope(payload: bytes, *, payload_type: str, name: str, private_key_bytes: bytes) -> bytes:
    """Return the canonical JSON of an envelope with one signature."""
    vkey = note.make_vkey(name, public_key=ed25519.public_key_of(private_key_bytes))
    signature = ed25519.sign(private_key=private_key_bytes, message=pae(payload_type, payload=payload))
    return canonical.dumps(
        {
            "payload": encoding.encode_base64(payload),
            "payloadType": payload_type,
            "signatures": [{"keyid": keyid_of(vkey), "sig": encoding.encode_base64(signature)}],
        }
    )


def _parse_signature(value: Any) -> EnvelopeSignature:
    if not isinstance(value, dict) or set(value) != {"keyid", "sig"} or not isinstance(value["keyid"], str):
        raise EnvelopeInvalid("a signature has keyid and sig")
    return EnvelopeSignature(value["keyid"], _bytes(value["sig"], what="sig"))


def _bytes(value: Any, *, what: str) -> bytes:
    data = encoding.decode_base64(value) if isinstance(value, str) else None
    if data is None:
        raise EnvelopeInvalid(f"{what} is not canonical base64")
    return data
