import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors
from hypothesis import example, given
from hypothesis import strategies as st

from registry.formats.safetensors import MAX_HEADER_BYTES, BadHeader, header_end, parse_header
from tests import folders

F32 = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def code_of(data: bytes) -> str:
    with pytest.raises(BadHeader) as refusal:
        parse_header(data, file_size=len(data))
    return refusal.value.code


def test_a_sound_header_is_read() -> None:
    data = folders.weights("a", "b")

    header = parse_header(data, file_size=len(data))

    assert [tensor.name for tensor in header.tensors] == ["a", "b"]
    assert header.parameters == 8
    assert header.metadata == {"format": "pt"}
    assert header.header_bytes == header_end(data[:8], file_size=len(data))


def tensor(**changes: Any) -> bytes:
    return folders.safetensors({"a": F32 | changes}, bytes(4))


DUPLICATE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}'
HOSTILE = {
    "empty file": (b"", "too_small"),
    "seven bytes": (bytes(7), "too_small"),
    "header past the end": (struct.pack("<Q", 100) + b"{}", "header_past_end"),
    "huge header": (struct.pack("<Q", 2**63) + b"{}", "header_too_large"),
    "no header": (struct.pack("<Q", 0), "not_json"),
    "not UTF-8": (folders.safetensors(b'{"\xff":1}'), "not_utf8"),
    "NUL padding": (folders.safetensors(b'{"a":1}\x00', pad=False), "bad_padding"),
    "leading space": (folders.safetensors(b' {"a":1}'), "not_json"),
    "leading newline": (folders.safetensors(b'\n{"a":1}'), "not_json"),
    "trailing newline": (folders.safetensors(b'{"abc":\n1}\n  '), "bad_padding"),
    "byte order mark": (folders.safetensors(b'\xef\xbb\xbf{"a":1}'), "not_json"),
    "two values": (folders.safetensors(b"{}{}"), "not_json"),
    "unaligned": (folders.safetensors({"a": F32}, bytes(4), pad=False), "unaligned"),
    "empty": (folders.safetensors({}), "no_tensors"),
    "only metadata": (folders.safetensors({"__metadata__": {"a": "b"}}), "no_tensors"),
    "a list": (folders.safetensors([]), "not_json"),
    "duplicate tensor": (folders.safetensors(DUPLICATE, bytes(4)), "duplicate_name"),
    "duplicate metadata": (folders.safetensors(b'{"__metadata__":{},"__metadata__":{}}'), "duplicate_name"),
    "duplicate inside": (folders.safetensors(b'{"a":{"dtype":"F32","dtype":"F32"}}'), "duplicate_name"),
    "metadata not text": (folders.safetensors({"__metadata__": {"a": 1}, "a": F32}, bytes(4)), "bad_metadata"),
    "metadata a list": (folders.safetensors({"__metadata__": [], "a": F32}, bytes(4)), "bad_metadata"),
    "much metadata": (
        folders.safetensors({"__metadata__": {"a": "x" * 2**21}, "a": F32}, bytes(4)),
        "metadata_too_large",
    ),
    "deep": (folders.safetensors(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "too_deep"),
    "not a number": (folders.safetensors(b'{"a":NaN}'), "not_integer"),
    "a fraction": (folders.safetensors(b'{"a":1.5}'), "not_integer"),
    "an exponent": (folders.safetensors(b'{"a":1e3}'), "not_integer"),
    "a huge number": (folders.safetensors(b'{"a":' + b"9" * 5000 + b"}"), "not_json"),
    "unknown type": (tensor(dtype="F33"), "unknown_dtype"),
    "type not text": (tensor(dtype=["F32"]), "unknown_dtype"),
    "unknown member": (tensor(extra=1), "bad_tensor"),
    "member missing": (folders.safetensors({"a": {"dtype": "F32", "shape": [1]}}, bytes(4)), "bad_tensor"),
    "tensor a list": (folders.safetensors({"a": [1]}), "bad_tensor"),
    "shape negative": (tensor(shape=[-1]), "bad_shape"),
    "shape of truth": (tensor(shape=[True]), "bad_shape"),
    "shape not a list": (tensor(shape=1), "bad_shape"),
    "shape 2**64 - 1 by 0": (tensor(shape=[0, 2**64 - 1], data_offsets=[0, 0]), "bad_shape"),
    "rank of a thousand": (tensor(shape=[1] * 1000), "bad_shape"),
    "overflow": (tensor(shape=[2**40] * 16), "size_mismatch"),
    "size mismatch": (tensor(shape=[2]), "size_mismatch"),
    "odd bits": (tensor(dtype="F4", shape=[1], data_offsets=[0, 1]), "odd_bits"),
    "offsets reversed": (tensor(data_offsets=[4, 0]), "bad_offsets"),
    "offsets negative": (tensor(data_offsets=[-4, 0]), "bad_offsets"),
    "three offsets": (tensor(data_offsets=[0, 4, 4]), "bad_offsets"),
    "hole before": (tensor(data_offsets=[4, 8]), "not_contiguous"),
    "hole between": (
        folders.safetensors({"a": F32, "b": F32 | {"data_offsets": [8, 12]}}, bytes(12)),
        "not_contiguous",
    ),
    "overlap": (folders.safetensors({"a": F32, "b": F32 | {"data_offsets": [2, 6]}}, bytes(6)), "not_contiguous"),
    "same region": (folders.safetensors({"a": F32, "b": F32}, bytes(4)), "not_contiguous"),
    "zip appended": (folders.weights() + b"PK\x03\x04", "wrong_length"),
    "cut off": (folders.weights()[:-1], "wrong_length"),
    "name climbs": (folders.safetensors({"../../etc/passwd": F32}, bytes(4)), "bad_name"),
    "name is absolute": (folders.safetensors({"/etc/passwd": F32}, bytes(4)), "bad_name"),
    "name with backslash": (folders.safetensors({"a\\b": F32}, bytes(4)), "bad_name"),
    "name empty": (folders.safetensors({"": F32}, bytes(4)), "bad_name"),
    "name with NUL": (folders.safetensors({"a\x00": F32}, bytes(4)), "bad_name"),
    "name turned round": (folders.safetensors({"a\u202eb": F32}, bytes(4)), "bad_name"),
    "name a surrogate": (folders.safetensors({"\ud800": F32}, bytes(4)), "bad_name"),
    "name long": (folders.safetensors({"a" * 600: F32}, bytes(4)), "bad_name"),
    "pickle": (b"\x80\x04\x95" + b"\xff" * 20, "header_too_large"),
    "many tensors": (
        folders.safetensors({str(n): {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for n in range(100_001)}),
        "too_many_tensors",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_an_anomaly_is_refused_with_its_code(name: str) -> None:
    data, code = HOSTILE[name]

    assert code_of(data) == code


def test_a_header_may_be_given_without_its_data() -> None:
    data = folders.weights()
    end = header_end(data[:8], file_size=len(data))

    assert parse_header(data[:end], file_size=len(data)).tensors[0].end == 16
    with pytest.raises(BadHeader, match="not read in full"):
        parse_header(data[: end - 1], file_size=len(data))


names = st.text(min_size=1, max_size=8)
shapes = st.lists(st.integers(-1, 3), max_size=3)
tensors = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "F4", "BF16", "X"]),
        "shape": shapes,
        "data_offsets": st.lists(st.integers(0, 12), min_size=2, max_size=2),
    }
)
headers = st.dictionaries(names, tensors, max_size=3)


