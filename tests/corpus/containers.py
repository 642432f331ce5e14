"""Hostile containers of models, files in disguise, and the good ones beside them. Nothing is ever loaded."""

import json
import struct
import tarfile
from collections.abc import Iterator

from tests.corpus import assembler as asm
from tests.corpus import torch_writer as torch
from tests.corpus.archives import PLAIN, Sample, member, patched, rechecked, tar, tars, zips
from tests.corpus.pickles import SYSTEM


def _field(number: int, data: bytes) -> bytes:
    """One field of a protocol buffer that holds bytes."""
    length, size = b"", len(data)
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return (
        bytes([number << 3 & 0x7F | 2 | (0x80 if number > 15 else 0)])
        + (b"\x01" if number > 15 else b"")
        + length
        + bytes([size])
        + data
    )


def onnx(location: str = "", domain: str = "", *, depth: int = 0) -> bytes:
    """A model with one node and one tensor."""
    node = _field(4, b"Add") + (_field(7, domain.encode()) if domain else b"")
    entry = _field(13, _field(1, b"location") + _field(2, location.encode())) if location else b""
    graph = _field(1, node) + _field(5, _field(8, b"w") + entry + _field(9, bytes(16)))
    for _ in range(depth):
        graph = _field(1, _field(5, _field(6, graph)))
    return b"\x08\x09" + _field(7, graph) + _field(8, b"\x10\x11")


def hdf5(**attributes: str) -> bytes:
    """A file whose root has these attributes and nothing else."""
    messages = b""
    for name, value in attributes.items():
        raw, data = name.encode() + b"\0", value.encode()
        datatype = struct.pack("<BBBBL", 0x13, 0, 0, 0, len(data))
        space = struct.pack("<BBBx4x", 1, 0, 0)
        message = struct.pack("<BxHHH", 1, len(raw), len(datatype), len(space))
        message += raw + bytes(-len(raw) % 8) + datatype + space + data
        message += bytes(-len(message) % 8)
        messages += struct.pack("<HHB3x", 0x0C, len(message), 0) + message
    header = struct.pack("<BxHLL4x", 1, len(attributes), 1, len(messages)) + messages
    base = struct.pack("<4Q", 0, 2**64 - 1, 96 + len(header), 2**64 - 1)
    start = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0]) + bytes(4)
    return start + base + struct.pack("<QQLL16x", 0, 96, 0, 0) + header


LAMBDA = json.dumps(
    {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}}
)
DENSE = json.dumps(
    {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense", "module": "keras.layers"}]}}
)
FOREIGN = json.dumps(
    {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"layers": [{"module": "os", "class_name": "system"}]},
    }
)


def models() -> Iterator[Sample]:
    """Models in formats that can carry code or reach outside."""
    yield Sample("h5-lambda", "model.h5", hdf5(model_config=LAMBDA), "Lambda")
    yield Sample("h5-not-json", "model.h5", hdf5(model_config="{"), "not JSON")
    yield Sample("h5-broken", "model.hdf5", b"\x89HDF\r\n\x1a\n\x09 model_config Lambda", "Lambda")
    yield Sample("keras-lambda", "a.keras", torch.plain_zip({"config.json": LAMBDA.encode()}), "Lambda")
    yield Sample("keras-foreign", "b.keras", torch.plain_zip({"config.json": FOREIGN.encode()}), "os.system")
    yield Sample("keras-deep", "c.keras", torch.plain_zip({"config.json": b"[" * 100_000}), "not JSON")
    yield Sample(
        "keras-without-config", "d.keras", torch.plain_zip({"metadata.json": b"{}"}), "no config.json"
    )
    yield Sample("onnx-parent", "a.onnx", onnx("../../etc/passwd"), "outside its folder")
    yield Sample("onnx-absolute", "b.onnx", onnx("/etc/passwd"), "outside its folder")
    yield Sample("onnx-operators", "c.onnx", onnx(domain="evil.ops"), "evil.ops")
    yield Sample("onnx-broken", "d.onnx", b"\x0a\xff\xff\xff\xff\x7f", "does not fit")
    yield Sample("onnx-deep", "e.onnx", onnx(depth=100), "too deep")
    yield Sample("onnx-empty", "f.onnx", b"", "no graph")
    yield Sample("tensorflow-python", "saved_model.pb", b"\x12\x06PyFunc", "PyFunc")
    yield Sample("tensorflow-read", "graph.pb", b"\x12\x08ReadFile", "ReadFile")
    yield Sample(
        "torchscript", "model.pt", torch.torch_zip(**{"archive/code/__torch__.py": b"x"}), "TorchScript"
    )
    yield Sample("no-archive", "model.zip", b"nothing of the kind", "named like an archive")


def disguises() -> Iterator[Sample]:
    """Files that are not what their names say."""
    weights = struct.pack("<Q", 2) + b"{}"
    good = torch.plain_zip(PLAIN)
    for name, path, data, says in (
        ("safetensors-pickle", "model.safetensors", asm.pickle(SYSTEM), "content is pickle"),
        ("safetensors-zip", "model.safetensors", good, "content is zip"),
        ("gguf-bin", "model.bin", b"GGUF\x03" + bytes(60), "content is gguf"),
        ("safetensors-bin", "pytorch_model.bin", weights, "content is safetensors"),
        ("program-bin", "pytorch_model.bin", b"\x7fELF" + bytes(60), "content is elf"),
        ("pickle-text", "README.md", b"cos\nsystem\n(S'x'\ntR.", "content is pickle"),
        ("tar-text", "notes.txt", tar(member()), "content is tar"),
        ("old-tar-text", "notes.md", rechecked(patched(tar(member(), form=tarfile.USTAR_FORMAT), 257, bytes(8))), "content is tar"),
        ("zip-npy", "a.npy", good, "content is zip"),
        ("pickle-onnx", "a.onnx", asm.pickle(SYSTEM), "content is pickle"),
        ("zip-msgpack", "flax_model.msgpack", good, "content is zip"),
        ("zip-behind-json", "config.json", b"{}" + good, "content is binary"),
    ):  # fmt: skip
        yield Sample(name, path, data, says, "C6-format")


GOOD: dict[str, bytes] = {
    "data.zip": torch.plain_zip(PLAIN),
    "deflated.zip": torch.plain_zip(PLAIN, deflated=True),
    "streamed.mar": torch.padded_zip(PLAIN),
    "model.nemo": tar(member("./model.yaml".removeprefix("./")), member("weights/" + "long" * 30 + ".json")),
    "gnu.tar": tar(member(), member("long" * 40), form=tarfile.GNU_FORMAT),
    "ustar.tar": tar(member(), form=tarfile.USTAR_FORMAT),
    "weights.h5": hdf5(keras_version="2.4", backend="tensorflow"),
    "model.h5": hdf5(model_config=DENSE),
    "model.keras": torch.plain_zip({"config.json": DENSE.encode(), "metadata.json": b"{}", "model.weights.h5": hdf5(a="b")}),
    "model.onnx": onnx("model.onnx_data", "com.microsoft"),
    "saved_model.pb": b"\x12\x06MatMul",
    "pytorch_model.bin": torch.torch_zip(),
    "arrays.npz": torch.plain_zip({"a.npy": torch.npy(bytes(16))}),
}  # fmt: skip


def every() -> list[Sample]:
    """All of them."""
    return [*zips(), *tars(), *models(), *disguises()]
