"""Merkle trees as in RFC 9162, section 2.1: hashes, roots, and the checking of proofs. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from modelcustody_client import errors

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class ProofInvalid(errors.Refused):
    """A Merkle proof does not prove what it is shown for."""

    code = "proof_invalid"


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_hash(leaves: Iterable[bytes]) -> bytes:
    """Return the root over the bytes of all leaves, in one pass and logarithmic memory."""
    frontier: list[tuple[int, bytes]] = []
    for leaf in leaves:
        level, node = 0, leaf_hash(leaf)
        while frontier and frontier[-1][0] == level:
            node = node_hash(frontier.pop()[1], node)
            level += 1
        frontier.append((level, node))
    if not frontier:
        return EMPTY_ROOT
    root = frontier.pop()[1]
    while frontier:
        root = node_hash(frontier.pop()[1], root)
    return root


def verify_inclusion(*, leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that `leaf_hash` is leaf `index` of the tree of `size` leaves with `root` (RFC 9162, 2.1.3.2)."""
    _check_hashes([leaf_hash, root, *proof])
    # (1) the index lies in the tree
    if not 0 <= index < size:
        raise ProofInvalid(f"leaf {index} is not in a tree of {size}")
    # (2), (3) walk from the leaf, with its index (fn) and the last leaf's (sn)
    fn, sn, node = index, size - 1, leaf_hash
    # (4) fold in each sibling
    for sibling in proof:
        if sn == 0:
            raise ProofInvalid("the inclusion proof is too long")
        if fn & 1 or fn == sn:
            node = node_hash(sibling, node)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, sibling)
        fn, sn = fn >> 1, sn >> 1
    # (5) the walk ends at the root, and it is the root that was signed
    if sn != 0:
        raise ProofInvalid("the inclusion proof is too short")
    if node != root:
        raise ProofInvalid("the inclusion proof leads to another root")


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Prove that the old tree is a prefix of the new one (RFC 9162, 2.1.4.2)."""
    _check_hashes([old_root, new_root, *proof])
    if not 0 <= old_size <= new_size:
        raise ProofInvalid(f"a tree of {old_size} cannot precede one of {new_size}")
    if old_size in {0, new_size}:
        _verify_trivial(
            old_size=old_size, old_root=old_root, new_size=new_size, new_root=new_root, proof=proof
        )
        return
    # (1) there is something to prove, so the path is not empty
    if not proof:
        raise ProofInvalid("the consistency proof is empty")
    # (2) an old tree that is a complete subtree stands for itself
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    # (3), (4) start at the last node of the old tree that is a left child
    fn, sn = _without_low_ones(old_size - 1, new_size - 1)
    # (5), (6) rebuild both roots from the same nodes
    old = new = path[0]
    for node in path[1:]:
        if sn == 0:
            raise ProofInvalid("the consistency proof is too long")
        if fn & 1 or fn == sn:
            old, new = node_hash(node, old), node_hash(node, new)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            new = node_hash(new, node)
        fn, sn = fn >> 1, sn >> 1
    # (7) both are the roots that were signed
    if sn != 0:
        raise ProofInvalid("the consistency proof is too short")
    if old != old_root or new != new_root:
        raise ProofInvalid("the consistency proof leads to another root")


def _without_low_ones(fn: int, sn: int) -> tuple[int, int]:
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _verify_trivial(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise ProofInvalid("a consistency proof where there is nothing to prove")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofInvalid("the root of an empty tree is wrong")
    if old_size == new_size and old_root != new_root:
        raise ProofInvalid("two trees of one size have different roots")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofInvalid("a hash is not 32 bytes long")
