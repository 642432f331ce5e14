"""Inclusion and consistency proofs (RFC 9162, sections 2.1.3 and 2.1.4), made from tiles. Pure."""

from collections.abc import Callable

from modelcustody_client.merkle import EMPTY_ROOT, HASH_SIZE, node_hash

from audit.tlog.paths import TILE_HEIGHT, WIDTH
from audit.tlog.tree import fold, split

# Gives at least the first `width` hashes of the tile at (level, number).
ReadTile = Callable[[int, int, int], bytes]


class TileMissing(LookupError):
    """A tile that the tree must have is absent or too narrow."""

    code = "tile_missing"


def root(*, size: int, read: ReadTile) -> bytes:
    """The root of the first `size` leaves."""
    return _range_hash(0, size, read) if size else EMPTY_ROOT


def inclusion(*, index: int, size: int, read: ReadTile) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    proof = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split_point(end - start)
        if index < middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start = middle
    return proof[::-1]


def consistency(*, old: int, new: int, read: ReadTile) -> list[bytes]:
    """The proof that the tree of `old` leaves is a prefix of that of `new`."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} leaves cannot precede one of {new}")
    if old in {0, new}:
        return []
    proof = []
    start, end = 0, new
    is_prefix = True  # the range begins with the first leaf, so the verifier knows its hash
    while old != end:
        middle = start + _split_point(end - start)
        if old <= middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start, is_prefix = middle, False
    if not is_prefix:
        proof.append(_range_hash(start, end, read))
    return proof[::-1]


def _split_point(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_hash(start: int, end: int, read: ReadTile) -> bytes:
    """The hash of the subtree over leaves `start` to `end`, as RFC 9162 splits them."""
    count = end - start
    if count & (count - 1) == 0 and start % count == 0:
        return _complete(start, count.bit_length() - 1, read)
    middle = start + _split_point(count)
    return node_hash(_range_hash(start, middle, read), _range_hash(middle, end, read))


def _complete(start: int, height: int, read: ReadTile) -> bytes:
    """The hash of a complete subtree of 2^height leaves."""
    level, inner = divmod(height, TILE_HEIGHT)
    number, place = divmod(start >> (TILE_HEIGHT * level), WIDTH)
    until = place + (1 << inner)
    data = read(level, number, until)
    if len(data) < until * HASH_SIZE:
        raise TileMissing(f"tile {level}/{number} has {len(data) // HASH_SIZE} hashes, {until} are needed")
    return fold(split(data[place * HASH_SIZE : until * HASH_SIZE]))
