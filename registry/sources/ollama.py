"""A model in the store that Ollama keeps on a disk: a manifest that names blobs by their digests."""

import dataclasses
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from registry import regular_files
from registry.formats import strict_json
from registry.observed import SourceFacts
from registry.sources import base, disk
from registry.sources.places import Places, locate

MOST_MANIFEST = 1024 * 1024
MOST_LAYERS = 200
MOST_SIZE = 1 << 50
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}"
NAME = re.compile(
    rf"(?:(?:(?P<host>{PART}(?::\d{{1,5}})?)/)?(?P<namespace>{PART})/)?(?P<model>{PART})(?::(?P<tag>{PART}))?",
    re.ASCII,
)
LAYER = "application/vnd.ollama.image."
# What each kind of layer is called here, so that the checks and engines know what it is.
FILES = {
    "model": "model.gguf",
    "adapter": "adapter.gguf",
    "projector": "projector.gguf",
    "template": "template",
    "prompt": "prompt",
    "system": "system",
    "params": "params.json",
    "messages": "messages.json",
    "license": "license",
}
# Not config.json: it is Ollama's own, and no model's architecture stands in it.
CONFIG, MANIFEST = "ollama-config.json", "ollama-manifest.json"


@dataclasses.dataclass(frozen=True, slots=True)
class OllamaName:
    """`llama3.2:1b` in full: registry, namespace, model, tag."""

    host: str
    namespace: str
    model: str
    tag: str

    def __str__(self) -> str:
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"


def parse_name(text: str) -> OllamaName:
    """The name as `ollama list` shows it; raises `base.InvalidSource`."""
    match = NAME.fullmatch(text)
    if match is None:
        raise base.InvalidSource(
            f"{text[:200]!r} is no model of Ollama's. Write it in `revision` as `ollama list` shows it: llama3.2:1b.",
            field="revision",
        )
    return OllamaName(
        match["host"] or "registry.ollama.ai",
        match["namespace"] or "library",
        match["model"],
        match["tag"] or "latest",
    )


class OllamaSource:
    """One model of the store in the folder `location`; its blobs are copied and held against their digests."""

    folder = None

    def __init__(self, location: str, *, model: str, places: Places) -> None:
        self.root = locate(location, places, scheme="ollama")
        self._model = model
        self._manifest: bytes | None = None

    def pin(self, revision: str) -> base.PinnedRevision:
        """What the manifest says now is what is meant; the store has no commits."""
        self._model = revision
        self._manifest = self._read_manifest()
        return base.PinnedRevision(commit=None)

    def list_files(self) -> list[base.RemoteFile]:
        """Every layer under a name that tells its kind, with its digest as the claim; and the manifest itself."""
        content = self._read_manifest()
        if self._manifest not in {None, content}:
            raise base.RevisionMoved(
                f"{self._model} was changed in the store while it was read. Register again."
            )
        self._manifest = content
        files = [self._file(path, layer) for path, layer in _layers(content).items()]
        claim = hashlib.sha256(content).hexdigest()
        files.append(base.RemoteFile(MANIFEST, size=len(content), claimed_digest=claim, claim_kind="sha256"))
        return sorted(files, key=lambda file: file.path)

    def observe(self) -> SourceFacts:
        """Which manifest the name has now; its digest is the id that `ollama list` shows."""
        digest = hashlib.sha256(self._read_manifest()).hexdigest()
        return SourceFacts(repository=str(parse_name(self._model)), listing_digest=f"sha256:{digest}")

    def open(
        self, file: base.RemoteFile, *, offset: int = 0, validator: str = ""
    ) -> AbstractContextManager[base.Stream]:
        """Stream a layer from the disk."""
        path = self._manifest_path() if file.path == MANIFEST else self._blob(file.claimed_digest, file.path)
        return disk.stream(path, file, offset=offset, validator=validator)

    def _file(self, path: str, layer: Mapping[str, Any]) -> base.RemoteFile:
        digest, size = DIGEST.fullmatch(str(layer.get("digest"))), layer.get("size")
        if (
            digest is None
            or not isinstance(size, int)
            or isinstance(size, bool)
            or not 0 <= size <= MOST_SIZE
        ):
            raise base.UnsafeListing(
                f"The manifest of {self._model} names {path} without a usable digest and size."
            )
        found = disk.listed({path: self._blob(digest[1], path)})[0]
        if found.size != size:
            raise base.DownloadCorrupted(
                f"{path} has {found.size} bytes in the store, its manifest says {size}.", path=path
            )
        return dataclasses.replace(found, claimed_digest=digest[1], claim_kind="sha256")

    def _blob(self, digest: str, name: str) -> Path:
        return self._inside(self.root / "blobs" / f"sha256-{digest}", f"The blob of {name}")

    def _manifest_path(self) -> Path:
        name = parse_name(self._model)
        path = self.root / "manifests" / name.host / name.namespace / name.model / name.tag
        if not path.exists():
            raise base.RevisionNotFound(f"The store in {self.root} has no model {name}.", field="revision")
        return self._inside(path, f"The manifest of {name}")

    def _inside(self, path: Path, name: str) -> Path:
        """Where a file of the store really lies; refuses one that a link takes elsewhere."""
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise base.SourceNotFound(f"{name} is not in the store ({path.name[:80]}).") from None
        if not real.is_relative_to(self.root):
            raise base.UnsafeListing(f"{name} is a link that leaves the store.")
        return real

    def _read_manifest(self) -> bytes:
        path = self._manifest_path()
        try:
            content = regular_files.read(path, most=MOST_MANIFEST)
        except regular_files.NotRegular:
            raise base.UnsafeListing(f"The manifest of {self._model} is no regular file.") from None
        except OSError as error:
            raise base.SourceNotFound(
                f"The manifest of {self._model} cannot be read: {error.strerror or error}."
            ) from None
        if len(content) > MOST_MANIFEST:
            raise base.UnsafeListing(f"The manifest of {self._model} has more than {MOST_MANIFEST} bytes.")
        return content


