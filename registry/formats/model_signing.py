"""What a model's signature states (OpenSSF Model Signing v1.0): the files of one folder, each by its digest. Pure."""

import dataclasses
import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from modelcustody_client import manifest

from registry.formats.sigstore import BadSignature, NotSupported, members, read_json

MAX_RESOURCES = 100_000
MAX_IGNORED = 10_000
MAX_NAME = 1024
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
OLD_PREDICATE_TYPE = "https://model_signing/Digests/v0.1"
# How a model that is one file names it.
ONE_FILE = "."
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True, slots=True)
class Statement:
    """What was signed: the files below one folder, by path, each with its SHA-256.

    `files` of a model that is one file has the one path ".", and `name` is the name of the file.
    """

    name: str
    root_digest: str
    files: Mapping[str, str]
    ignored: frozenset[str] = frozenset()

    @property
    def is_one_file(self) -> bool:
        """Whether a single file was signed, rather than a folder."""
        return ONE_FILE in self.files

    def ignores(self, path: str) -> bool:
        """Whether the signer left this path out on purpose, or a folder that it is in."""
        parts = path.split("/")
        return any("/".join(parts[:end]) in self.ignored for end in range(1, len(parts) + 1))


def parse_statement(payload: bytes) -> Statement:
    """What was signed; raises `BadSignature` or `NotSupported`."""
    value = read_json(payload, what="the payload")
    if value.get("_type") != STATEMENT_TYPE:
        raise BadSignature(f"the payload is not a statement of the type {STATEMENT_TYPE}")
    kind = value.get("predicateType")
    if kind == OLD_PREDICATE_TYPE:
        raise NotSupported(
            "it was made by a version before 1.0, which did not say what it left out: sign again"
        )
    if kind != PREDICATE_TYPE:
        raise NotSupported(f"it states {ascii(kind)[:120]}, which is not a model signature")
    predicate = members(value, "predicate", of="the statement")
    serialization = members(predicate, "serialization", of="the predicate")
    _check_supported(serialization)
    files, root = _resources(predicate)
    name, digest = _subject(value)
    if digest != root:
        raise BadSignature("the digest of its subject is not that of its own list of files")
    is_one = ONE_FILE in files
    if is_one and len(files) > 1:
        raise BadSignature("it lists a single file and others beside it")
    _check_paths([name] if is_one else files)
    return Statement(name=name, root_digest=root, files=files, ignored=_ignored(serialization))


def _check_supported(serialization: Mapping[str, Any]) -> None:
    method, algorithm = serialization.get("method"), serialization.get("hash_type")
    if method == "shards":
        raise NotSupported(
            "it signs parts of files (method shards), which is not supported: sign whole files"
        )
    if method != "files":
        raise BadSignature(f"its method is {ascii(method)[:60]}, not files")
    if algorithm in ("blake3", "blake2b", "blake2"):
        raise NotSupported(f"its digests are {algorithm}; only sha256 is supported")
    if algorithm != "sha256":
        raise BadSignature(f"its digests are {ascii(algorithm)[:60]}, not sha256")
    if not isinstance(serialization.get("allow_symlinks", False), bool):
        raise BadSignature("allow_symlinks is neither true nor false")


def _resources(predicate: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Path -> digest, and the SHA-256 over all digests in the order of the list."""
    listed = predicate.get("resources")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_RESOURCES:
        raise BadSignature(f"it must list 1 to {MAX_RESOURCES} files")
    files: dict[str, str] = {}
    root = hashlib.sha256()
    for item in listed:
        name, digest = _resource(item)
        if name in files:
            raise BadSignature(f"it lists {ascii(name)[:200]} twice")
        files[name] = digest
        root.update(bytes.fromhex(digest))
    return files, root.hexdigest()


def _resource(item: Any) -> tuple[str, str]:
    if not isinstance(item, dict) or not {"name", "algorithm", "digest"} <= set(item):
        raise BadSignature("a file must be listed with name, algorithm and digest")
    name, digest = item["name"], item["digest"]
    if item["algorithm"] != "sha256" or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise BadSignature("a file is listed without a SHA-256")
    if not isinstance(name, str):
        raise BadSignature("a file is listed without a path")
    return name, digest


def _check_paths(paths: Iterable[str]) -> None:
    try:
        manifest.check_paths(paths)
    except manifest.BadManifest as error:
        raise BadSignature(f"it lists a path that is not allowed: {error}") from None


def _subject(value: Mapping[str, Any]) -> tuple[str, str]:
    subjects = value.get("subject")
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise BadSignature("it must have exactly one subject")
    name, digest = subjects[0].get("name", ""), members(subjects[0], "digest", of="the subject")
    if not isinstance(name, str) or len(name) > MAX_NAME:
        raise BadSignature("the name of its subject is not a short text")
    found = digest.get("sha256")
    if set(digest) != {"sha256"} or not isinstance(found, str):
        raise BadSignature("its subject must have a SHA-256 and no other digest")
    return name, found


def _ignored(serialization: Mapping[str, Any]) -> frozenset[str]:
    listed = serialization.get("ignore_paths") or []
    if not isinstance(listed, list) or len(listed) > MAX_IGNORED:
        raise BadSignature(f"ignore_paths must be a list of at most {MAX_IGNORED} paths")
    if not all(isinstance(item, str) and item and len(item) <= MAX_NAME for item in listed):
        raise BadSignature("ignore_paths must hold paths")
    return frozenset(item.rstrip("/") for item in listed)
