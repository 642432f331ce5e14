import contextlib
import struct
from collections.abc import Generator, Iterator
from pathlib import Path

import gguf as library
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats.gguf import parse_header, steps
from registry.formats.gguf_header import Array, BadGguf, Header, numbers, texts
from registry.formats.gguf_types import TENSOR_TYPES
from tests.corpus import gguf


@pytest.mark.parametrize("name", gguf.HOSTILE)
def test_an_anomaly_is_refused_with_its_code(name: str) -> None:
    code, make = gguf.HOSTILE[name]
    data = make()

    with pytest.raises(BadGguf) as refusal:
        parse_header(data, file_size=len(data))

    assert refusal.value.code == code
    assert len(str(refusal.value)) > 20


def test_a_sound_header_says_what_is_in_it() -> None:
    template = gguf.pair("tokenizer.chat_template", gguf.STRING, "{{ messages }}")
    tool = gguf.pair("tokenizer.chat_template.tool_use", gguf.STRING, "{{ tools }}")
    data = gguf.llama(blocks=2, extra=[template, tool, gguf.pair("x.flag", gguf.BOOL, 1)])

    header = parse_header(data, file_size=len(data))

    assert (header.version, header.architecture, header.tokens) == (3, "llama", 8)
    assert header.templates == {
        "tokenizer.chat_template": "{{ messages }}",
        "tokenizer.chat_template.tool_use": "{{ tools }}",
    }
    assert (header.whole("tokenizer.ggml.eos_token_id"), header.whole("x.flag"), header.values["x.flag"]) == (
        0,
        None,
        True,
    )
    tokens, types = header.values["tokenizer.ggml.tokens"], header.values["tokenizer.ggml.token_type"]
    assert isinstance(tokens, Array)
    assert isinstance(types, Array)
    assert list(texts(data, tokens)) == [b"t%d" % number for number in range(8)]
    assert numbers(data, types) == (1,) * 8
    with pytest.raises(ValueError, match="holds no text"):
        next(texts(data, types))
    with pytest.raises(ValueError, match="holds no numbers"):
        numbers(data, tokens)
    assert header.parameters == 32 * 8 + 32 + 2 * (2 * 32 + 7 * 32 * 32)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("alignment", [8, 32, 65536])
def test_versions_and_alignments_that_are_in_use(version: int, alignment: int) -> None:
    pairs = (gguf.LLAMA, gguf.pair("general.alignment", gguf.U32, alignment))
    infos = (gguf.info("a", [3], 0, 0), gguf.info("b", [1], 0, alignment if alignment > 12 else 16))
    end = (alignment if alignment > 12 else 16) + 4
    for padding in (0, -end % alignment):
        data = gguf.file(pairs, infos, bytes(end + padding), version=version, alignment=alignment)

        assert len(parse_header(data, file_size=len(data)).tensors) == 2


class Reading:
    """Goes through the steps, and keeps what they end with."""

    def __init__(self, steps: Generator[int, None, Header]) -> None:
        self.steps = steps
        self.header: Header | None = None

    def __iter__(self) -> Iterator[int]:
        self.header = yield from self.steps


def test_the_header_may_come_in_pieces() -> None:
    data = gguf.llama(tokens=20_000, blocks=3)
    whole = parse_header(data, file_size=len(data))
    start, asked = bytearray(), []
    reading = Reading(steps(start, file_size=len(data)))

    for end in reading:
        assert len(start) < end <= len(data)
        start += data[len(start) : end]
        asked.append(end)

    assert (reading.header, len(asked) < 10) == (whole, True)
    with pytest.raises(BadGguf, match="not read in full"):
        parse_header(data[: whole.data_begin - 1], file_size=len(data))


def test_the_library_and_this_reader_know_the_same_types() -> None:
    never_stored = {"Q8_1", "Q8_K"}
    theirs = {
        (kind.value, kind.name, *library.GGML_QUANT_SIZES[kind])
        for kind in library.GGMLQuantizationType
        if kind.name not in never_stored
    }

    assert theirs == {
        (number, kind.name, kind.block, kind.block_bytes) for number, kind in TENSOR_TYPES.items()
    }


@pytest.mark.parametrize("kind", sorted(kind.name for kind in TENSOR_TYPES.values()))
def test_what_the_librarys_writer_makes_is_read_the_same(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    writer = library.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_chat_template("{{ messages }}")
    writer.add_token_list(["a", "b\u00e9"])
    writer.add_float32("x.scale", 0.5)
    writer.add_array("x.list", [1, 2, 3])
    packing = library.GGMLQuantizationType[kind]
    block, size = library.GGML_QUANT_SIZES[packing]
    writer.add_tensor("packed.weight", np.zeros((3, 256 // block * size), np.uint8), raw_dtype=packing)
    writer.add_tensor("plain.weight", np.ones((2, 3), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    data = path.read_bytes()

    header = parse_header(data, file_size=len(data))
    theirs = library.GGUFReader(path)

    assert [
        (t.name, t.dtype, t.shape, header.data_begin + t.begin, t.end - t.begin) for t in header.tensors
    ] == [
        (t.name, t.tensor_type.name, tuple(map(int, t.shape)), t.data_offset, t.n_bytes)
        for t in theirs.tensors
    ]
    assert {key: value for key, value in header.values.items() if not isinstance(value, Array)} == {
        key: field.contents()
        for key, field in theirs.fields.items()
        if not key.startswith("GGUF.") and field.types[0] != library.GGUFValueType.ARRAY
    }


def test_parts_after_the_first_and_measurements_name_no_architecture() -> None:
    part = gguf.split(1, 2, ["a"], said=(1, 2, 2))
    measured = gguf.file((gguf.pair("general.type", gguf.STRING, "imatrix"),))

    assert parse_header(part, file_size=len(part)).architecture == ""
    assert parse_header(measured, file_size=len(measured)).architecture == ""


SOUND = gguf.llama(extra=[gguf.pair("x", gguf.ARRAY, (gguf.STRING, ["a", "b"]))])


@given(st.binary(max_size=200), st.integers(0, 2**70))
def test_any_bytes_are_read_or_refused(data: bytes, size: int) -> None:
    with contextlib.suppress(BadGguf):
        parse_header(data, file_size=size)


@given(st.binary(max_size=120), st.integers(0, 3), st.integers(0, 3))
def test_any_bytes_behind_the_magic_are_read_or_refused(rest: bytes, tensors: int, values: int) -> None:
    data = struct.pack("<4sIQQ", b"GGUF", 3, tensors, values) + rest
    with contextlib.suppress(BadGguf):
        parse_header(data, file_size=len(data))


@settings(max_examples=200)
@given(st.integers(0, 800), st.binary(min_size=1, max_size=12), st.booleans())
def test_any_change_of_a_sound_file_is_read_or_refused(place: int, piece: bytes, is_inserted: bool) -> None:
    data = SOUND[:place] + piece + SOUND[place if is_inserted else place + len(piece) :]
    try:
        header = parse_header(data, file_size=len(data))
    except BadGguf:
        return

    assert isinstance(header, Header)
    assert all(tensor.end <= len(data) - header.data_begin for tensor in header.tensors)
