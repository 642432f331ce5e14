"""GGUF files, sound and hostile, assembled from parts; the hostile ones with the code under which each is refused."""

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Make = Callable[[], bytes]
U8, U32, I32, F32, BOOL, STRING, ARRAY, U64 = 0, 4, 5, 6, 7, 8, 9, 10
LAYOUTS = {U8: "<B", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q"}


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def pair(key: str | bytes, kind: int, value: Any) -> bytes:
    """One entry of the metadata; of a list, `value` is (kind of its items, items)."""
    return text(key) + struct.pack("<I", kind) + item(kind, value)


def item(kind: int, value: Any) -> bytes:
    if kind == STRING:
        return text(value)
    if kind == ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(item(inner, each) for each in items)
    return struct.pack(LAYOUTS[kind], value)


def info(name: str | bytes, shape: Sequence[int], kind: int, offset: int) -> bytes:
    """What the header says of one tensor."""
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)


LLAMA_BLOCK = (
    "attn_norm", "ffn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"
)  # fmt: skip
LLAMA = pair("general.architecture", STRING, "llama")


def file(
    pairs: Sequence[bytes] = (LLAMA,),
    infos: Sequence[bytes] = (info("a", [8], 0, 0),),
    data: bytes = bytes(32),
    *,
    version: int = 3,
    counts: tuple[int, int] | None = None,
    alignment: int = 32,
    padding: bytes = b"\0",
) -> bytes:
    """A file of these parts; `counts` are the tensors and values that it claims."""
    tensors, values = counts or (len(infos), len(pairs))
    head = struct.pack("<4sIQQ", b"GGUF", version, tensors, values) + b"".join(pairs) + b"".join(infos)
    return head + padding * (-len(head) % alignment) + data


def llama(
    *, blocks: int = 1, width: int = 32, tokens: int = 8, extra: Sequence[bytes] = (), **said: int
) -> bytes:
    """A sound small llama of F32; `said` puts other numbers into its metadata than its tensors have."""
    pairs = [
        LLAMA,
        pair("llama.block_count", U32, said.get("block_count", blocks)),
        pair("llama.embedding_length", U32, said.get("embedding_length", width)),
        pair("tokenizer.ggml.model", STRING, "gpt2"),
        pair(
            "tokenizer.ggml.tokens",
            ARRAY,
            (STRING, [f"t{number}" for number in range(said.get("vocabulary", tokens))]),
        ),
        pair("tokenizer.ggml.token_type", ARRAY, (I32, [1] * said.get("types", tokens))),
        pair("tokenizer.ggml.eos_token_id", U32, said.get("eos", 0)),
        *extra,
    ]
    return of_tensors(pairs, shapes_of(LLAMA_BLOCK, blocks=blocks, width=width, tokens=tokens))


def model(architecture: str, kinds: Iterable[str], *, blocks: int = 2) -> bytes:
    """A small model of another architecture, whose blocks have these tensors."""
    pairs = [
        pair("general.architecture", STRING, architecture),
        pair(f"{architecture}.block_count", U32, blocks),
        pair(f"{architecture}.embedding_length", U32, 32),
    ]
    return of_tensors(pairs, shapes_of(kinds, blocks=blocks, width=32, tokens=8))


def shapes_of(kinds: Iterable[str], *, blocks: int, width: int, tokens: int) -> dict[str, list[int]]:
    """The tensors of a model by their names; experts are stacked, norms are rows."""
    shapes = {"token_embd": [width, tokens], "output_norm": [width]}
    for number in range(blocks):
        for kind in sorted(kinds):
            shape = (
                [width]
                if kind.endswith("norm")
                else [width, width, 2]
                if kind.endswith("exps")
                else [width, width]
            )
            shapes[f"blk.{number}.{kind}"] = shape
    return shapes


