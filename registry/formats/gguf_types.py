"""The tables of the GGUF format: kinds of values, and how many bytes a block of each tensor type has. Pure.

Source: ggml's `gguf.md` and `ggml.h`; the numbers are part of the file format and never change their meaning.
"""

import dataclasses
from collections.abc import Mapping

BOOL, STRING, ARRAY = 7, 8, 9
# Kinds of values: number -> (name, format for `struct`, bytes). Text and arrays have a length of their own.
VALUE_KINDS: Mapping[int, tuple[str, str, int]] = {
    0: ("uint8", "<B", 1),
    1: ("int8", "<b", 1),
    2: ("uint16", "<H", 2),
    3: ("int16", "<h", 2),
    4: ("uint32", "<I", 4),
    5: ("int32", "<i", 4),
    6: ("float32", "<f", 4),
    BOOL: ("bool", "<?", 1),
    STRING: ("string", "", 0),
    ARRAY: ("array", "", 0),
    10: ("uint64", "<Q", 8),
    11: ("int64", "<q", 8),
    12: ("float64", "<d", 8),
}


@dataclasses.dataclass(frozen=True, slots=True)
class TensorType:
    """How a type packs numbers: so many in a block, which takes so many bytes."""

    name: str
    block: int
    block_bytes: int
    # Where in a block its scales are, each a 16-bit float: a scale that is no number spoils the whole block.
    scales: tuple[int, ...] = ()


# Q8_1 (9) and Q8_K (15) are left out: they are made while computing and never stored.
TENSOR_TYPES: Mapping[int, TensorType] = {
    0: TensorType("F32", 1, 4),
    1: TensorType("F16", 1, 2),
    2: TensorType("Q4_0", 32, 18, (0,)),
    3: TensorType("Q4_1", 32, 20, (0, 2)),
    6: TensorType("Q5_0", 32, 22, (0,)),
    7: TensorType("Q5_1", 32, 24, (0, 2)),
    8: TensorType("Q8_0", 32, 34, (0,)),
    10: TensorType("Q2_K", 256, 84, (80, 82)),
    11: TensorType("Q3_K", 256, 110, (108,)),
    12: TensorType("Q4_K", 256, 144, (0, 2)),
    13: TensorType("Q5_K", 256, 176, (0, 2)),
    14: TensorType("Q6_K", 256, 210, (208,)),
    16: TensorType("IQ2_XXS", 256, 66, (0,)),
    17: TensorType("IQ2_XS", 256, 74, (0,)),
    18: TensorType("IQ3_XXS", 256, 98, (0,)),
    19: TensorType("IQ1_S", 256, 50, (0,)),
    20: TensorType("IQ4_NL", 32, 18, (0,)),
    21: TensorType("IQ3_S", 256, 110, (0,)),
    22: TensorType("IQ2_S", 256, 82, (0,)),
    23: TensorType("IQ4_XS", 256, 136, (0,)),
    24: TensorType("I8", 1, 1),
    25: TensorType("I16", 1, 2),
    26: TensorType("I32", 1, 4),
    27: TensorType("I64", 1, 8),
    28: TensorType("F64", 1, 8),
    29: TensorType("IQ1_M", 256, 56),
    30: TensorType("BF16", 1, 2),
    34: TensorType("TQ1_0", 256, 54, (52,)),
    35: TensorType("TQ2_0", 256, 66, (64,)),
    39: TensorType("MXFP4", 32, 17),
    40: TensorType("NVFP4", 64, 36),
    41: TensorType("Q1_0", 128, 18, (0,)),
}
TYPES_BY_NAME: Mapping[str, TensorType] = {kind.name: kind for kind in TENSOR_TYPES.values()}
