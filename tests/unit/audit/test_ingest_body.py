import gzip
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from audit.ingest import body
from governance.errors import BodyTooLarge

LIMIT = 1000
PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "identity": bytes,
    "": bytes,
}


def streamed(data: bytes) -> bytes:
    """A zstd frame that does not state its size."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


@given(data=st.binary(max_size=LIMIT), encoding=st.sampled_from(sorted(PACKERS)))
def test_what_was_packed_comes_out(data: bytes, encoding: str) -> None:
    assert body.decompress(PACKERS[encoding](data), encoding=encoding, limit=LIMIT) == data


@given(data=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "zstd", "GZIP ", "identity"]))
def test_any_bytes_come_out_or_are_refused(data: bytes, encoding: str) -> None:
    try:
        found = body.decompress(data, encoding=encoding, limit=LIMIT)
    except (body.BodyMalformed, BodyTooLarge):
        return
    assert len(found) <= LIMIT


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress, streamed, bytes])
def test_more_than_the_limit_is_refused(pack: object) -> None:
    assert callable(pack)
    encoding = {gzip.compress: "gzip", bytes: ""}.get(pack, "zstd")

    assert body.decompress(pack(b"x" * LIMIT), encoding=encoding, limit=LIMIT) == b"x" * LIMIT
    with pytest.raises(BodyTooLarge) as caught:
        body.decompress(pack(b"x" * (LIMIT + 1)), encoding=encoding, limit=LIMIT)
    assert caught.value.status == 413


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_is_refused(encoding: str) -> None:
    bomb = PACKERS[encoding](b"\0" * 64 * 1024 * 1024)

    with pytest.raises(BodyTooLarge):
        body.decompress(bomb, encoding=encoding, limit=1024 * 1024)
    with pytest.raises(BodyTooLarge):
        body.decompress(streamed(b"\0" * 64 * 1024 * 1024), encoding="zstd", limit=1024 * 1024)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_cut_short_or_with_more_behind_it_is_refused(encoding: str) -> None:
    packed = PACKERS[encoding](b"some text that is long enough" * 3)

    for wrong in (packed[:-1], packed[: len(packed) // 2], packed + b"x", packed + packed, b""):
        with pytest.raises(body.BodyMalformed):
            body.decompress(wrong, encoding=encoding, limit=LIMIT)


def test_raw_deflate_is_not_gzip() -> None:
    with pytest.raises(body.BodyMalformed):
        body.decompress(zlib.compress(b"x"), encoding="gzip", limit=LIMIT)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(body.EncodingUnsupported) as caught:
        body.decompress(b"", encoding="br", limit=LIMIT)
    assert caught.value.status == 415