def of_tensors(pairs: Sequence[bytes], shapes: Mapping[str, Sequence[int]]) -> bytes:
    """A file of F32 tensors."""
    infos, offset = [], 0
    for name, shape in shapes.items():
        infos.append(info(f"{name}.weight", shape, 0, offset))
        offset += 4 * math.prod(shape)
    return file(pairs, infos, struct.pack("<2f", 0.25, -0.5) * (offset // 8))


def split(number: int, count: int, names: Sequence[str], *, said: tuple[int, int, int]) -> bytes:
    """One part of a split model; `said` are its number, the parts, and the tensors of all parts."""
    pairs = [LLAMA] if number == 0 else []
    for key, value in zip(("split.no", "split.count", "split.tensors.count"), said, strict=True):
        pairs.append(pair(key, U32, value))
    return file(
        pairs, [info(name, [8], 0, 32 * place) for place, name in enumerate(names)], bytes(32 * len(names))
    )


def nested(depth: int) -> bytes:
    """A list of lists of lists."""
    return (
        text("deep")
        + struct.pack("<I", ARRAY)
        + struct.pack("<IQ", ARRAY, 1) * depth
        + struct.pack("<IQ", U8, 0)
    )


def with_pair(*raw: bytes) -> bytes:
    return file((LLAMA, *raw))


HOSTILE: dict[str, tuple[str, Make]] = {
    # The frame
    "empty file": ("too_small", lambda: b""),
    "only the magic": ("too_small", lambda: b"GGUF"),
    "another magic": ("not_gguf", lambda: b"GGML" + bytes(60)),
    "version 0": ("big_endian", lambda: file(version=0)),
    "version 1": ("bad_version", lambda: file(version=1)),
    "version 4": ("bad_version", lambda: file(version=4)),
    "big endian": ("big_endian", lambda: b"GGUF" + struct.pack(">IQQ", 3, 1, 1) + bytes(40)),
    "cut off in the metadata": ("cut_off", lambda: file()[:40]),
    "cut off in the tensors": ("cut_off", lambda: file()[:80]),
    "cut off before the data": ("cut_off", lambda: file(data=b"")[:-1]),
    "cut off in the data": ("wrong_length", lambda: file(data=bytes(31))),
    "zip appended": ("wrong_length", lambda: file() + b"PK\x03\x04" * 16),
    "data hidden in the padding": ("bad_padding", lambda: file(padding=b"x")),
    "all of it ones": ("bad_version", lambda: b"GGUF" + b"\xff" * 100),
    # Counts
    "2**63 tensors": ("too_many_tensors", lambda: file(counts=(2**63, 1))),
    "100,001 tensors": ("too_many_tensors", lambda: file(counts=(100_001, 1))),
    "2**63 values": ("too_many_values", lambda: file(counts=(1, 2**63))),
    "one value more than there is": ("no_tensors", lambda: file(counts=(0, 2))),
    "one tensor more than there is": ("bad_rank", lambda: file(counts=(2, 1), data=bytes(640))),
    "no tensors": ("no_tensors", lambda: file(infos=(), data=b"")),
    # Values
    "text of 2**62 bytes": ("text_too_long", lambda: with_pair(text("a") + struct.pack("<IQ", STRING, 2**62))),
    "text past the end": ("cut_off", lambda: with_pair(text("a") + struct.pack("<IQ", STRING, 10_000))),
    "text not UTF-8": ("not_utf8", lambda: with_pair(pair("a", STRING, b"\xff\xfe"))),
    "key of 2**62 bytes": ("text_too_long", lambda: file((struct.pack("<Q", 2**62),))),
    "key of a thousand bytes": ("text_too_long", lambda: with_pair(pair("a" * 1000, U8, 1))),
    "key empty": ("bad_key", lambda: with_pair(pair("", U8, 1))),
    "key with a newline": ("bad_key", lambda: with_pair(pair("a\nb", U8, 1))),
    "key of other letters": ("bad_key", lambda: with_pair(pair("\u0430", U8, 1))),
    "key not UTF-8": ("not_utf8", lambda: with_pair(pair(b"\xff", U8, 1))),
    "duplicate key": ("duplicate_key", lambda: with_pair(LLAMA)),
    "unknown kind of value": ("unknown_kind", lambda: with_pair(text("a") + struct.pack("<I", 13))),
    "truth of seven": ("bad_bool", lambda: with_pair(pair("a", BOOL, 7))),
    "list of 2**61 numbers": ("array_too_long", lambda: with_pair(text("a") + struct.pack("<IIQ", ARRAY, U64, 2**61))),
    "list of 2**61 texts": ("array_too_long", lambda: with_pair(text("a") + struct.pack("<IIQ", ARRAY, STRING, 2**61))),
    "list past the end": ("cut_off", lambda: with_pair(text("a") + struct.pack("<IIQ", ARRAY, U8, 2_000_000))),
    "list of texts past the end": (
        "cut_off", lambda: file((LLAMA, text("a") + struct.pack("<IIQ", ARRAY, STRING, 2_000_000)), (), bytes(99))
    ),
    "list of an unknown kind": ("unknown_kind", lambda: with_pair(text("a") + struct.pack("<IIQ", ARRAY, 99, 1))),
    "text of 2**62 bytes in a list": (
        "text_too_long", lambda: with_pair(text("a") + struct.pack("<IIQQ", ARRAY, STRING, 1, 2**62))
    ),
    "truths of seven in a list": ("bad_bool", lambda: with_pair(pair("a", ARRAY, (BOOL, [0, 1, 7])))),
    "a list of lists": ("nested_array", lambda: with_pair(nested(1))),
    "lists a thousand deep": ("nested_array", lambda: with_pair(nested(1000))),
    # What the metadata says
    "no architecture": ("no_architecture", lambda: file((pair("general.name", STRING, "x"),))),
    "architecture a number": ("no_architecture", lambda: file((pair("general.architecture", U32, 1),))),
    "architecture a path": ("no_architecture", lambda: file((pair("general.architecture", STRING, "../x"),))),
    "alignment 0": ("bad_alignment", lambda: with_pair(pair("general.alignment", U32, 0))),
    "alignment 24": ("bad_alignment", lambda: with_pair(pair("general.alignment", U32, 24))),
    "alignment 2**31": ("bad_alignment", lambda: with_pair(pair("general.alignment", U32, 2**31))),
    "alignment a text": ("bad_alignment", lambda: with_pair(pair("general.alignment", STRING, "32"))),
    # Tensors
    "no dimensions": ("bad_rank", lambda: file(infos=(info("a", [], 0, 0),))),
    "five dimensions": ("bad_rank", lambda: file(infos=(info("a", [1] * 5, 0, 0),))),
    "2**32 - 1 dimensions": ("bad_rank", lambda: file(infos=(text("a") + b"\xff" * 40,))),
    "dimension 0": ("bad_shape", lambda: file(infos=(info("a", [0], 0, 0),))),
    "dimension 2**63": ("bad_shape", lambda: file(infos=(info("a", [2**63], 0, 0),))),
    "more than memory": ("wrong_length", lambda: file(infos=(info("a", [2**40] * 4, 0, 0),))),
    "wraps round at 2**64": ("wrong_length", lambda: file(infos=(info("a", [2**32, 2**32], 0, 0),))),
    "unknown type": ("unknown_dtype", lambda: file(infos=(info("a", [8], 99, 0),))),
    "type that is never stored": ("unknown_dtype", lambda: file(infos=(info("a", [256], 15, 0),))),
    "type that was removed": ("unknown_dtype", lambda: file(infos=(info("a", [32], 4, 0),))),
    "half a block": ("bad_block", lambda: file(infos=(info("a", [48], 2, 0),))),
    "unaligned": ("unaligned", lambda: file(infos=(info("a", [8], 0, 8),))),
    "offset past 2**62": ("not_contiguous", lambda: file(infos=(info("a", [8], 0, 2**62),))),
    "overlap": ("not_contiguous", lambda: file(infos=(info("a", [16], 0, 0), info("b", [8], 0, 32)), data=bytes(64))),
    "same bytes under two names": (
        "not_contiguous", lambda: file(infos=(info("a", [8], 0, 0), info("b", [8], 0, 0)))
    ),
    "hole": ("not_contiguous", lambda: file(infos=(info("a", [8], 0, 0), info("b", [8], 0, 64)), data=bytes(96))),
    "duplicate tensor": (
        "duplicate_name", lambda: file(infos=(info("a", [8], 0, 0), info("a", [8], 0, 32)), data=bytes(64))
    ),
    "names that differ in case": (
        "alike_names", lambda: file(infos=(info("a", [8], 0, 0), info("A", [8], 0, 32)), data=bytes(64))
    ),
    "name empty": ("bad_name", lambda: file(infos=(info("", [8], 0, 0),))),
    "name climbs": ("bad_name", lambda: file(infos=(info("../../etc/passwd", [8], 0, 0),))),
    "name with NUL": ("bad_name", lambda: file(infos=(info("a\0b", [8], 0, 0),))),
    "name of other letters": ("bad_name", lambda: file(infos=(info("\u0430", [8], 0, 0),))),
    "name of ten megabytes": ("text_too_long", lambda: file(infos=(info("a" * 10_000_000, [8], 0, 0),))),
}  # fmt: skip
