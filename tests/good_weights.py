"""Weight files as the common tools write them, with small tensors of plausible numbers. Nothing here is ever loaded."""

import array
import io
import json
import math
import random
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests import folders

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parent / "corpus" / "architectures.json").read_text(encoding="utf-8")
)
# Tensors whose first dimension is the vocabulary.
_VOCABULARY = re.compile(
    r"embed_tokens|wte\.|word_embeddings\.|embed_in|lm_head|embed_out|cls\.predictions\.(bias|decoder)"
)
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I32": 4, "I64": 8, "U8": 1, "I8": 1}

Tensor = tuple[str, tuple[int, ...]]


def config_of(case: str, vocabulary: int, **members: Any) -> dict[str, Any]:
    """The configuration of a known-good case with another vocabulary."""
    return {
        **CASES[case]["config"],
        "vocab_size": vocabulary,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.57.1",
    } | members


def tensors_of(case: str, vocabulary: int, *, dtype: str = "BF16") -> dict[str, Tensor]:
    """The tensors of a known-good case, by name."""
    found: dict[str, Tensor] = {}
    for shape, names in CASES[case]["tensors"].items():
        sizes = tuple(map(int, shape.split()))
        for name in names:
            found[name] = (dtype, (vocabulary, *sizes[1:]) if _VOCABULARY.search(name) else sizes)
    return found


def numbers(name: str, dtype: str, shape: tuple[int, ...]) -> bytes:
    """Bytes of a tensor: ones for norms, zeros for biases, small random numbers otherwise; the same every time."""
    count = math.prod(shape)
    source = random.Random(name)
    if dtype in {"I32", "I64", "U8", "I8"}:
        return source.randbytes(count * SIZES[dtype])
    if dtype == "F8_E4M3":
        return bytes(source.randrange(0x20, 0x58) | source.choice((0, 0x80)) for _ in range(count))
    if "norm" in name.lower() or ".ln_" in name:
        values = array.array("f", [0.0 if name.endswith("bias") else 1.0]) * count
    elif name.endswith("bias"):
        values = array.array("f", [0.0]) * count
    else:
        values = array.array("f", (source.gauss(0, 0.05) for _ in range(count)))
    return _narrowed(values, dtype)


def _narrowed(values: "array.array[float]", dtype: str) -> bytes:
    if dtype == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    raw = values.tobytes()
    return raw if dtype == "F32" else b"".join(raw[at + 2 : at + 4] for at in range(0, len(raw), 4))


