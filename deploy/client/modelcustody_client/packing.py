"""Evidence packs, version 1: their parts and how one is written. Pure; signing needs `cryptography`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO

from modelcustody_client import archive, canonical, dsse

PACK_TYPE = "modelcustody/evidence-pack/v1"
PAYLOAD_TYPE = "application/vnd.modelcustody.pack+json"
DECISION_TYPE = "modelcustody/decision/v1"
DEPLOYMENT_TYPE = "modelcustody/deployment/v1"
INDEX_NAME = "pack.json"
ENVELOPE_NAME = "pack.dsse.json"
MANIFEST_NAME = "manifest.sha256"
APPROVALS_NAME = "approvals.json"
LOGS = ("decisions", "requests")


def checkpoint_name(log: str) -> str:
    """Return where a pack keeps the signed checkpoint of a log."""
    return f"log/{log}/checkpoint"


def leaf_name(log: str, *, index: int) -> str:
    """Return where a pack keeps the bytes of a leaf."""
    return f"entries/{log}/{index}.leaf"


def proof_name(log: str, *, index: int) -> str:
    """Return where a pack keeps the proof of a leaf."""
    return f"entries/{log}/{index}.tlog-proof"


def digest(data: bytes) -> str:
    """Return `sha256:` and the hex SHA-256 of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def index_bytes(
    files: Mapping[str, bytes],
    *,
    model_version: Mapping[str, Any],
    generated_at: str,
    logs: Mapping[str, Mapping[str, str]],
    pending: int = 0,
) -> bytes:
    """Return `pack.json`: what the pack is about, and the digest of every file in it.

    `pending` counts entries that belong here and that no signed tree held yet.
    """
    return canonical.dumps(
        {
            "type": PACK_TYPE,
            "model_version": dict(model_version),
            "generated_at": generated_at,
            "files": {name: digest(data) for name, data in files.items()},
            "logs": {name: dict(log) for name, log in logs.items()},
            "pending": pending,
        }
    )


def write_pack(
    files: Mapping[str, bytes], *, index: bytes, key_name: str, private_key_bytes: bytes, stream: BinaryIO
) -> None:
    """Write the archive: the files, `pack.json` (from `index_bytes`) and its signed envelope."""
    envelope = dsse.sign_envelope(
        index, payload_type=PAYLOAD_TYPE, name=key_name, private_key_bytes=private_key_bytes
    )
    members = {**files, INDEX_NAME: index, ENVELOPE_NAME: envelope}
    archive.write_archive(sorted(members.items()), stream=stream)
