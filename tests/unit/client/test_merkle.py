import hashlib

import pytest
import tlog_scales.tlog
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import merkle

from tests import trees

# the leaves and roots that the certificate transparency projects test with
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
sizes = st.integers(1, 70)


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % number) for number in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_root_hash_of_the_reference_leaves(size):
    assert merkle.root_hash(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_root_hash_of_no_leaves():
    assert merkle.root_hash([]) == hashlib.sha256(b"").digest()


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_root_hash_is_that_of_the_recursive_definition(leaves):
    assert merkle.root_hash(leaves) == trees.root([merkle.leaf_hash(leaf) for leaf in leaves])


@given(sizes, st.data())
def test_verify_inclusion_accepts_every_true_proof_and_nothing_near_it(size, data):
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = trees.inclusion_proof(leaves, index), trees.root(leaves)
    true = {"leaf_hash": leaves[index], "index": index, "size": size, "proof": proof, "root": root}

    merkle.verify_inclusion(**true)
    tlog_scales.tlog.InclusionProof(index, size, proof).check(leaves[index], root)

    lies = [
        {"index": data.draw(st.integers(0, size - 1).filter(lambda other: other != index))}
        if size > 1
        else {"size": 0},
        {"leaf_hash": merkle.leaf_hash(b"another")},
        {"root": merkle.leaf_hash(b"another")},
        {"proof": [*proof, root]},
        {"proof": proof[:-1]} if proof else {"proof": [b"short"]},
        {"index": -1},
        {"index": size},
    ]
    for lie in lies:
        with pytest.raises(merkle.ProofInvalid):
            merkle.verify_inclusion(**{**true, **lie})


@given(sizes, st.data())
def test_verify_inclusion_refuses_every_flipped_bit(size, data):
    leaves = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = trees.inclusion_proof(leaves, index), trees.root(leaves)
    parts = [leaves[index], root, *proof]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    parts[which] = flipped(parts[which], bit)

    with pytest.raises(merkle.ProofInvalid):
        merkle.verify_inclusion(leaf_hash=parts[0], index=index, size=size, proof=parts[2:], root=parts[1])


@given(st.integers(0, 70), st.integers(0, 70))
def test_verify_consistency_accepts_every_true_proof_and_nothing_near_it(first, second):
    old_size, new_size = sorted((first, second))
    leaves = hashes(new_size)
    old_root, new_root = trees.root(leaves[:old_size]), trees.root(leaves)
    proof = trees.consistency_proof(leaves, old_size) if old_size else []
    true = {
        "old_size": old_size,
        "old_root": old_root,
        "new_size": new_size,
        "new_root": new_root,
        "proof": proof,
    }

    merkle.verify_consistency(**true)
    tlog_scales.tlog.ConsistencyProof(old_size, new_size, proof).check(old_root, new_root)

    other = merkle.leaf_hash(b"another")
    lies = [{"old_root": other}, {"proof": [*proof, other]}, {"old_size": new_size + 1}, {"old_size": -1}]
    lies += [{"new_root": other}] if old_size else []
    lies += [{"proof": proof[:-1]}, {"proof": [flipped(proof[0], 0), *proof[1:]]}] if proof else []
    for lie in lies:
        with pytest.raises(merkle.ProofInvalid):
            merkle.verify_consistency(**{**true, **lie})


hash_like = st.binary(min_size=31, max_size=33) | st.binary(min_size=32, max_size=32)


@given(st.integers(-1, 300), st.integers(-1, 300), st.lists(hash_like, max_size=9), hash_like, hash_like)
def test_verifying_raises_nothing_but_its_own_error(index, size, proof, leaf, root):
    with pytest.raises(merkle.ProofInvalid):
        merkle.verify_inclusion(leaf_hash=leaf, index=index, size=size, proof=proof, root=root)
    try:
        merkle.verify_consistency(old_size=index, old_root=leaf, new_size=size, new_root=root, proof=proof)
    except merkle.ProofInvalid:
        return
    assert (index, leaf) in {(size, root), (0, merkle.EMPTY_ROOT)}


def flipped(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value) ^ 1 << bit).to_bytes(len(value))
