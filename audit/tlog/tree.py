"""Grows a tiled Merkle tree: new leaf hashes in, changed tiles and the new root out. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelcustody_client.merkle import EMPTY_ROOT, HASH_SIZE, node_hash

from audit.tlog.paths import HIGHEST_LEVEL, TILE_HEIGHT, WIDTH

TILE_BYTES = WIDTH * HASH_SIZE


class EdgeWrong(ValueError):
    """The tiles at the right edge do not belong to a tree of that size."""

    code = "edge_wrong"


@dataclass(frozen=True, slots=True)
class TileData:
    """The whole content of one tile."""

    level: int
    number: int
    data: bytes

    @property
    def width(self) -> int:
        """How many places are filled."""
        return len(self.data) // HASH_SIZE


@dataclass(frozen=True, slots=True)
class Growth:
    """What an append makes of a tree."""

    size: int
    root: bytes
    tiles: tuple[TileData, ...]


def edge_of(size: int) -> Iterator[tuple[int, int, int]]:
    """The unfilled tiles at the right edge of a tree: level, number and width."""
    for level in range(HIGHEST_LEVEL + 1):
        number, width = divmod(size >> (TILE_HEIGHT * level), WIDTH)
        if width:
            yield level, number, width


def grow(hashes: bytes, *, size: int, edge: Mapping[int, bytes]) -> Growth:
    """Append leaf hashes to a tree; `edge` holds the data of its unfilled tiles by level."""
    check_edge(edge, size=size)
    grown = dict(edge)
    tiles: list[TileData] = []
    coming, level = hashes, 0
    while coming:
        if level > HIGHEST_LEVEL:
            raise EdgeWrong("the tree is higher than any log")
        number = (size >> (TILE_HEIGHT * level)) // WIDTH
        data = grown.pop(level, b"") + coming
        cut = [data[place : place + TILE_BYTES] for place in range(0, len(data), TILE_BYTES)]
        tiles += [TileData(level, number + place, piece) for place, piece in enumerate(cut)]
        if len(cut[-1]) < TILE_BYTES:
            grown[level] = cut.pop()
        coming = b"".join(fold(split(piece)) for piece in cut)
        level += 1
    return Growth(size + len(hashes) // HASH_SIZE, root_of(grown), tuple(tiles))


def root_of(edge: Mapping[int, bytes]) -> bytes:
    """The root of a tree, from the unfilled tiles at its right edge."""
    below: list[bytes] = []
    for level in sorted(edge):
        below = [fold([*split(edge[level]), *below])]
    return below[0] if below else EMPTY_ROOT


def check_edge(edge: Mapping[int, bytes], *, size: int) -> None:
    """Raise `EdgeWrong` unless these are exactly the unfilled tiles of a tree of this size."""
    expected = {level: width * HASH_SIZE for level, _, width in edge_of(size)}
    if expected != {level: len(data) for level, data in edge.items()}:
        raise EdgeWrong(f"these are not the tiles at the edge of a tree of {size}")


def split(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[place : place + HASH_SIZE] for place in range(0, len(data), HASH_SIZE)]


def fold(nodes: list[bytes]) -> bytes:
    """The root over nodes side by side, of which only the last may stand for fewer leaves than the others."""
    while len(nodes) > 1:
        pairs = [node_hash(nodes[place], nodes[place + 1]) for place in range(0, len(nodes) - 1, 2)]
        nodes = pairs + nodes[len(pairs) * 2 :]
    return nodes[0]
