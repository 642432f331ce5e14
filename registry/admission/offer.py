"""What a node offers to serve, and how it differs from what is registered. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from modelcustody_client import manifest
from modelcustody_client.manifest import ManifestFile

from governance.fields import Fields, InvalidField

MAX_FILES = 20_000
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class InvalidOffer(InvalidField):
    """The request for admission is not understood."""

    code = "invalid_admission_request"


@dataclass(frozen=True)
class Offer:
    """A request for admission: either every file of the folder, or only the digest of what is served."""

    environment: str
    purpose: str
    model_digest: str
    files: tuple[ManifestFile, ...] | None = None
    engine: Mapping[str, str | None] | None = None
    node: str | None = None
    region: str | None = None


class Difference(StrEnum):
    """How a file differs; the values are reason codes."""

    MISMATCH = "digest_mismatch"
    MISSING = "file_missing"
    EXTRA = "file_extra"


def parse_offer(value: Any) -> Offer:
    """Return the offer in parsed JSON, or raise `InvalidOffer` with the field."""
    fields = Fields(value, problem=InvalidOffer)
    files = _files(fields) if fields.has("files") else None
    stated = _digest(fields)
    if (files is None) == (stated is None):
        raise fields.fail("files", "give either files or model_digest")
    offer = Offer(
        environment=_name(fields, "environment"),
        purpose=_name(fields, "purpose"),
        model_digest=stated or manifest.model_digest(files or ()),
        files=files,
        engine=_engine(fields.table("engine")) if fields.has("engine") else None,
        node=fields.text_or_none("node"),
        region=fields.text_or_none("region"),
    )
    fields.raw("files"), fields.raw("engine")
    fields.done()
    return offer


def differences(
    offered: tuple[ManifestFile, ...], registered: tuple[ManifestFile, ...]
) -> list[tuple[Difference, str]]:
    """Return what differs, by path; only true documents, such as a README, may be absent or added at the node."""
    ours, theirs = {file.path: file for file in registered}, {file.path: file for file in offered}
    found = []
    for path in sorted(ours.keys() | theirs.keys()):
        if path not in theirs:
            difference = Difference.MISSING
        elif path not in ours:
            difference = Difference.EXTRA
        elif theirs[path] != ours[path]:
            found.append((Difference.MISMATCH, path))
            continue
        else:
            continue
        if manifest.is_load_bearing(path) or manifest.is_disguised(path):
            found.append((difference, path))
    return found


def _files(fields: Fields) -> tuple[ManifestFile, ...]:
    listed = fields.raw("files")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_FILES:
        raise fields.fail("files", f"must be a list of 1 to {MAX_FILES} files")
    files = tuple(_each(listed))
    try:
        manifest.check_paths(file.path for file in files)
    except manifest.BadManifest as problem:
        raise fields.fail("files", str(problem)) from None
    return files


def _each(listed: list[Any]) -> Iterator[ManifestFile]:
    for index, item in enumerate(listed):
        fields = Fields(item, path=f"files[{index}]", problem=InvalidOffer)
        file = ManifestFile(fields.text("path"), fields.count("size"), fields.text("sha256"))
        if not _SHA256.fullmatch(file.sha256):
            raise fields.fail("sha256", "must be 64 lower-case hex digits")
        fields.done()
        yield file


def _digest(fields: Fields) -> str | None:
    digest = fields.text_or_none("model_digest")
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise fields.fail("model_digest", "must be sha256: and 64 lower-case hex digits")
    return digest


def _name(fields: Fields, key: str) -> str:
    name = fields.text(key)
    if not _NAME.fullmatch(name):
        raise fields.fail(key, f"must match {_NAME.pattern}")
    return name


def _engine(fields: Fields) -> dict[str, str | None]:
    engine: dict[str, str | None] = {"name": fields.text("name"), "version": fields.text_or_none("version")}
    fields.done()
    return engine
