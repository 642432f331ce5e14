import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelcustody_client import merkle
from tlog_scales import reader as scales_reader
from tlog_scales import tiles as scales_tiles

from audit.tlog import paths, proofs, tree

EDGES = [1, 2, 3, 255, 256, 257, 511, 512, 513]


def hashes(count: int, *, start: int = 0) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % number) for number in range(start, start + count)]


def naive_root(nodes: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not nodes:
        return hashlib.sha256(b"").digest()
    if len(nodes) == 1:
        return nodes[0]
    k = 1
    while k * 2 < len(nodes):
        k *= 2
    return merkle.node_hash(naive_root(nodes[:k]), naive_root(nodes[k:]))


class Tiles:
    """A tree in memory, grown batch by batch."""

    def __init__(self) -> None:
        self.size = 0
        self.root = merkle.EMPTY_ROOT
        self.tiles: dict[tuple[int, int], bytes] = {}

    def append(self, nodes: list[bytes]) -> None:
        edge = {level: self.tiles[level, number] for level, number, _ in tree.edge_of(self.size)}
        growth = tree.grow(b"".join(nodes), size=self.size, edge=edge)
        for tile in growth.tiles:
            old = self.tiles.get((tile.level, tile.number), b"")
            assert tile.data.startswith(old)
            assert len(tile.data) > len(old)
            self.tiles[tile.level, tile.number] = tile.data
        self.size, self.root = growth.size, growth.root

    def read(self, level: int, number: int, width: int) -> bytes:
        return self.tiles[level, number]


class ScalesBackend:
    """Our tiles, as the public package asks for them: by path."""

    def __init__(self, tiles: Tiles) -> None:
        self.tiles = tiles

    def get(self, *path: str) -> bytes | None:
        parsed = paths.parse("/".join(path).removeprefix("tile/"))
        data = self.tiles.tiles.get((parsed.level or 0, parsed.number))
        return None if data is None or len(data) < parsed.width * 32 else data[: parsed.width * 32]


def grown(*counts: int) -> Tiles:
    tiles = Tiles()
    for count in counts:
        tiles.append(hashes(count, start=tiles.size))
    return tiles


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("first", [1, 255, 256])
def test_the_root_is_that_of_the_standard(size: int, first: int) -> None:
    tiles = grown(*([first, size - first] if size > first else [size]))

    assert tiles.root == naive_root(hashes(size)) == merkle.root_hash(b"%d" % n for n in range(size))
    assert proofs.root(size=size, read=tiles.read) == tiles.root


@settings(max_examples=40)
@given(counts=st.lists(st.integers(1, 300), min_size=1, max_size=4), data=st.data())
def test_every_proof_is_accepted_and_is_that_of_another_implementation(
    counts: list[int], data: st.DataObject
) -> None:
    tiles = grown(*counts)
    size = tiles.size
    nodes = hashes(size)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    scales = scales_reader.TilesReader(ScalesBackend(tiles))
    scales.set_size(size)

    inclusion = proofs.inclusion(index=index, size=size, read=tiles.read)
    consistency = proofs.consistency(old=old, new=size, read=tiles.read)

    merkle.verify_inclusion(leaf_hash=nodes[index], index=index, size=size, proof=inclusion, root=tiles.root)
    merkle.verify_consistency(
        old_size=old, old_root=naive_root(nodes[:old]), new_size=size, new_root=tiles.root, proof=consistency
    )
    assert scales.calculate_root_hash() == tiles.root
    assert scales.get_inclusion_proof(index, size).node_hashes == inclusion
    if old:
        assert scales.get_consistency_proof(old, size).node_hashes == consistency


@settings(max_examples=40)
@given(size=st.integers(2, 600), data=st.data())
def test_a_flipped_bit_in_a_proof_or_leaf_is_refused(size: int, data: st.DataObject) -> None:
    tiles = grown(size)
    index = data.draw(st.integers(0, size - 1))
    proof = proofs.inclusion(index=index, size=size, read=tiles.read)
    pieces = [hashes(1, start=index)[0], *proof]
    at = data.draw(st.integers(0, len(pieces) - 1))
    bit = data.draw(st.integers(0, 255))

    wrong = bytearray(pieces[at])
    wrong[bit // 8] ^= 1 << bit % 8
    pieces[at] = bytes(wrong)

    with pytest.raises(merkle.ProofInvalid):
        merkle.verify_inclusion(
            leaf_hash=pieces[0], index=index, size=size, proof=pieces[1:], root=tiles.root
        )


def test_a_tree_across_the_second_level_of_tiles() -> None:
    nodes = hashes(65_537)
    tiles = Tiles()
    old_roots = {}
    for start, end in ((0, 65_535), (65_535, 65_536), (65_536, 65_537)):
        tiles.append(nodes[start:end])
        assert tiles.root == naive_root(nodes[:end])
        old_roots[end] = tiles.root
        for index in (0, 255, 256, 65_279, end - 1):
            merkle.verify_inclusion(
                leaf_hash=nodes[index],
                index=index,
                size=end,
                proof=proofs.inclusion(index=index, size=end, read=tiles.read),
                root=tiles.root,
            )
    for old, old_root in old_roots.items():
        merkle.verify_consistency(
            old_size=old,
            old_root=old_root,
            new_size=65_537,
            new_root=tiles.root,
            proof=proofs.consistency(old=old, new=65_537, read=tiles.read),
        )
    assert {level for level, _ in tiles.tiles} == {0, 1, 2}
    assert len(tiles.tiles[1, 0]) == 8192


@pytest.mark.parametrize("edge", [{}, {0: b"x" * 32}, {0: b"x" * 64, 1: b"x" * 32}])
def test_an_edge_of_another_tree_is_refused(edge: dict[int, bytes]) -> None:
    with pytest.raises(tree.EdgeWrong):
        tree.grow(b"y" * 32, size=2, edge=edge)


def test_proofs_outside_the_tree_are_refused() -> None:
    tiles = grown(3)

    with pytest.raises(ValueError, match="leaf 3 is not in a tree of 3"):
        proofs.inclusion(index=3, size=3, read=tiles.read)
    with pytest.raises(ValueError, match="cannot precede"):
        proofs.consistency(old=4, new=3, read=tiles.read)
    with pytest.raises(proofs.TileMissing, match="has 3 hashes, 4 are needed"):
        proofs.inclusion(index=0, size=4, read=tiles.read)


@given(level=st.none() | st.integers(0, 7), number=st.integers(0, 10**15), width=st.integers(1, 256))
def test_a_path_reads_back_and_is_that_of_another_implementation(
    level: int | None, number: int, width: int
) -> None:
    path = paths.TilePath(level, number, width)

    assert paths.parse(str(path)) == path
    ours = f"tile/{path}"
    theirs = scales_tiles.tile_path(-1 if level is None else level, number, 0 if width == 256 else width)
    assert ours == "/".join(theirs)


@given(
    st.text(max_size=80)
    | st.from_regex(r"([0-9]|entries)/(x?[0-9]{3}/){0,4}[0-9]{1,3}(\.p/[0-9]{1,3})?", fullmatch=True)
)
def test_any_text_is_a_path_in_its_one_spelling_or_refused(text: str) -> None:
    try:
        path = paths.parse(text)
    except paths.TilePathMalformed:
        return
    assert str(path) == text


@pytest.mark.parametrize(
    "text",
    [
        "0/000.p/0",
        "0/000.p/256",
        "0/x000/001",
        "0/1",
        "8/000",
        "00/000",
        "0/000/",
        "0/000.p/01",
        "0/001\n",
        "0/\u0660\u0660\u0661",
        "x/000",
    ],
)
def test_another_spelling_of_a_tile_is_refused(text: str) -> None:
    with pytest.raises(paths.TilePathMalformed):
        paths.parse(text)
