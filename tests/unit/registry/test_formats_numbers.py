import math
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import number_signs, numbers
from registry.formats.gguf_header import Tensor
from registry.formats.gguf_types import TYPES_BY_NAME

KINDS = ["F32", "BF16", "F16", "F64", "BOOL", "U8", "F6_E2M3", "F4", "Q4_K", "Q8_0"]


def signs(data: bytes, dtype: str) -> number_signs.Signs:
    return number_signs.signs_of([data], dtype, unit=numbers.unit_of(dtype))


def f32(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def bf16(*values: float) -> bytes:
    return b"".join(struct.pack("<f", value)[2:] for value in values)


def f16(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}e", *values)


def f64(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


WRITERS: dict[str, Callable[..., bytes]] = {"F32": f32, "BF16": bf16, "F16": f16, "F64": f64}


@pytest.mark.parametrize("dtype", WRITERS)
def test_what_is_no_number_is_counted(dtype: str) -> None:
    write = WRITERS[dtype]
    found = signs(write(0.5, math.nan, -math.nan, math.inf, -math.inf, -2.0, 0.0), dtype)

    assert (found.looked_at, found.nan, found.infinite) == (7, 2, 2)
    assert signs(write(1.0, 60000.0, -60000.0), dtype).nan == 0


@given(st.lists(st.floats(width=32), min_size=1, max_size=40))
def test_counts_are_those_of_the_numbers_themselves(values: list[float]) -> None:
    for dtype, write in (("F32", f32), ("F64", f64)):
        found = signs(write(*values), dtype)

        assert found.nan == sum(map(math.isnan, values))
        assert found.infinite == sum(map(math.isinf, values))
        assert found.is_zero == (all(abs(value) < 1e-30 for value in values) and found.is_zero)
        assert found.is_zero or any(values)
        assert abs(found.huge - sum(not abs(value) < 2.0**33 for value in values)) == 0


@pytest.mark.parametrize(
    ("dtype", "data", "nan", "infinite"),
    [
        ("F8_E4M3", b"\x7f\xff\x7e\x00", 2, 0),
        ("F8_E5M2", b"\x7c\xfc\x7d\xff\x7b", 2, 2),
        ("F8_E4M3FNUZ", b"\x80\x00", 1, 0),
        ("F8_E5M2FNUZ", b"\x80\x00", 1, 0),
        ("F8_E8M0", b"\xff\xfe", 1, 0),
        ("U8", b"\xff\x7f", 0, 0),
    ],
)
def test_numbers_of_one_byte(dtype: str, data: bytes, nan: int, infinite: int) -> None:
    found = signs(data, dtype)

    assert (found.nan, found.infinite) == (nan, infinite)


@pytest.mark.parametrize("dtype", sorted(name for name, kind in TYPES_BY_NAME.items() if kind.scales))
def test_a_scale_that_is_no_number_is_found_in_every_packed_type(dtype: str) -> None:
    kind = TYPES_BY_NAME[dtype]
    for at in kind.scales:
        blocks = bytearray(3 * kind.block_bytes)
        blocks[kind.block_bytes + at : kind.block_bytes + at + 2] = f16(math.nan)

        found = signs(bytes(blocks), dtype)

        assert (found.nan, found.looked_at) == (1, 3 * kind.block)


def test_zeros_and_one_number_over_and_over() -> None:
    assert signs(f32(0.0, -0.0, 0.0), "F32").is_zero
    assert not signs(f32(0.0, 1e-3), "F32").is_zero
    assert signs(f32(*[0.02] * 5), "F32").is_constant
    assert not signs(f32(0.02, 0.02, 0.03), "F32").is_constant
    assert not signs(b"\x80", "U8").is_zero
    assert signs(b"\x00\x01\x07\xff", "BOOL").not_bool == 2


def tensors_of(sizes: list[int], dtype: str) -> list[Tensor]:
    unit, place, found = numbers.unit_of(dtype), 0, []
    for number, size in enumerate(sizes):
        found.append(Tensor(str(number), dtype, (size,), place, place + size * unit))
        place += size * unit
    return found


@given(
    st.lists(st.integers(0, 40_000), min_size=1, max_size=12),
    st.sampled_from(KINDS),
    st.integers(1, 400_000),
    st.integers(0, 1000),
)
def test_places_are_inside_apart_whole_and_few(
    sizes: list[int], dtype: str, share: int, data_begin: int
) -> None:
    tensors, unit = tensors_of(sizes, dtype), numbers.unit_of(dtype)

    places = numbers.pieces(tensors, data_begin=data_begin, share=numbers.Share(share))

    ends = [offset + length for offset, length in places]
    assert all(length > 0 for _, length in places)
    assert all(
        end < offset
        for end, (offset, _) in zip(ends, places[1:], strict=False)
        if end % numbers.MAX_PIECE_BYTES
    )
    assert all(
        data_begin <= offset and end <= data_begin + tensors[-1].end
        for (offset, _), end in zip(places, ends, strict=True)
    )
    assert sum(length for _, length in places) <= max(share, numbers.LEAST_BYTES) + len(tensors) * unit
    samples = {offset: bytes(length) for offset, length in places}
    for tensor, pieces in numbers.cut(samples, tensors, data_begin=data_begin):
        assert all((at - data_begin - tensor.begin) % unit == len(data) % unit == 0 for at, data in pieces)
        assert sum(len(data) for _, data in pieces) <= tensor.end - tensor.begin
    cut = sum(
        len(data) for _, pieces in numbers.cut(samples, tensors, data_begin=data_begin) for _, data in pieces
    )
    assert cut == sum(length for _, length in places)


def test_small_tensors_are_looked_at_whole_and_large_ones_from_end_to_end() -> None:
    tensors = tensors_of([100, 1_000_000, 100], "F32")

    places = numbers.pieces(tensors, data_begin=8, share=numbers.Share(10**6))

    assert places[0] == (
        8,
        400 + numbers.BLOCK_BYTES,
    )  # the first block of the large one touches the small one
    assert places[-1] == (8 + 4_000_400 - numbers.BLOCK_BYTES, numbers.BLOCK_BYTES + 400)
    assert len(places) == numbers.BLOCKS
    assert numbers.pieces(tensors, data_begin=8, share=numbers.NOTHING) == ()


def test_of_very_many_tensors_every_few_are_looked_at() -> None:
    tensors = tensors_of([1000] * 10_000, "F32")
    share = numbers.Share(256 * 1000)

    looked_at = [pieces for _, pieces in numbers.cut(
        {offset: bytes(length) for offset, length in numbers.pieces(tensors, data_begin=0, share=share)},
        tensors, data_begin=0,
    ) if pieces]  # fmt: skip

    assert len(looked_at) == 1000