@given(st.binary(max_size=200), st.integers(0, 2**40))
@example(struct.pack("<Q", MAX_HEADER_BYTES), 2**40)
def test_any_bytes_are_read_or_refused(data: bytes, size: int) -> None:
    with contextlib.suppress(BadHeader):
        parse_header(data, file_size=size)


@given(st.binary(max_size=80))
def test_any_header_is_read_or_refused(raw: bytes) -> None:
    data = folders.safetensors(b"{" + raw + b"}")
    with contextlib.suppress(BadHeader):
        parse_header(data, file_size=len(data))


@given(headers, st.binary(max_size=24))
def test_what_is_accepted_the_formats_own_library_accepts_too(header: dict[str, Any], body: bytes) -> None:
    data = folders.safetensors(json.dumps(header).encode(), body)
    try:
        found = parse_header(data, file_size=len(data))
    except BadHeader:
        return

    theirs = dict(safetensors.deserialize(data))
    assert {tensor.name: list(tensor.shape) for tensor in found.tensors} == {
        name: info["shape"] for name, info in theirs.items()
    }


@given(st.permutations([1, 2, 3]), st.integers(1, 4))
def test_a_sound_file_of_any_order_is_accepted_by_both(order: list[int], fill: int) -> None:
    data = folders.weights(*(f"t{number}" for number in order), fill=fill)

    assert len(parse_header(data, file_size=len(data)).tensors) == 3
    assert len(safetensors.deserialize(data)) == 3


def test_what_the_librarys_writer_makes_is_accepted(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    from safetensors.numpy import save_file

    path = tmp_path / "x.safetensors"
    save_file({"a": numpy.zeros((2, 3)), "b": numpy.ones(1, dtype="uint8")}, path, {"k": "v"})
    data = path.read_bytes()

    assert parse_header(data, file_size=len(data)).parameters == 7
