"""Reads of a stored copy what a comparison needs: small documents whole, of weight files headers and a few pieces.

Pure, but for the files.
"""

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from modelcustody_client import folder, manifest

from registry import regular_files
from registry.formats import safetensors
from registry.revisions.tensors import TensorEntry
from registry.verification.subject import Expected

MAX_DOCUMENT_BYTES = 2 * 1024 * 1024
MAX_DOCUMENTS_BYTES = 16 * 1024 * 1024
MAX_HEADERS_BYTES = 64 * 1024 * 1024
MAX_TENSORS = 100_000
PIECE_BYTES = 64
ROLES = frozenset({"config", "tokenizer", "template", "license", "doc"})
TEXT_SUFFIXES = (".json", ".jinja", ".md", ".txt", ".yaml", ".yml", ".toml")


@dataclasses.dataclass(frozen=True, slots=True)
class Revision:
    """One side of a comparison. `unread` says, by path, why something was not looked at; "" stands for the whole copy."""

    expected: Mapping[str, Expected]
    documents: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    tensors: Mapping[str, TensorEntry] = dataclasses.field(default_factory=dict)
    unread: Mapping[str, str] = dataclasses.field(default_factory=dict)


def revision(root: Path, expected: Mapping[str, Expected]) -> Revision:
    """What lies below `root`, as far as it is what the manifest says; never raises for what the files hold."""
    try:
        found = folder.list_files(root)
    except manifest.BadManifest as error:
        return Revision(expected, unread={"": str(error)})
    reader = _Reader()
    for path in sorted(expected.keys() & found.keys()):
        reader.take(expected[path], found[path])
    missing = dict.fromkeys(expected.keys() - found.keys(), "the stored copy lacks it")
    return Revision(expected, reader.documents, reader.tensors, {**reader.unread, **missing})


class _Reader:
    """Gathers file after file, within its budgets."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}
        self.tensors: dict[str, TensorEntry] = {}
        self.unread: dict[str, str] = {}
        self._documents_left = MAX_DOCUMENTS_BYTES
        self._headers_left = MAX_HEADERS_BYTES

    def take(self, listed: Expected, target: Path) -> None:
        try:
            if listed.path.lower().endswith(".safetensors"):
                self._weights(listed, target)
            elif (
                listed.role in ROLES and listed.path.lower().endswith(TEXT_SUFFIXES)
            ) or listed.role == "license":
                self._document(listed, target)
        except (OSError, safetensors.BadHeader) as error:
            self.unread[listed.path] = str(error)[:200]

    def _document(self, listed: Expected, target: Path) -> None:
        if listed.size > min(MAX_DOCUMENT_BYTES, self._documents_left):
            self.unread[listed.path] = "too large to be shown"
            return
        content = regular_files.read(target, most=listed.size)
        if hashlib.sha256(content).hexdigest() != listed.sha256:
            self.unread[listed.path] = "the stored copy is not the file that was registered"
            return
        self._documents_left -= len(content)
        self.documents[listed.path] = content

    def _weights(self, listed: Expected, target: Path) -> None:
        with regular_files.opened(target) as stream:
            if os.fstat(stream.fileno()).st_size != listed.size:
                self.unread[listed.path] = "the stored copy is not the file that was registered"
                return
            end = safetensors.header_end(stream.read(safetensors.LENGTH_BYTES), file_size=listed.size)
            if end > self._headers_left:
                self.unread[listed.path] = "there are too many headers to be compared at once"
                return
            self._headers_left -= end
            header = safetensors.parse_header(os.pread(stream.fileno(), end, 0), file_size=listed.size)
            if len(self.tensors) + len(header.tensors) > MAX_TENSORS:
                self.unread[listed.path] = "there are too many tensors to be compared at once"
                return
            for tensor in header.tensors:
                pieces = _pieces(stream.fileno(), tensor, header_bytes=header.header_bytes)
                entry = TensorEntry(tensor.dtype, tensor.shape, listed.path, pieces)
                self.tensors[self._name(tensor.name, listed.path)] = entry

    def _name(self, name: str, path: str) -> str:
        """Below which name a tensor is kept: each folder has its own, and so has a second file that holds the same."""
        full = f"{path.rpartition('/')[0]}/{name}".lstrip("/")
        return f"{full} ({path})" if full in self.tensors else full


def _pieces(handle: int, tensor: safetensors.Tensor, *, header_bytes: int) -> str:
    """A digest over the first, middle and last bytes of a tensor; the same places for the same shape and type."""
    digest = hashlib.sha256()
    for begin, end in _places(tensor.end - tensor.begin):
        digest.update(os.pread(handle, end - begin, header_bytes + tensor.begin + begin))
    return digest.hexdigest()


def _places(size: int) -> Iterator[tuple[int, int]]:
    if size <= 3 * PIECE_BYTES:
        yield 0, size
        return
    middle = size // 2
    yield 0, PIECE_BYTES
    yield middle, middle + PIECE_BYTES
    yield size - PIECE_BYTES, size
