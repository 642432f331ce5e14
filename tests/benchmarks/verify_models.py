"""Model folders to measure a verification on: large shards, very many headers, a large vocabulary."""

import hashlib
import json
import struct
from pathlib import Path

from registry.formats.roles import role_of
from registry.verification.subject import Expected
from tests import folders
from tests.corpus import gguf

MEBIBYTE = 1024 * 1024
COLUMNS = 1024
# Small BF16 numbers of either sign, none of them special; the digests do not care what they are.
BLOCK = bytes(byte for at in range(MEBIBYTE // 2) for byte in (at * 37 & 0xFF, 0x3C | (at & 1) << 7))


def large(folder: Path, *, shards: int, size: int = 512 * MEBIBYTE, tensors: int = 128) -> Path:
    """A model of some shards of BF16 matrices, with its index and the small files of any repository."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    each, places = size // tensors, {}
    for shard in range(shards):
        name = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors" if shards > 1 else "model.safetensors"
        header = {}
        for number in range(tensors):
            tensor = f"model.layers.{shard * tensors + number}.mlp.down_proj.weight"
            places[tensor] = name
            header[tensor] = {
                "dtype": "BF16",
                "shape": [each // 2 // COLUMNS, COLUMNS],
                "data_offsets": [number * each, (number + 1) * each],
            }
        with (folder / name).open("wb") as stream:
            stream.write(folders.safetensors(header))
            for _ in range(size // len(BLOCK)):
                stream.write(BLOCK)
    small: dict[str, bytes] = folders.model_files(model_safetensors=None, config_json=None)
    if shards > 1:
        small["model.safetensors.index.json"] = _index(places, shards * size)
    folders.write(folder, small)
    return folder


def many(folder: Path, *, files: int, tensors: int, tokens: int) -> Path:
    """Very many small shards, the index over them, and a GGUF file with a large vocabulary."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    places = {}
    for shard in range(files):
        name = f"model-{shard + 1:05d}-of-{files:05d}.safetensors"
        header = {}
        for number in range(tensors):
            tensor = f"model.layers.{shard}.mlp.experts.{number}.down_proj.weight"
            places[tensor] = name
            header[tensor] = {
                "dtype": "BF16",
                "shape": [4, 8],
                "data_offsets": [64 * number, 64 * number + 64],
            }
        (folder / name).write_bytes(folders.safetensors(header, BLOCK[: 64 * tensors]))
    folders.write(
        folder,
        {
            "model.safetensors.index.json": _index(places, files * tensors * 64),
            "vocabulary.gguf": vocabulary(tokens),
        },
    )
    return folder


def vocabulary(tokens: int) -> bytes:
    """A small model with as many tokens, and twice as many merges."""
    merges = struct.pack("<IIQ", gguf.ARRAY, gguf.STRING, 2 * tokens) + b"".join(
        gguf.text(f"a{number} b{number}") for number in range(2 * tokens)
    )
    return gguf.llama(tokens=tokens, extra=[gguf.text("tokenizer.ggml.merges") + merges])


def expected(folder: Path) -> dict[str, Expected]:
    """The manifest of a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        name = str(path.relative_to(folder))
        found[name] = Expected(name, path.stat().st_size, digest, role_of(name))
    return found


def _index(places: dict[str, str], total: int) -> bytes:
    return json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2).encode()
