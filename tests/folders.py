"""Model folders for tests: small, complete, made of plain bytes."""

import json
import struct
from pathlib import Path
from typing import Any

MIT = """MIT License

Copyright (c) 2026 Example

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
# Checks that find nothing to hold against anything in the folder of `model_files`, and skip.
SKIPPED = frozenset(
    {
        "C4-signature",
        "C5-commit",
        "C9-architecture",
        "C10-gguf",
        "C12-containers",
        "C18-lineage",
        "C21-hub-scan",
        "C22-at-rest",
    }
)
CARD = "---\nlicense: mit\nbase_model: acme/base\nbase_model_relation: finetune\n---\n\n# A model\n"


def safetensors(header: Any, data: bytes = b"", *, pad: bool = True) -> bytes:
    """A file with this header, given as JSON or as raw bytes."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    if pad:
        raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + data


def weights(*names: str, fill: int = 1) -> bytes:
    """A sound file with one small tensor a name."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    for place, name in enumerate(names or ("model.weight",)):
        header[name] = {"dtype": "F32", "shape": [2, 2], "data_offsets": [place * 16, place * 16 + 16]}
    return safetensors(header, bytes([fill]) * (16 * (len(header) - 1)))


def model_files(**changes: bytes | None) -> dict[str, bytes]:
    """The files of a sound model, by path; pass `config_json=b"..."` or None to change or drop one."""
    files = {
        "README.md": CARD.encode(),
        "LICENSE": MIT.encode(),
        "config.json": json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}).encode(),
        "tokenizer_config.json": json.dumps(
            {"chat_template": "{{ messages[0]['content'] | trim }}"}
        ).encode(),
        "model.safetensors": weights(),
    }
    for name, data in changes.items():
        path = next((path for path in files if path.replace(".", "_") == name), name)
        if data is None:
            files.pop(path)
        else:
            files[path] = data
    return files


def write(folder: Path, files: dict[str, bytes]) -> Path:
    """Put the files into the folder."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder
