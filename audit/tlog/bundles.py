"""Entry bundles of C2SP tlog-tiles: leaves one after another, each behind its length. Pure."""

from collections.abc import Iterable

LARGEST_LEAF = 65_535
_LENGTH_BYTES = 2


class BundleMalformed(ValueError):
    """The bytes are not an entry bundle, or a leaf does not fit in one."""

    code = "bundle_malformed"


def encode(leaves: Iterable[bytes]) -> bytes:
    """Each leaf behind its length, a big-endian uint16."""
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > LARGEST_LEAF:
            raise BundleMalformed(f"a leaf of {len(leaf)} bytes is over the limit of {LARGEST_LEAF}")
        parts += (len(leaf).to_bytes(_LENGTH_BYTES, "big"), leaf)
    return b"".join(parts)


def decode(data: bytes) -> list[bytes]:
    """The leaves of a bundle, which must end where its last leaf does."""
    leaves = []
    place = 0
    while place < len(data):
        start = place + _LENGTH_BYTES
        place = start + int.from_bytes(data[place:start], "big")
        if place > len(data) or start > len(data):
            raise BundleMalformed("the bundle ends within a leaf")
        leaves.append(data[start:place])
    return leaves
