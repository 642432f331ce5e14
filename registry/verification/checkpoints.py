"""Which weight files of a folder belong together, and to which configuration. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from registry.formats import safetensors
from registry.verification.subject import NotReadable, Seen, json_of

INDEX_SUFFIX = ".safetensors.index.json"
CONFIG, ADAPTER_CONFIG = "config.json", "adapter_config.json"
ADAPTER = "adapter_model.safetensors"

Headers = Mapping[str, safetensors.Header | safetensors.BadHeader]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The weights of one folder as a loader would take them together."""

    folder: str  # with its slash; empty at the top
    files: tuple[str, ...]
    tensors: Mapping[str, safetensors.Tensor]
    # Weight files beside them that such a loader leaves alone.
    beside: tuple[str, ...] = ()
    index: str = ""
    # Files whose header cannot be read; the checks of the format say why.
    unread: tuple[str, ...] = ()


def folder_of(path: str) -> str:
    """The folder of a path with its slash, empty at the top."""
    head, slash, _ = path.rpartition("/")
    return head + slash


def named(seen: Mapping[str, Seen], name: str) -> list[Seen]:
    """Every file of that name, by path."""
    return [seen[path] for path in sorted(seen) if PurePosixPath(path).name == name]


def checkpoint(seen: Mapping[str, Seen], headers: Headers, folder: str) -> Checkpoint:
    """The weights that a configuration in this folder speaks of."""
    here = [path for path in sorted(headers) if folder_of(path) == folder and path != folder + ADAPTER]
    index, files = _chosen(seen, folder, here)
    return _together(headers, folder, files, here, index=index)


def adapter(headers: Headers, folder: str) -> Checkpoint:
    """The weights of an adapter in this folder."""
    path = folder + ADAPTER
    files = [path] if path in headers else []
    return _together(headers, folder, files, files)


def _chosen(seen: Mapping[str, Seen], folder: str, here: list[str]) -> tuple[str, list[str]]:
    """The files that the index names, else model.safetensors, else every model*.safetensors, else all."""
    for name in ("model", "diffusion_pytorch_model"):
        path = f"{folder}{name}{INDEX_SUFFIX}"
        shards = _shards(seen[path]) if path in seen else set()
        if found := [item for item in here if item.removeprefix(folder) in shards]:
            return path, found
    for choice in (
        [folder + "model.safetensors"],
        [path for path in here if path[len(folder) :].startswith("model")],
    ):
        if found := [path for path in choice if path in here]:
            return "", found
    return "", here


def _shards(index: Seen) -> set[str]:
    try:
        mapping = json_of(index)["weight_map"]
        return {str(shard) for shard in mapping.values()}
    except (NotReadable, TypeError, LookupError, AttributeError):
        return set()


def _together(
    headers: Headers, folder: str, files: list[str], here: list[str], *, index: str = ""
) -> Checkpoint:
    good = dict(_read(headers, files))
    return Checkpoint(
        folder=folder,
        files=tuple(good),
        tensors={tensor.name: tensor for header in good.values() for tensor in header.tensors},
        beside=tuple(path for path in here if path not in files),
        index=index,
        unread=tuple(path for path in files if path not in good),
    )


def _read(headers: Headers, files: list[str]) -> Iterator[tuple[str, safetensors.Header]]:
    for path in files:
        header = headers[path]
        if isinstance(header, safetensors.Header):
            yield path, header


def members_of(file: Seen) -> dict[str, Any]:
    """A configuration as named members; raises `NotReadable`."""
    value = json_of(file)
    if not isinstance(value, dict):
        raise NotReadable(f"{file.path} is not a group of named members")
    return value
