import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.demonstration import weights


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_bfloat16_is_the_nearest_value(value: float) -> None:
    bits = int(weights.bfloat16(np.array([value], np.float32))[0])

    def widened(pattern: int) -> float:
        return float(np.array([pattern << 16], np.uint32).view(np.float32)[0])

    if np.isinf(widened(bits)):  # rounded past the largest
        assert abs(value) > widened(0x7F7F)
        return
    distance = abs(widened(bits) - value)
    for neighbour in (bits - 1, bits + 1):
        if 0 <= neighbour <= 0xFFFF and np.isfinite(widened(neighbour)):
            assert distance <= abs(widened(neighbour) - value)


def test_bfloat16_rounds_ties_to_even() -> None:
    halfway = np.array([0x3F808000, 0x3F818000], np.uint32).view(np.float32)
    assert weights.bfloat16(halfway).tolist() == [0x3F80, 0x3F82]


def test_split_halves_undoes_the_interleaving() -> None:
    heads, rows, columns = 3, 24, 5
    original = np.arange(rows * columns, dtype=np.float32).reshape(rows, columns)
    interleaved = (
        original.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)
    )
    assert not np.array_equal(interleaved, original)
    assert np.array_equal(weights.split_halves(interleaved, heads=heads), original)


def test_names() -> None:
    assert weights.hf_name("token_embd.weight") == "model.embed_tokens.weight"
    assert weights.hf_name("blk.29.ffn_down.weight") == "model.layers.29.mlp.down_proj.weight"
    with pytest.raises(ValueError, match="unexpected tensor"):
        weights.hf_name("enc.0.ffn_down.weight")
