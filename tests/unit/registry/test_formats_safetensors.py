import contextlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.formats.safetensors import MAX_HEADER_BYTES, BadHeader, Header, header_end, parse_header
from tests import folders
from tests.corpus import safetensors as corpus


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


@pytest.mark.parametrize("name", corpus.HOSTILE)
def test_an_anomaly_is_refused_with_its_code(name: str) -> None:
    code, make = corpus.HOSTILE[name]

    assert code_of(make()) == code


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


def assert_same(found: Header, data: bytes) -> None:
    """The format's own library accepts the file, too, and reads the same out of it."""
    theirs = dict(safetensors.deserialize(data))
    assert {
        tensor.name: (
            list(tensor.shape),
            data[found.header_bytes + tensor.begin : found.header_bytes + tensor.end],
        )
        for tensor in found.tensors
    } == {name: (info["shape"], bytes(info["data"])) for name, info in theirs.items()}
    assert {tensor.name: tensor.dtype for tensor in found.tensors} == {
        name: info["dtype"] for name, info in theirs.items()
    }


SOUND = folders.safetensors(
    {"__metadata__": {"a": 'say "b" \\'}, "x": corpus.F32, "y": corpus.F32 | {"data_offsets": [4, 8]}},
    bytes(8),
)


@settings(max_examples=300)
@given(st.integers(8, len(SOUND)), st.binary(min_size=1, max_size=3), st.booleans())
def test_a_changed_file_is_refused_or_read_as_the_library_reads_it(
    place: int, piece: bytes, is_inserted: bool
) -> None:
    changed = SOUND[8:place] + piece + SOUND[place if is_inserted else place + len(piece) :]
    data = struct.pack("<Q", int.from_bytes(SOUND[:8], "little") + is_inserted * len(piece)) + changed
    try:
        found = parse_header(data, file_size=len(data))
    except BadHeader:
        return

    assert_same(found, data)


@given(st.dictionaries(st.text(max_size=4), st.text(max_size=6), max_size=3), st.booleans())
def test_metadata_of_any_text_is_read_as_the_json_it_is(metadata: dict[str, str], is_ascii: bool) -> None:
    header = {"__metadata__": metadata, "a": corpus.F32}
    raw = json.dumps(header, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    data = folders.safetensors(raw, bytes(4))

    assert parse_header(data, file_size=len(data)).metadata == metadata


@given(headers, st.binary(max_size=24))
def test_what_is_accepted_the_formats_own_library_accepts_too(header: dict[str, Any], body: bytes) -> None:
    data = folders.safetensors(json.dumps(header).encode(), body)
    try:
        found = parse_header(data, file_size=len(data))
    except BadHeader:
        return

    assert_same(found, data)


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
