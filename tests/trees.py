"""Merkle trees by the recursive definitions of RFC 9162: slow, short, and written apart from the code under test."""

from __future__ import annotations

import hashlib


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root(hashes: list[bytes]) -> bytes:
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = split(len(hashes))
    return node(root(hashes[:k]), root(hashes[k:]))


def inclusion_proof(hashes: list[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = split(len(hashes))
    if index < k:
        return [*inclusion_proof(hashes[:k], index), root(hashes[k:])]
    return [*inclusion_proof(hashes[k:], index - k), root(hashes[:k])]


def consistency_proof(hashes: list[bytes], old: int, *, is_known: bool = True) -> list[bytes]:
    if old == len(hashes):
        return [] if is_known else [root(hashes)]
    k = split(len(hashes))
    if old <= k:
        return [*consistency_proof(hashes[:k], old, is_known=is_known), root(hashes[k:])]
    return [*consistency_proof(hashes[k:], old - k, is_known=False), root(hashes[:k])]
