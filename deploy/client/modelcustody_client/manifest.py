"""The names of a model: its files, their digests, and the two digests that stand for all of them. Pure.

`manifest_digest` covers every file, `model_digest` the load-bearing ones; both hash what `sha256sum` prints.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping

from modelcustody_client import errors

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

# Rule 1 of what is not load-bearing. Fixed for ever: a change would rename every model.
_EXACT_NAMES = frozenset({".gitattributes", ".gitignore"})
_SUFFIXES = (".md", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
_PREFIXES = ("readme", "license", "licence", "copying", "notice", "use_policy", "citation")
# Endings by which loaders pick their files, whatever stands before. It names no model, so it may grow.
_LOADED_SUFFIXES = (
    *(
        ".safetensors",
        ".gguf",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".h5",
        ".keras",
        ".onnx",
        ".tflite",
        ".msgpack",
    ),
    *(".pkl", ".pickle", ".joblib", ".dill", ".npy", ".npz", ".model", ".tiktoken", ".spm", ".jinja"),
    *(".py", ".pyc", ".pyd", ".ipynb", ".so", ".dll", ".dylib", ".exe", ".sh", ".js", ".c", ".cpp", ".cu"),
)
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

# what turns the reading direction lets a name look like another one
_DIRECTION_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class BadManifest(errors.Refused):
    """A list of files that cannot name a model."""

    code = "bad_manifest"


class BadPath(BadManifest):
    """A file name that is not allowed, or that collides with another one."""

    code = "bad_path"


@dataclasses.dataclass(frozen=True, slots=True)
class ManifestFile:
    """One file of a model: where, how large, and the hex SHA-256 of its bytes."""

    path: str
    size: int
    sha256: str


def check_path(path: str) -> None:
    """Refuse a path that is not relative, plain, and the same on every system."""
    shown = ascii(path)
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise BadPath(f"{shown} is not valid Unicode") from None
    if not path or len(encoded) > MAX_PATH_BYTES:
        raise BadPath(f"{shown[:80]} is empty or longer than {MAX_PATH_BYTES} bytes")
    if "\\" in path:
        raise BadPath(f"{shown} has a backslash")
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} or c in _DIRECTION_CONTROLS for c in path):
        raise BadPath(f"{shown} has a control character")
    for part in path.split("/"):
        if part in {"", ".", ".."}:
            raise BadPath(f"{shown} is not a plain relative path")
        if len(part.encode("utf-8")) > MAX_NAME_BYTES:
            raise BadPath(f"{shown[:80]} has a name longer than {MAX_NAME_BYTES} bytes")


def check_paths(paths: Iterable[str]) -> None:
    """Check each path, and that no two are one file (or a file and a folder) on a forgiving file system."""
    seen: dict[str, str] = {}
    for path in paths:
        check_path(path)
        folded = _folded(path)
        if folded in seen:
            raise BadPath(
                f"{path!a} and {seen[folded]!a} are one file, or differ in case or Unicode form only"
            )
        seen[folded] = path
    folders: dict[str, str] = {}
    for folded, path in seen.items():
        folder = folded.rpartition("/")[0]
        while folder and folder not in folders:
            folders[folder] = path
            folder = folder.rpartition("/")[0]
    for folded in seen.keys() & folders.keys():
        raise BadPath(f"{seen[folded]!a} is a file and a folder of {folders[folded]!a}")
    _check_folder_spelling(seen.values())


def check_digest(value: str) -> str:
    """Return `value` where it is `sha256:` and 64 lower-case hex digits."""
    if not _DIGEST.fullmatch(value):
        raise BadManifest(f"{ascii(value)[:100]} is not a sha256: digest")
    return value


def is_load_bearing(path: str) -> bool:
    """Return whether the file can change what the model answers (rule 1)."""
    name = path.rpartition("/")[2].translate(_ASCII_LOWER)
    return not (name in _EXACT_NAMES or name.endswith(_SUFFIXES) or name.startswith(_PREFIXES))


def is_disguised(path: str) -> bool:
    """Return whether rule 1 takes the file for a document although loaders would take it for code or weights."""
    return not is_load_bearing(path) and path.translate(_ASCII_LOWER).endswith(_LOADED_SUFFIXES)


def manifest_digest(files: Iterable[ManifestFile]) -> str:
    """Return the digest over all files."""
    return _sha256_of(sha256sum_lines(files))


def model_digest(files: Iterable[ManifestFile]) -> str:
    """Return the digest over the load-bearing files: the name of what is served."""
    every = list(files)
    check_paths(file.path for file in every)
    return _sha256_of(sha256sum_lines(file for file in every if is_load_bearing(file.path)))


def sha256sum_lines(files: Iterable[ManifestFile]) -> bytes:
    """Return what `sha256sum` prints for these files, in bytewise order of their paths."""
    return _lines({file.path: file.sha256 for file in _checked(files)})


def parse_sha256sum_lines(data: bytes) -> dict[str, str]:
    """Return path -> hex SHA-256 of a manifest in exactly the form `sha256sum_lines` writes."""
    sums: dict[str, str] = {}
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadManifest("the manifest is not UTF-8") from None
    for line in text.split("\n")[:-1]:
        sha256, _, path = line.partition("  ")
        if not _SHA256.fullmatch(sha256):
            raise BadManifest(f"no line of a manifest: {ascii(line)[:100]}")
        sums[path] = sha256
    check_paths(sums)
    if _lines(sums) != data:
        raise BadManifest("the manifest is not sorted, names a file twice, or has no final newline")
    return sums


def digests_of_sums(sums: Mapping[str, str]) -> tuple[str, str]:
    """Return `(manifest_digest, model_digest)` of a parsed manifest."""
    bearing = {path: sha256 for path, sha256 in sums.items() if is_load_bearing(path)}
    return _sha256_of(_lines(sums)), _sha256_of(_lines(bearing))


def sort_key(file: ManifestFile) -> bytes:
    """Return what manifests are sorted by."""
    return file.path.encode("utf-8")


def _checked(files: Iterable[ManifestFile]) -> list[ManifestFile]:
    every = list(files)
    check_paths(file.path for file in every)
    for file in every:
        if not _SHA256.fullmatch(file.sha256) or file.size < 0:
            raise BadManifest(f"{file.path!a} has no SHA-256 or a negative size")
    return every


def _check_folder_spelling(paths: Iterable[str]) -> None:
    """Two spellings of one folder would merge on one system and not on another."""
    spellings: dict[str, str] = {}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder:
            other = spellings.setdefault(_folded(folder), folder)
            if other != folder:
                raise BadPath(f"the folders {folder!a} and {other!a} differ in case or Unicode form only")
            folder = folder.rpartition("/")[0]


def _folded(path: str) -> str:
    decomposed = unicodedata.normalize("NFD", path)
    return unicodedata.normalize("NFD", decomposed.casefold())


def _lines(sums: Mapping[str, str]) -> bytes:
    ordered = sorted((path.encode("utf-8"), sha256.encode("ascii")) for path, sha256 in sums.items())
    return b"".join(sha256 + b"  " + path + b"\n" for path, sha256 in ordered)


def _sha256_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()
