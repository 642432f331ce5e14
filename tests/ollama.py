"""Stores as Ollama leaves them on a disk."""

import hashlib
import json
from pathlib import Path
from typing import Any

LAYER = "application/vnd.ollama.image."
CONFIG = {"model_format": "gguf", "model_family": "llama", "model_type": "1.2B", "file_type": "Q8_0"}


def blob(root: Path, content: bytes) -> dict[str, Any]:
    """A blob under its digest; what a manifest says of it."""
    digest = hashlib.sha256(content).hexdigest()
    (root / "blobs").mkdir(parents=True, exist_ok=True)
    (root / "blobs" / f"sha256-{digest}").write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def write(
    root: Path,
    layers: list[tuple[str, bytes]],
    /,
    *,
    name: str = "registry.ollama.ai/library/llama3.2/1b",
    **changes: Any,
) -> Path:
    """A store with one model; `changes` go into its manifest."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "application/vnd.docker.container.image.v1+json"}
        | blob(root, json.dumps(CONFIG).encode()),
        "layers": [{"mediaType": LAYER + kind} | blob(root, content) for kind, content in layers],
    }
    return write_manifest(root, json.dumps(manifest | changes).encode(), name=name)


def write_manifest(
    root: Path, content: bytes, *, name: str = "registry.ollama.ai/library/llama3.2/1b"
) -> Path:
    path = root / "manifests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return root
