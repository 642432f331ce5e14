import pytest
from hypothesis import given
from hypothesis import strategies as st
from tlog_scales.reader import Tile

from audit.tlog import bundles


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back_here_and_elsewhere(leaves: list[bytes]) -> None:
    data = bundles.encode(leaves)

    assert bundles.decode(data) == leaves
    assert Tile.from_entries_bytes(data).entries == leaves


@given(st.binary(max_size=200))
def test_any_bytes_are_a_bundle_or_refused(data: bytes) -> None:
    try:
        leaves = bundles.decode(data)
    except bundles.BundleMalformed:
        return
    assert bundles.encode(leaves) == data


def test_a_leaf_has_at_most_65535_bytes() -> None:
    assert len(bundles.encode([b"x" * 65_535])) == 65_537
    with pytest.raises(bundles.BundleMalformed, match="over the limit"):
        bundles.encode([b"x" * 65_536])
