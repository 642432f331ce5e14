"""Reads single files of a version from where its copy lies, and only as its manifest knows them."""

import hashlib
from pathlib import Path
from typing import Any

from governance.errors import Conflict
from registry import origin, regular_files
from registry.models import Artifact, ModelVersion


class SnapshotMissing(Conflict):
    """The copy of the version, or a file of it, is gone or cannot be read."""

    code = "snapshot_missing"


class SnapshotChanged(Conflict):
    """The file is not the one that was registered."""

    code = "snapshot_changed"


def read(version: ModelVersion, artifact: Artifact) -> bytes:
    """The bytes of a file, held against the manifest before anyone sees them."""
    named: dict[str, Any] = {"model_version": version.pk, "path": artifact.path}
    try:
        target = _inside(origin.folder_of(version), artifact.path)
        content = regular_files.read(target, most=artifact.size) if target is not None else None
    except OSError as error:
        raise SnapshotMissing(
            f"{artifact.path} of {version} cannot be read: {error.strerror or error}. Fetch the version again.",
            **named,
        ) from error
    if content is None or hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise SnapshotChanged(
            f"{artifact.path} of {version} is not the file that was registered; nothing is made from it.",
            **named,
        )
    return content


def _inside(root: Path, path: str) -> Path | None:
    """Where the bytes lie; None where a link leads out of the folder (but to the Hub cache's own blobs)."""
    base = root.resolve(strict=True)
    target = (base / path).resolve(strict=True)
    allowed = [base]
    if base.parent.name == "snapshots":
        allowed.append(base.parent.parent / "blobs")
    return target if any(target.is_relative_to(place) for place in allowed) else None
