"""Checks of weight files: what they are, whether their headers are sound, whether loading them could run code. Pure."""

import math
from collections.abc import Iterator

from registry.formats import magic, safetensors
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, passed, undecided
from registry.verification.subject import NotReadable, Seen, Subject, json_of

INDEX_SUFFIX = ".safetensors.index.json"
PICKLE_SUFFIXES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".dill"})


def formats(subject: Subject) -> Iterator[Finding]:
    """C6: each file is what its name says, judged by its first bytes."""
    clean = True
    for file in subject.files():
        fault = magic.mismatch(file.path, file.start)
        if fault:
            clean = False
            yield failed(f"{fault[0].upper()}{fault[1:]}.", path=file.path, begins_with=file.start[:8].hex())
    if clean:
        yield passed(f"The first bytes of all {len(subject.seen)} files fit their names.")


def tensors(subject: Subject) -> Iterator[Finding]:
    """C7: the header of every safetensors file is sound, and the file ends where its last tensor ends."""
    found = subject.headers
    clean, parameters, names = True, 0, 0
    for path, header in subject.headers.items():
        if isinstance(header, safetensors.BadHeader):
            clean = False
            if header.code == "header_not_read":
                yield undecided("The header was too large to be held in memory beside the others.", path=path)
            else:
                yield failed(f"The weight file is malformed: {header}.", path=path, code=header.code)
            continue
        parameters += header.parameters
        names += len(header.tensors)
    for file in subject.files(".gguf"):
        clean = False
        yield undecided(
            "GGUF weights are not supported yet, so nothing can be said about this file.", path=file.path
        )
    if not found and clean:
        yield undecided("There is no weight file of a kind that can be checked.")
    elif clean:
        yield passed(
            f"The headers of {len(found)} weight files are sound: {names} tensors, {parameters:,} parameters.",
            files=len(found),
            tensors=names,
            parameters=parameters,
        )


def shard_index(subject: Subject) -> Iterator[Finding]:
    """C8: the index and the shards name the same tensors in the same files."""
    indexes = [file for file in subject.files() if file.path.endswith(INDEX_SUFFIX)]
    held, sizes, unread = _tensor_places(subject)
    twice = sorted(name for name, paths in held.items() if len(set(map(_folder, paths))) < len(paths))
    for name in twice[:20]:
        yield failed(f"Tensor {name} is in more than one weight file.", path=held[name][0], files=held[name])
    clean = not twice
    for index in indexes:
        faults = list(_index_faults(index, held=held, sizes=sizes, unread=unread))
        clean = clean and not faults
        yield from faults
    if clean and indexes:
        yield passed(f"The index agrees with the weight files on all {len(held)} tensors.")
    elif clean:
        yield passed("There is no index file, and no tensor is in more than one weight file.")


def _tensor_places(subject: Subject) -> tuple[dict[str, list[str]], dict[str, int], set[str]]:
    """Tensor -> files that hold it, file -> bytes of its tensors, and the files whose header cannot be read."""
    held: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    unread: set[str] = set()
    for path, header in subject.headers.items():
        if isinstance(header, safetensors.BadHeader):
            unread.add(path)
            continue
        sizes[path] = header.tensors[-1].end
        for tensor in header.tensors:
            held.setdefault(tensor.name, []).append(path)
    return held, sizes, unread


def _index_faults(
    index: Seen, *, held: dict[str, list[str]], sizes: dict[str, int], unread: set[str]
) -> Iterator[Finding]:
    try:
        value = json_of(index)
    except NotReadable as error:
        yield undecided(f"The index cannot be read: {error}.", path=index.path)
        return
    mapping = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
        yield failed("The index has no map of tensors to files.", path=index.path)
        return
    folder = _folder(index.path)
    named = {tensor: f"{folder}{shard}" for tensor, shard in mapping.items()}
    outside = sorted(
        {shard for shard in mapping.values() if "/" in shard or "\\" in shard or shard in {"", ".", ".."}}
    )
    missing = sorted(set(named.values()) - sizes.keys() - unread - {f"{folder}{shard}" for shard in outside})
    wrong = sorted(
        tensor for tensor, path in named.items() if path in sizes and path not in held.get(tensor, [])
    )
    unlisted = sorted(
        tensor
        for tensor, paths in held.items()
        if tensor not in named and _folder(paths[0]) == folder and named
    )
    total = (
        (value.get("metadata") or {}).get("total_size") if isinstance(value.get("metadata"), dict) else None
    )
    real = sum(size for path, size in sizes.items() if path in set(named.values()))
    for words, names in (
        ("names files outside its folder", outside),
        ("names weight files that are missing", missing),
        ("places tensors in files that do not hold them", wrong),
        ("leaves out tensors that the weight files hold", unlisted),
    ):
        if names:
            yield failed(f"The index {words}: {', '.join(names[:5])}.", path=index.path, count=len(names))
            return
    if isinstance(total, int | float) and math.isfinite(total) and not unread and int(total) != real:
        yield failed(
            f"The index says {int(total)} bytes of tensors, the files hold {real}.",
            path=index.path,
            severity=Severity.LOW,
        )


def _folder(path: str) -> str:
    head, slash, _ = path.rpartition("/")
    return head + slash


def pickles(subject: Subject) -> Iterator[Finding]:
    """C11: no file is of a format that can run code when it is loaded."""
    clean = True
    for file in subject.files():
        by_name, kind = file.suffix in PICKLE_SUFFIXES, magic.kind_of(file.start)
        if by_name or kind == "pickle" or (kind == "zip" and b"data.pkl" in file.start):
            clean = False
            yield failed(
                "Unsafe format: loading such a file can run any code that its author chose.",
                path=file.path,
                kind=kind or file.suffix,
            )
    if clean:
        yield passed("No file is of a format that can run code when it is loaded.")
