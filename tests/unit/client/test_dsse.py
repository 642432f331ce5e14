import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import dsse, ed25519, note

PRIVATE, NAME, KIND = bytes([5]) * 32, "custody.example/attestation", "application/vnd.test+json"
VKEY = note.make_vkey(NAME, public_key=ed25519.public_key_of(PRIVATE))
SIGNED = dsse.sign_envelope(b'{"a":1}', payload_type=KIND, name=NAME, private_key_bytes=PRIVATE)


def spoiled(**changes) -> bytes:
    return json.dumps({**json.loads(SIGNED), **changes}).encode()


def test_pae_is_that_of_the_specification():
    assert dsse.pae("http://example.com/HelloWorld", payload=b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_verify_envelope_returns_the_payload():
    assert dsse.verify_envelope(SIGNED, [VKEY], payload_type=KIND) == b'{"a":1}'


def test_verify_envelope_without_the_key_says_nothing():
    other = note.make_vkey(NAME, public_key=ed25519.public_key_of(bytes([6]) * 32))

    for keys in ([], [other]):
        with pytest.raises(dsse.EnvelopeUntrusted):
            dsse.verify_envelope(SIGNED, keys, payload_type=KIND)


def test_verify_envelope_refuses_another_type():
    with pytest.raises(dsse.EnvelopeInvalid, match="not text/plain"):
        dsse.verify_envelope(SIGNED, [VKEY], payload_type="text/plain")


def test_verify_envelope_refuses_a_bad_signature_beside_a_good_one():
    good = json.loads(SIGNED)["signatures"][0]
    bad = {**good, "sig": "AAAA"}

    with pytest.raises(dsse.EnvelopeInvalid, match="wrong"):
        dsse.verify_envelope(spoiled(signatures=[good, bad]), [VKEY], payload_type=KIND)
    unknown = {"keyid": "someone", "sig": "AAAA"}
    assert dsse.verify_envelope(spoiled(signatures=[good, unknown]), [VKEY], payload_type=KIND)


def test_verify_envelope_refuses_every_flipped_bit():
    for position in range(len(SIGNED) * 8):
        data = bytearray(SIGNED)
        data[position // 8] ^= 1 << position % 8
        with pytest.raises(dsse.EnvelopeInvalid):
            dsse.verify_envelope(bytes(data), [VKEY], payload_type=KIND)


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        spoiled(more=1),
        spoiled(payload="eyJ"),
        spoiled(payload=1),
        spoiled(payloadType=""),
        spoiled(signatures=[]),
        spoiled(signatures={}),
        spoiled(signatures=[[]]),
        spoiled(signatures=[{"keyid": 1, "sig": ""}]),
        spoiled(signatures=[{"keyid": "a"}]),
        spoiled(signatures=[{"keyid": "a", "sig": "AAAA"}] * 65),
        SIGNED[:-1] + b',"payload":""}',
    ],
)
def test_parse_envelope_refuses(data):
    with pytest.raises(dsse.EnvelopeInvalid):
        dsse.parse_envelope(data)


@given(st.binary())
def test_parse_envelope_raises_nothing_but_its_own_error(data):
    with pytest.raises(dsse.EnvelopeInvalid):
        dsse.parse_envelope(data)