def safetensors(tensors: Mapping[str, Tensor]) -> bytes:
    """One file with all of them."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, (dtype, shape) in tensors.items():
        begin = len(data)
        data += numbers(name, dtype, shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, len(data)]}
    return folders.safetensors(header, bytes(data))


def sharded(tensors: Mapping[str, Tensor], count: int) -> dict[str, bytes]:
    """Several files and their index, by path."""
    names = sorted(tensors)
    parts = [names[place::count] for place in range(count)]
    files, places, total = {}, {}, 0
    for place, part in enumerate(parts, start=1):
        path = f"model-{place:05d}-of-{count:05d}.safetensors"
        files[path] = safetensors({name: tensors[name] for name in part})
        places |= dict.fromkeys(part, path)
    for dtype, shape in tensors.values():
        total += math.prod(shape) * SIZES[dtype]
    parameters = sum(math.prod(shape) for _, shape in tensors.values())
    index = {
        "metadata": {"total_size": total, "total_parameters": parameters},
        "weight_map": dict(sorted(places.items())),
    }
    return files | {"model.safetensors.index.json": json.dumps(index, indent=2).encode()}


def gptq(tensors: Mapping[str, Tensor], *, group: int) -> dict[str, Tensor]:
    """The layers' projections as GPTQ packs them into words of 32 bits, 4 bits a number."""
    packed: dict[str, Tensor] = {}
    for name, (dtype, shape) in tensors.items():
        if ".layers." not in name or len(shape) != 2:
            packed[name] = ("F16" if dtype == "BF16" else dtype, shape)
            continue
        base, (outputs, inputs) = name.removesuffix(".weight"), shape
        packed |= {
            f"{base}.qweight": ("I32", (inputs // 8, outputs)),
            f"{base}.qzeros": ("I32", (inputs // group, outputs // 8)),
            f"{base}.scales": ("F16", (inputs // group, outputs)),
            f"{base}.g_idx": ("I32", (inputs,)),
        }
    return packed


def awq(tensors: Mapping[str, Tensor], *, group: int) -> dict[str, Tensor]:
    """The layers' projections as AWQ packs them."""
    packed: dict[str, Tensor] = {}
    for name, (dtype, shape) in tensors.items():
        if ".layers." not in name or len(shape) != 2:
            packed[name] = ("F16" if dtype == "BF16" else dtype, shape)
            continue
        base, (outputs, inputs) = name.removesuffix(".weight"), shape
        packed |= {
            f"{base}.qweight": ("I32", (inputs, outputs // 8)),
            f"{base}.qzeros": ("I32", (inputs // group, outputs // 8)),
            f"{base}.scales": ("F16", (inputs // group, outputs)),
        }
    return packed


def fp8(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The layers' projections in 8 bits with a scale for each output, as compressed-tensors stores them."""
    packed: dict[str, Tensor] = {}
    for name, (dtype, shape) in tensors.items():
        if ".layers." in name and len(shape) == 2:
            packed[name] = ("F8_E4M3", shape)
            packed[f"{name}_scale"] = ("BF16", (shape[0], 1))
        else:
            packed[name] = (dtype, shape)
    return packed


def torch_bin(tensors: Mapping[str, Tensor]) -> bytes:
    """What `torch.save` writes for a state dict of float32 tensors, opcode by opcode."""
    program = bytearray(b"\x80\x02ccollections\nOrderedDict\n)R(")
    blobs: dict[str, bytes] = {}
    for place, (name, (_, shape)) in enumerate(tensors.items()):
        blobs[f"archive/data/{place}"] = numbers(name, "F32", shape)
        strides = [math.prod(shape[at + 1 :]) for at in range(len(shape))]
        program += _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        program += (
            _text("storage")
            + b"ctorch\nFloatStorage\n"
            + _text(str(place))
            + _text("cpu")
            + _int(math.prod(shape))
        )
        program += b"tQK\x00" + _tuple(shape) + _tuple(strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    program += b"u."
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        entries = {
            "archive/data.pkl": bytes(program),
            "archive/byteorder": b"little",
            **blobs,
            "archive/version": b"3\n",
        }
        for path, data in entries.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), data)
    return stream.getvalue()


def _text(text: str) -> bytes:
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def _int(value: int) -> bytes:
    return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)


def _tuple(values: Any) -> bytes:
    return b"(" + b"".join(map(_int, values)) + b"t"


# ---- GGUF ---------------------------------------------------------------------------------------------------------
_KINDS = {bool: 7, int: 4, float: 6, str: 8}
ALIGNMENT = 32


def gguf(metadata: Mapping[str, Any], tensors: Mapping[str, tuple[int, ...]]) -> bytes:
    """A GGUF file of version 3 with tensors of float32; shapes in the file's order, columns first."""
    head, data = bytearray(), bytearray()
    head += b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _string(key) + _value(value)
    for name, shape in tensors.items():
        data += bytes(-len(data) % ALIGNMENT)
        head += _string(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", 0, len(data))
        data += numbers(name, "F32", shape)
    data += bytes(-len(data) % ALIGNMENT)
    return bytes(head) + bytes(-len(head) % ALIGNMENT) + bytes(data)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Any) -> bytes:
    if isinstance(value, list):
        kind = _KINDS[type(value[0])] if not isinstance(value[0], int) else 5
        return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(_bare(kind, item) for item in value)
    kind = _KINDS[type(value)]
    return struct.pack("<I", kind) + _bare(kind, value)


def _bare(kind: int, value: Any) -> bytes:
    if kind == 8:
        return _string(value)
    return struct.pack({4: "<I", 5: "<i", 6: "<f", 7: "<?"}[kind], value)
