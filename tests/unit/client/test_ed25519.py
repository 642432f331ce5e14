import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import ed25519

# RFC 8032, section 7.1: tests 1, 2, 3 and "SHA(abc)"
VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493
WAYS = [ed25519.verify, ed25519.verify_plain]
both = pytest.mark.parametrize("verify", WAYS)


@both
@pytest.mark.parametrize(("private", "public", "message", "signature"), VECTORS)
def test_verify_of_the_vectors_of_the_standard(verify, private, public, message, signature):
    key, data, signed = (bytes.fromhex(text) for text in (public, message, signature))

    assert ed25519.public_key_of(bytes.fromhex(private)) == key
    assert ed25519.sign(private_key=bytes.fromhex(private), message=data) == signed
    assert verify(public_key=key, signature=signed, message=data)
    assert not verify(public_key=key, signature=signed, message=data + b"x")


@both
def test_verify_refuses_a_scalar_that_is_not_reduced(verify):
    key, data, signed = (bytes.fromhex(text) for text in VECTORS[0][1:])
    scalar = int.from_bytes(signed[32:], "little") + ORDER
    other = signed[:32] + scalar.to_bytes(32, "little")

    assert not verify(public_key=key, signature=other, message=data)


@both
@pytest.mark.parametrize(
    "key",
    [
        "0100000000000000000000000000000000000000000000000000000000000000",  # the neutral element
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # of order 2
        "0000000000000000000000000000000000000000000000000000000000000080",  # of order 4
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",  # of order 8
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",  # not reduced
        "0200000000000000000000000000000000000000000000000000000000000000",  # on no curve
        "00",
    ],
)
def test_verify_refuses_weak_and_malformed_keys(verify, key):
    signature = bytes([1]) + bytes(63)  # fits every message under a key of order 1

    assert not verify(public_key=bytes.fromhex(key), signature=signature, message=b"anything")


@given(st.binary(max_size=80), st.binary(min_size=32, max_size=32), st.integers(0, 511))
def test_both_ways_agree(message, private, bit):
    public, signature = ed25519.public_key_of(private), ed25519.sign(private_key=private, message=message)
    spoiled = (int.from_bytes(signature) ^ 1 << bit).to_bytes(64)

    for verify in WAYS:
        assert verify(public_key=public, signature=signature, message=message)
        assert not verify(public_key=public, signature=spoiled, message=message)


@given(st.binary(max_size=70), st.binary(max_size=70))
def test_verify_never_raises(key, signature):
    for verify in WAYS:
        assert verify(public_key=key, signature=signature, message=b"") is False


def test_verify_without_cryptography_falls_back(monkeypatch):
    key, data, signed = (bytes.fromhex(text) for text in VECTORS[2][1:])
    monkeypatch.setattr(ed25519, "HAVE_CRYPTOGRAPHY", False)

    assert ed25519.verify(public_key=key, signature=signed, message=data)
    with pytest.raises(ed25519.SigningUnavailable, match=r"pip install modelcustody-client\[fast\]"):
        ed25519.sign(private_key=bytes(32), message=b"")


def test_sign_refuses_a_key_of_another_length():
    with pytest.raises(ed25519.SigningUnavailable) as caught:
        ed25519.sign(private_key=b"short", message=b"")
    assert caught.value.code == "bad_private_key"
