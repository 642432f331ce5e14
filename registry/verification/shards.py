"""C8: the files of a model's weights belong together: none is missing, and each tensor is in one of them. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from registry.formats import safetensors, shard_index, split_files
from registry.formats.gguf_header import BadGguf, Header
from registry.lifecycle import Severity
from registry.verification.checkpoints import INDEX_SUFFIX, folder_of
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Seen, Subject

_WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".pth")
# Diffusers and transformers keep the same weights in other precisions beside each other, and load one on request.
_VARIANT = re.compile(r".*\.(fp16|bf16|fp32|fp8|int8|ema|non_ema)(-[0-9]{5}-of-[0-9]{5})?\.safetensors")
# Indexes of other precisions, and of torch's own files: what they name is loaded, too, by whoever asks for it.
_OTHER_INDEX = re.compile(r".*\.index(\.[\w-]+)?\.json")
# The one file that transformers takes before it looks for an index of the same name.
_TAKEN_FIRST = ("model", "diffusion_pytorch_model")
MAX_NAMED = 5


def together(subject: Subject) -> Iterator[Finding]:
    """C8: every part is there, indexes agree with the files, and no tensor is in two files that load together."""
    headers = {
        path: header for path, header in subject.headers.items() if isinstance(header, safetensors.Header)
    }
    others = list(_other_indexes(subject))
    yield from others
    if not headers and not subject.ggufs:
        yield skipped("There is no weight file of a kind whose tensors can be listed.")
        return
    findings = [
        *_missing_parts(subject),
        *_duplicates(headers),
        *_index_findings(subject, headers),
        *_split_findings(subject.ggufs),
    ]
    yield from findings
    if not findings and not others:
        yield _summary(subject, headers)


def _summary(subject: Subject, headers: Mapping[str, safetensors.Header]) -> Finding:
    tensors = sum(len(header.tensors) for header in headers.values())
    if any(file.path.endswith(INDEX_SUFFIX) for file in subject.files(".json")):
        words = f"The index agrees with the weight files on all {tensors} tensors."
    else:
        words = "There is no index file; no part is missing and no tensor is in more than one weight file."
    return passed(words, files=len(headers) + len(subject.ggufs))


def _missing_parts(subject: Subject) -> Iterator[Finding]:
    """By the names of the files: -00001-of-00003 calls for two more."""
    paths = [path for path in subject.seen if path.lower().endswith(_WEIGHTS)]
    for (whole, count), there in split_files.sets(paths).items():
        lacking = split_files.missing(there)
        if count and (lacking or len(there) != count):
            yield failed(
                f"{len(there)} parts of {whole} are there, by their names there should be {count}"
                f"{f'; part {lacking[0]} is missing' if lacking else ''}.",
                path=there[0],
                missing=lacking[:MAX_NAMED],
            )


def _duplicates(headers: Mapping[str, safetensors.Header]) -> Iterator[Finding]:
    """A tensor that two files of one folder hold: which of them an engine takes, nobody can say."""
    holder: dict[str, str] = {}
    told = set()
    for path, header in headers.items():
        folder = folder_of(path) + ("\0" + path if _VARIANT.fullmatch(path) else "")
        for tensor in header.tensors:
            other = holder.setdefault(f"{folder}\0{tensor.name}" if folder else tensor.name, path)
            if other != path and (other, path) not in told:
                told.add((other, path))
                yield failed(
                    f"Tensor {tensor.name} is in more than one weight file: {other} and {path}.",
                    path=path,
                    files=[other, path],
                )


def _index_findings(subject: Subject, headers: Mapping[str, safetensors.Header]) -> Iterator[Finding]:
    for file in subject.files(".json"):
        if not file.path.endswith(INDEX_SUFFIX):
            continue
        if not file.is_whole:
            yield undecided(f"The index is too large ({file.size} bytes) to be read.", path=file.path)
            continue
        try:
            index = shard_index.parse_index(file.start)
        except shard_index.BadIndex as error:
            yield failed(f"The index cannot be used: {error}.", path=file.path)
            continue
        yield from _index_faults(file, index, subject=subject, headers=headers)


def _other_indexes(subject: Subject) -> Iterator[Finding]:
    """Of indexes that are about other files than safetensors, only where they lead."""
    for file in subject.files(".json"):
        if file.path.endswith(INDEX_SUFFIX) or not _OTHER_INDEX.fullmatch(file.name.lower()):
            continue
        if not file.is_whole:
            yield undecided(f"The index is too large ({file.size} bytes) to be read.", path=file.path)
            continue
        try:
            named = set(shard_index.parse_index(file.start).weight_map.values())
        except shard_index.BadIndex as error:
            yield failed(f"The index cannot be used: {error}.", path=file.path)
            continue
        outside = sorted(name for name in named if _is_outside(name))
        if outside:
            words = f"The index names files outside its folder: {', '.join(outside[:MAX_NAMED])}."
            yield failed(words, path=file.path, count=len(outside))


def _is_outside(name: str) -> bool:
    return "/" in name or "\\" in name or name in {"", ".", ".."}


def _index_faults(
    file: Seen, index: shard_index.Index, *, subject: Subject, headers: Mapping[str, safetensors.Header]
) -> Iterator[Finding]:
    folder = folder_of(file.path)
    named = sorted(set(index.weight_map.values()))
    outside = [name for name in named if _is_outside(name)]
    missing = [name for name in named if f"{folder}{name}" not in subject.headers and name not in outside]
    held = {name: headers[f"{folder}{name}"] for name in named if f"{folder}{name}" in headers}
    wrong, unlisted = _misplaced(index.weight_map, held)
    for words, names in (
        ("names files outside its folder", outside),
        ("names weight files that are missing", missing),
        ("places tensors in files that do not hold them", wrong),
        ("leaves out tensors that the weight files hold", unlisted),
        ("leaves out parts of the set", _left_out(folder, named, headers)),
        (
            "does not name the file that other loaders take instead of it",
            _taken_first(file.path, named, headers),
        ),
    ):
        if names:
            shown = ", ".join(sorted(names)[:MAX_NAMED])
            yield failed(f"The index {words}: {shown}.", path=file.path, count=len(names))
            return
    yield from _minor_faults(file, index.total_size, named=set(named), held=held, headers=headers)


def _minor_faults(
    file: Seen,
    total_size: int | None,
    *,
    named: set[str],
    held: Mapping[str, safetensors.Header],
    headers: Mapping[str, safetensors.Header],
) -> Iterator[Finding]:
    folder = folder_of(file.path)
    beside = sorted(
        path for path in headers if folder_of(path) == folder and path.removeprefix(folder) not in named
    )
    real = sum(header.tensors[-1].end for header in held.values())
    if total_size is not None and len(held) == len(named) and total_size != real:
        yield failed(
            f"The index says {total_size} bytes of tensors, the files hold {real}.",
            path=file.path,
            severity=Severity.LOW,
        )
    elif beside:
        yield failed(
            f"The index does not name {', '.join(beside[:MAX_NAMED])}: engines that go by the index do not load them.",
            path=file.path,
            severity=Severity.LOW,
            count=len(beside),
        )


def _misplaced(
    weight_map: dict[str, str], held: Mapping[str, safetensors.Header]
) -> tuple[list[str], list[str]]:
    """Tensors that are not in the file that the index names, and those that it does not name at all.

    What agrees is taken out of `weight_map`: of a large model no second copy of it would fit into memory.
    """
    unlisted, elsewhere = [], []
    for name, header in held.items():
        for tensor in header.tensors:
            place = weight_map.pop(tensor.name, None)
            if place is None:
                unlisted.append(tensor.name)
            elif place != name:
                elsewhere.append(tensor.name)
    return [*elsewhere, *(tensor for tensor, place in weight_map.items() if place in held)], unlisted


def _left_out(folder: str, named: Sequence[str], headers: Mapping[str, safetensors.Header]) -> list[str]:
    """Parts of the set that the index is about, by their names, which it does not name."""
    sets = {split_files.part_of(f"{folder}{name}") for name in named} - {None}
    keys = {(part.whole, part.count) for part in sets if part is not None}
    listed = {f"{folder}{name}" for name in named}
    return [
        path
        for key, paths in split_files.sets(headers).items()
        if key in keys
        for path in paths
        if path not in listed
    ]


def _taken_first(path: str, named: Sequence[str], headers: Mapping[str, safetensors.Header]) -> list[str]:
    """The single file of the same name: some loaders take it, and others the files of the index."""
    folder, stem = folder_of(path), path[len(folder_of(path)) :].removesuffix(INDEX_SUFFIX)
    single = f"{stem}.safetensors"
    is_taken = stem in _TAKEN_FIRST and f"{folder}{single}" in headers and single not in named
    return [single] if is_taken else []


def _split_findings(ggufs: Mapping[str, Header | BadGguf]) -> Iterator[Finding]:
    """What the parts of a split GGUF model say of each other."""
    for (_, count), paths in split_files.sets(ggufs).items():
        parts = [header for header in (ggufs[path] for path in paths) if isinstance(header, Header)]
        if len(parts) != len(paths):
            continue  # C10 says what is wrong with the header
        for path, part in zip(paths, parts, strict=True):
            said, number = part.whole("split.count"), split_files.part_of(path)
            if (said or 0) > 1 or count > 1:
                place = number.number - 1 if number is not None else None
                if said != count or part.whole("split.no") != place:
                    yield failed(
                        f"The file says that it is part {_one_up(part.whole('split.no'))} of {said}, its name says"
                        f" {_one_up(place)} of {count or 1}.",
                        path=path,
                    )
        yield from _split_tensors(paths, parts, count=count)


def _split_tensors(paths: Sequence[str], parts: Sequence[Header], *, count: int) -> Iterator[Finding]:
    names = [tensor.name for part in parts for tensor in part.tensors]
    said = {part.whole("split.tensors.count") for part in parts} - {None}
    if len(parts) == count and said and said != {len(names)}:
        yield failed(
            f"The parts say {', '.join(map(str, sorted(filter(None, said))))} tensors in all, they hold {len(names)}.",
            path=paths[0],
        )
    if len(set(names)) != len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        yield failed(f"Tensor {twice} is in more than one part.", path=paths[0])


def _one_up(number: int | None) -> str:
    return "none" if number is None else str(number + 1)
