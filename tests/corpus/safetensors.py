"""Hostile safetensors files, assembled from parts; by name, with the code under which each must be refused."""

import json
import struct
from collections.abc import Callable
from typing import Any

from tests.folders import safetensors, weights

F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
Make = Callable[[], bytes]


def tensor(**changes: Any) -> bytes:
    """A file with one tensor, of which something is different."""
    return safetensors({"a": F32 | changes}, bytes(4))


def two(first: str, second: str) -> bytes:
    """A file with two sound tensors of these names."""
    return safetensors({first: F32, second: F32 | {"data_offsets": [4, 8]}}, bytes(8))


def numbered(count: int, **said: Any) -> bytes:
    """A header with many tensors that say the same."""
    entry = json.dumps({"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} | said)
    return safetensors(("{" + ",".join(f'"{number}":{entry}' for number in range(count)) + "}").encode())


def deep(opening: bytes, closing: bytes, depth: int) -> bytes:
    """A header that is nested so deep."""
    return safetensors(b'{"a":' + opening * depth + closing * depth + b"}")


def raw(text: bytes, data: bytes = bytes(4)) -> bytes:
    return safetensors(text, data)


ENTRY = b'{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
HOSTILE: dict[str, tuple[str, Make]] = {
    # The frame
    "empty file": ("too_small", lambda: b""),
    "seven bytes": ("too_small", lambda: bytes(7)),
    "header past the end": ("header_past_end", lambda: struct.pack("<Q", 100) + b"{}"),
    "header of 2**63 bytes": ("header_too_large", lambda: struct.pack("<Q", 2**63) + b"{}"),
    "header of 2**64 - 1 bytes": ("header_too_large", lambda: b"\xff" * 8 + b"{}"),
    "no header": ("not_json", lambda: struct.pack("<Q", 0)),
    "a pickle by this name": ("header_too_large", lambda: b"\x80\x04\x95" + b"\xff" * 20),
    "a zip by this name": ("header_too_large", lambda: b"PK\x03\x04" + b"\x14\x00\x00\x08" * 8),
    "unaligned": ("unaligned", lambda: safetensors({"a": F32}, bytes(4), pad=False)),
    "zip appended": ("wrong_length", lambda: weights() + b"PK\x03\x04"),
    "cut off": ("wrong_length", lambda: weights()[:-1]),
    "one byte too many": ("wrong_length", lambda: weights() + b"\0"),
    # The text
    "not UTF-8 in a name": ("not_utf8", lambda: raw(b'{"\xff":' + ENTRY + b"}")),
    "not UTF-8 in the metadata": ("not_utf8", lambda: raw(b'{"__metadata__":{"a":"\xff"},"a":' + ENTRY + b"}")),
    "NUL padding": ("bad_padding", lambda: safetensors(b'{"a":' + ENTRY + b"}\0\0\0", bytes(4))),
    "trailing newline": ("bad_padding", lambda: safetensors(b'{"abc":\n1}\n  ')),
    "leading space": ("not_json", lambda: raw(b' {"a":' + ENTRY + b"}")),
    "leading newline": ("not_json", lambda: raw(b'\n{"a":' + ENTRY + b"}")),
    "byte order mark": ("not_json", lambda: raw(b'\xef\xbb\xbf{"a":' + ENTRY + b"}")),
    "two values": ("not_json", lambda: raw(b'{"a":' + ENTRY + b"}{}")),
    "a list": ("not_json", lambda: safetensors([])),
    "trailing comma": ("not_json", lambda: raw(b'{"a":' + ENTRY + b",}")),
    "a comment": ("not_json", lambda: raw(b'{/* */"a":' + ENTRY + b"}")),
    "single quotes": ("not_json", lambda: raw(b"{'a':" + ENTRY + b"}")),
    "control character in a name": ("not_json", lambda: raw(b'{"a\n":' + ENTRY + b"}")),
    "not a number": ("not_json", lambda: safetensors(b'{"a":NaN}')),
    "half of a surrogate pair": ("not_json", lambda: raw(b'{"\\ud800":' + ENTRY + b"}")),
    "a hundred thousand lists deep": ("too_deep", lambda: deep(b"[", b"]", 100_000)),
    "a hundred thousand objects deep": ("too_deep", lambda: deep(b'{"a":', b"}", 100_000)),
    # Said twice
    "duplicate tensor": ("duplicate_name", lambda: raw(b'{"a":' + ENTRY + b',"a":' + ENTRY.replace(b"F32", b"I32") + b"}")),
    "duplicate tensor, once escaped": ("duplicate_name", lambda: raw(b'{"a":' + ENTRY + b',"\\u0061":' + ENTRY + b"}")),
    "duplicate metadata": (
        "duplicate_name", lambda: raw(b'{"__metadata__":{},"__metadata__":{"k":"v"},"a":' + ENTRY + b"}")
    ),
    "duplicate metadata key": (
        "duplicate_name", lambda: raw(b'{"__metadata__":{"k":"v","k":"w"},"a":' + ENTRY + b"}")
    ),
    "duplicate member of a tensor": (
        "duplicate_name", lambda: raw(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
    ),
    "duplicate behind escaped quotes": (
        "duplicate_name", lambda: raw(b'{"__metadata__":{"k":"\\"\\\\","k":"\\\\\\""},"a":' + ENTRY + b"}")
    ),
    # Metadata
    "metadata not text": ("bad_metadata", lambda: safetensors({"__metadata__": {"a": 1}, "a": F32}, bytes(4))),
    "metadata nested": ("bad_metadata", lambda: safetensors({"__metadata__": {"a": {}}, "a": F32}, bytes(4))),
    "metadata a list": ("bad_metadata", lambda: safetensors({"__metadata__": [], "a": F32}, bytes(4))),
    "metadata null": ("bad_metadata", lambda: safetensors({"__metadata__": None, "a": F32}, bytes(4))),
    "two megabytes of metadata": (
        "metadata_too_large", lambda: safetensors({"__metadata__": {"a": "x" * 2**21}, "a": F32}, bytes(4))
    ),
    "thirty megabytes of metadata": (
        "header_too_large", lambda: safetensors({"__metadata__": {"a": "x" * 30_000_000}, "a": F32}, bytes(4))
    ),
    "metadata of 20,000 entries": (
        "metadata_too_large",
        lambda: safetensors({"__metadata__": {str(n): "" for n in range(20_000)}, "a": F32}, bytes(4)),
    ),
    # Tensors
    "empty": ("no_tensors", lambda: safetensors({})),
    "only metadata": ("no_tensors", lambda: safetensors({"__metadata__": {"a": "b"}})),
    "100,001 tensors": ("too_many_tensors", lambda: numbered(100_001)),
    "300,000 tensors of nothing": ("too_many_tensors", lambda: numbered(300_000)),
    "1,001 tensors of nothing": ("too_many_empty", lambda: numbered(1001)),
    "tensor a list": ("bad_tensor", lambda: safetensors({"a": [1]})),
    "tensor a fraction": ("bad_tensor", lambda: safetensors(b'{"a":1.5}')),
    "unknown member": ("bad_tensor", lambda: tensor(extra=1)),
    "member missing": ("bad_tensor", lambda: safetensors({"a": {"dtype": "F32", "shape": [1]}}, bytes(4))),
    "unknown type": ("unknown_dtype", lambda: tensor(dtype="F33")),
    "type in small letters": ("unknown_dtype", lambda: tensor(dtype="f32")),
    "type not text": ("unknown_dtype", lambda: tensor(dtype=["F32"])),
    # Shapes and offsets
    "shape negative": ("bad_shape", lambda: tensor(shape=[-1])),
    "shape minus nothing": ("not_integer", lambda: raw(
        b'{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]},"b":' + ENTRY + b"}"
    )),
    "shape of truth": ("bad_shape", lambda: tensor(shape=[True])),
    "shape a fraction": ("bad_shape", lambda: tensor(shape=[1.0])),
    "shape an exponent": ("bad_shape", lambda: raw(b'{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}')),
    "shape text": ("bad_shape", lambda: tensor(shape=["1"])),
    "shape not a list": ("bad_shape", lambda: tensor(shape=1)),
    "shape nothing by 2**64 - 1": ("bad_shape", lambda: tensor(shape=[0, 2**64 - 1], data_offsets=[0, 0])),
    "shape of five thousand digits": ("not_json", lambda: raw(
        b'{"a":{"dtype":"F32","shape":[' + b"9" * 5000 + b'],"data_offsets":[0,4]}}'
    )),
    "rank of a thousand": ("bad_shape", lambda: tensor(shape=[1] * 1000)),
    "more than memory": ("size_mismatch", lambda: tensor(shape=[2**40] * 16)),
    "wraps round at 2**64": ("size_mismatch", lambda: tensor(shape=[2**32, 2**32], data_offsets=[0, 0])),
    "size mismatch": ("size_mismatch", lambda: tensor(shape=[2])),
    "odd bits": ("odd_bits", lambda: tensor(dtype="F4", shape=[1], data_offsets=[0, 1])),
    "six bits": ("odd_bits", lambda: tensor(dtype="F6_E2M3", shape=[3], data_offsets=[0, 3])),
    "offsets reversed": ("bad_offsets", lambda: tensor(data_offsets=[4, 0])),
    "offsets negative": ("bad_offsets", lambda: tensor(data_offsets=[-4, 0])),
    "three offsets": ("bad_offsets", lambda: tensor(data_offsets=[0, 4, 4])),
    "offsets past 2**64": ("size_mismatch", lambda: tensor(data_offsets=[0, 2**70])),
    "hole before": ("not_contiguous", lambda: tensor(data_offsets=[4, 8])),
    "hole between": (
        "not_contiguous", lambda: safetensors({"a": F32, "b": F32 | {"data_offsets": [8, 12]}}, bytes(12))
    ),
    "overlap": ("not_contiguous", lambda: safetensors({"a": F32, "b": F32 | {"data_offsets": [2, 6]}}, bytes(6))),
    "same bytes under two names": ("not_contiguous", lambda: safetensors({"a": F32, "b": F32}, bytes(4))),
    # Names
    "name climbs": ("bad_name", lambda: safetensors({"../../etc/passwd": F32}, bytes(4))),
    "name is absolute": ("bad_name", lambda: safetensors({"/etc/passwd": F32}, bytes(4))),
    "name with backslash": ("bad_name", lambda: safetensors({"a\\b": F32}, bytes(4))),
    "name empty": ("bad_name", lambda: safetensors({"": F32}, bytes(4))),
    "name with NUL": ("bad_name", lambda: safetensors({"a\x00": F32}, bytes(4))),
    "name turned round": ("bad_name", lambda: safetensors({"a\u202eb": F32}, bytes(4))),
    "name with no width": ("bad_name", lambda: safetensors({"a\u200bb": F32}, bytes(4))),
    "name long": ("bad_name", lambda: safetensors({"a" * 600: F32}, bytes(4))),
    "name of ten megabytes": ("bad_name", lambda: safetensors({"a" * 10_000_000: F32}, bytes(4))),
    "names that differ in case": ("alike_names", lambda: two("model.weight", "model.Weight")),
    "names that look the same": ("alike_names", lambda: two("caf\u00e9", "cafe\u0301")),
}  # fmt: skip