def _layers(content: bytes) -> dict[str, Mapping[str, Any]]:
    """Config and layers by the name of their file; raises `base.UnsafeListing` for anything that is not known."""
    manifest = _parsed(content)
    config, layers = manifest.get("config"), manifest.get("layers")
    if manifest.get("schemaVersion") != 2 or not isinstance(layers, list) or not isinstance(config, dict):
        raise base.UnsafeListing("The manifest is not one of version 2, with a config and layers.")
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise base.UnsafeListing(
            f"The manifest has {len(layers)} layers; between 1 and {MOST_LAYERS} can be kept."
        )
    kinds = [_kind(layer) for layer in layers]
    counts, so_far = Counter(kinds), Counter[str]()
    found: dict[str, Mapping[str, Any]] = {CONFIG: config}
    for kind, layer in zip(kinds, layers, strict=True):
        so_far[kind] += 1
        found[_name(FILES[kind], so_far[kind], counts[kind])] = layer
    if not counts["model"] and not counts["adapter"]:
        raise base.UnsafeListing("The manifest names no model: nothing in it has weights.")
    return found


def _kind(layer: object) -> str:
    media_type = layer.get("mediaType") if isinstance(layer, dict) else None
    kind = media_type.removeprefix(LAYER) if isinstance(media_type, str) else ""
    if kind not in FILES:
        raise base.UnsafeListing(
            f"The manifest has a layer of a kind that is not known: {ascii(media_type)[:100]}."
        )
    return kind


def _name(name: str, number: int, count: int) -> str:
    """Numbered where there are several; the parts of a model as its engines number them."""
    if count == 1:
        return name
    stem, dot, suffix = name.partition(".")
    place = f"{number:05}-of-{count:05}" if stem == "model" else str(number)
    return f"{stem}-{place}{dot}{suffix}"


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        found = strict_json.loads(content)
    except (ValueError, RecursionError):
        raise base.UnsafeListing("The manifest is not JSON with each name once.") from None
    if not isinstance(found, dict):
        raise base.UnsafeListing("The manifest is no JSON object.")
    return found
