import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import ed25519, encoding, merkle, note, proof

from tests import trees

ORIGIN = "custody.example/log/requests"
PRIVATE = bytes([9]) * 32
VKEY = note.make_vkey(ORIGIN, public_key=ed25519.public_key_of(PRIVATE))
LEAVES = [merkle.leaf_hash(b"%d" % number) for number in range(11)]


def checkpoint(origin: str = ORIGIN) -> bytes:
    body = note.format_checkpoint_body(origin=origin, size=len(LEAVES), root=trees.root(LEAVES))
    return note.sign_note(body, name=origin, private_key_bytes=PRIVATE)


def proof_of(leaf: int, **changes) -> bytes:
    parts = {
        "index": leaf,
        "hashes": trees.inclusion_proof(LEAVES, leaf),
        "checkpoint": checkpoint(),
        **changes,
    }
    return proof.format_proof(**parts)


@pytest.mark.parametrize("index", range(11))
def test_verify_proof_of_every_leaf(index):
    found = proof.verify_proof(proof_of(index), leaf_hash=LEAVES[index], vkeys=[VKEY])

    assert (found.index, found.checkpoint.size, found.checkpoint.origin) == (index, 11, ORIGIN)


def test_format_proof_is_the_text_of_the_specification():
    data = proof_of(3, extra=b"more")

    head, _, rest = data.partition(b"\n\n")
    lines = head.decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra bW9yZQ==", "index 3"]
    assert lines[3:] == [encoding.encode_base64(value) for value in trees.inclusion_proof(LEAVES, 3)]
    assert rest == checkpoint()


def test_verify_proof_refuses_another_leaf_another_index_and_unknown_keys():
    with pytest.raises(merkle.ProofInvalid):
        proof.verify_proof(proof_of(3), leaf_hash=LEAVES[4], vkeys=[VKEY])
    with pytest.raises(merkle.ProofInvalid):
        proof.verify_proof(proof_of(3, index=4), leaf_hash=LEAVES[3], vkeys=[VKEY])
    with pytest.raises(note.NoteUntrusted):
        proof.verify_proof(proof_of(3), leaf_hash=LEAVES[3], vkeys=[])
    with pytest.raises(note.NoteUntrusted):
        proof.verify_proof(proof_of(3, checkpoint=checkpoint("other")), leaf_hash=LEAVES[3], vkeys=[VKEY])


def test_verify_proof_refuses_every_flipped_bit():
    data = proof_of(6)
    for position in range(len(data) * 8):
        spoiled = bytearray(data)
        spoiled[position // 8] ^= 1 << position % 8
        with pytest.raises((proof.ProofMalformed, note.NoteInvalid, merkle.ProofInvalid)):
            proof.verify_proof(bytes(spoiled), leaf_hash=LEAVES[6], vkeys=[VKEY])


@given(
    st.binary(max_size=200)
    | st.binary(max_size=40).map(lambda junk: b"c2sp.org/tlog-proof@v1\nindex 1\n" + junk)
)
def test_parse_proof_raises_nothing_but_its_own_error(data):
    with pytest.raises(proof.ProofMalformed):
        proof.parse_proof(data)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"@v1", b"@v2"),
        lambda data: data.replace(b"index 3", b"index 03"),
        lambda data: data.replace(b"index 3", b"index -3"),
        lambda data: data.replace(b"index 3", b"index  3"),
        lambda data: data.replace(b"index 3\n", b""),
        lambda data: data.replace(b"index 3", b"extra !\nindex 3"),
        lambda data: data.replace(b"index 3", b"index 3\nextra bW9yZQ=="),
        lambda data: data.replace(b"index 3\n", b"index 3\nAAAA\n"),
        lambda data: data.replace(
            b"index 3\n", b"index 3\n" + (encoding.encode_base64(bytes(32)) + "\n").encode() * 64
        ),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data[:-1],
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data + b"x" * proof.MAX_PROOF_BYTES,
    ],
)
def test_parse_proof_refuses(change):
    with pytest.raises(proof.ProofMalformed):
        proof.parse_proof(change(proof_of(3)))


def test_format_proof_refuses_what_would_not_come_back():
    with pytest.raises(proof.ProofMalformed):
        proof_of(3, index=-1)
    with pytest.raises(proof.ProofMalformed):
        proof_of(3, hashes=[b"short"])
