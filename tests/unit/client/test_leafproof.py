from modelcustody_client import leafproof, merkle, note, proof

from tests import packs, trees

LEAF = b'{"received_at":"x","record":{}}'
HASHES = [merkle.leaf_hash(LEAF), merkle.leaf_hash(b"other")]
BODY = note.format_checkpoint_body(origin=packs.origin("requests"), size=2, root=trees.root(HASHES))
SIGNED = note.sign_note(BODY, name=packs.origin("requests"), private_key_bytes=packs.REQUESTS_KEY)
DATA = proof.format_proof(index=0, hashes=HASHES[1:], checkpoint=SIGNED)


def verified(data=DATA, leaf=LEAF, vkeys=packs.VKEYS):
    return leafproof.verify_leaf(data, leaf=leaf, vkeys=vkeys, subject="Proof")


def test_a_good_proof_is_verified():
    report = verified()

    assert report.exit_code == 0
    assert (report.facts["index"], report.facts["origin"]) == (0, "custody.example/log/requests")


def test_without_the_logs_key_nothing_is_decided():
    assert verified(vkeys=()).exit_code == 2
    assert verified(vkeys=packs.VKEYS[:1]).exit_code == 2


def test_another_leaf_is_tampering_even_without_a_key():
    assert verified(leaf=LEAF + b" ").exit_code == 1
    assert verified(leaf=LEAF + b" ", vkeys=()).exit_code == 1


def test_every_flipped_bit_is_refused():
    for position in range(len(DATA) * 8):
        data = bytearray(DATA)
        data[position // 8] ^= 1 << position % 8
        assert verified(bytes(data)).exit_code != 0
