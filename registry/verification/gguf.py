"""C10: GGUF files have sound headers, and the tensors that their architecture and their own metadata call for. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from registry.formats import gguf_architectures, split_files
from registry.formats.gguf_header import Array, BadGguf, Header, Tensor
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import Subject

_BLOCK = re.compile(r"blk\.(\d{1,6})\.([a-z0-9_]+)\.weight")
_PER_TOKEN = ("scores", "token_type")
_SPECIAL = re.compile(r"tokenizer\.ggml\.\w+_token_id")
MAX_BLOCKS = 10_000
_NO_TOKEN = 2**32 - 1


def sound(subject: Subject) -> Iterator[Finding]:
    """C10: each file can be read without guessing, and each model holds what it says it does."""
    if not subject.ggufs:
        yield skipped("There is no GGUF file.")
        return
    clean = True
    for path, header in subject.ggufs.items():
        if isinstance(header, BadGguf):
            clean = False
            if header.code == "header_not_read":
                yield undecided("The header was too large to be held in memory beside the others.", path=path)
            else:
                yield failed(f"The GGUF file is malformed: {header}.", path=path, code=header.code)
    models = _models(subject.ggufs)
    for path, (header, tensors) in models.items():
        faults = list(_faults(path, header, tensors))
        clean = clean and not faults
        yield from faults
    if clean:
        yield _summary(subject.ggufs, models)


def _summary(ggufs: Mapping[str, object], models: Mapping[str, tuple[Header, list[Tensor]]]) -> Finding:
    known = sorted({header.architecture for header, _ in models.values()} - {""})
    return passed(
        f"The headers of all GGUF files ({len(ggufs)}) are sound, and their tensors fit the metadata"
        f" ({', '.join(known) or 'no model among them'}).",
        files=len(ggufs),
        architectures=known,
        tensors=sum(len(tensors) for _, tensors in models.values()),
        parameters=sum(header.parameters for header, _ in models.values()),
    )


def _models(ggufs: Mapping[str, Header | BadGguf]) -> dict[str, tuple[Header, list[Tensor]]]:
    """Each model by the path of its first part, with the tensors of all parts; a model with a bad part is left out."""
    found = {}
    for paths in split_files.sets(ggufs).values():
        parts = [header for header in (ggufs[path] for path in paths) if isinstance(header, Header)]
        if len(parts) == len(paths) and parts[0].architecture:
            found[paths[0]] = (parts[0], [tensor for part in parts for tensor in part.tensors])
    return found


def _faults(path: str, header: Header, tensors: Sequence[Tensor]) -> Iterator[Finding]:
    yield from (failed(words, path=path) for words in _vocabulary_faults(header))
    if header.text("general.type") not in {"", "model"}:
        return  # an adapter or a measurement: it holds parts of a model only
    name = header.architecture
    if name not in gguf_architectures.KNOWN:
        yield failed(
            f"The architecture {name} is not known here, so its tensors were not held against what it needs.",
            path=path,
            severity=Severity.LOW,
        )
    elif name in gguf_architectures.BLOCKS:
        held = {tensor.name: tensor for tensor in tensors}
        yield from (failed(words, path=path) for words in _layout_faults(header, held))


def _vocabulary_faults(header: Header) -> Iterator[str]:
    """What engines index by token: an entry too few is read past its end."""
    tokens = header.tokens
    if tokens is None:
        return
    for name in _PER_TOKEN:
        value = header.values.get(f"tokenizer.ggml.{name}")
        if value is not None and (not isinstance(value, Array) or value.count != tokens):
            yield f"The vocabulary has {tokens} tokens, but tokenizer.ggml.{name} does not have one entry for each."
    for key, value in header.values.items():
        if (
            _SPECIAL.fullmatch(key)
            and value != _NO_TOKEN
            and not (type(value) is int and 0 <= value < tokens)
        ):
            yield f"{key} is {value!r:.40}, which is none of the {tokens} tokens of the vocabulary."


def _layout_faults(header: Header, held: Mapping[str, Tensor]) -> Iterator[str]:
    """The tensors against the counts in the metadata, for an architecture whose layout is known."""
    name = header.architecture
    blocks, width = header.whole(f"{name}.block_count"), header.whole(f"{name}.embedding_length")
    if blocks is None or width is None or not 0 < blocks <= MAX_BLOCKS:
        yield f"The metadata does not say how many blocks ({name}.block_count) and how wide the model is."
        return
    embedding = held.get("token_embd.weight")
    if embedding is None or "output_norm.weight" not in held:
        yield "The token embeddings or the last normalisation are missing."
        return
    tokens = header.tokens if header.tokens is not None else header.whole(f"{name}.vocab_size")
    if embedding.shape[0] != width or (tokens is not None and embedding.shape[1:] != (tokens,)):
        yield (
            f"The token embeddings have the shape {list(embedding.shape)}; the metadata calls for"
            f" [{width}, {tokens if tokens is not None else 'any'}]."
        )
    output = held.get("output.weight")
    if output is not None and output.shape != embedding.shape:
        yield f"The output matrix has the shape {list(output.shape)}, the embeddings have {list(embedding.shape)}."
    yield from _block_faults(held, layouts=gguf_architectures.BLOCKS[name], blocks=blocks, width=width)


def _block_faults(
    held: Mapping[str, Tensor], *, layouts: Sequence[frozenset[str]], blocks: int, width: int
) -> Iterator[str]:
    found: dict[int, dict[str, Tensor]] = defaultdict(dict)
    for tensor in held.values():
        if match := _BLOCK.fullmatch(tensor.name):
            found[int(match[1])][match[2]] = tensor
    if set(found) != set(range(blocks)):
        yield f"The metadata says {blocks} blocks; the file holds {len(found)}, numbered up to {max(found, default=0)}."
        return
    for number in range(blocks):
        kinds = found[number]
        if not any(layout <= kinds.keys() for layout in layouts):
            missing = min((sorted(layout - kinds.keys()) for layout in layouts), key=len)
            yield f"Block {number} lacks {', '.join(missing)}."
            return
        for kind in gguf_architectures.WIDE & kinds.keys():
            if kinds[kind].shape[0] != width:
                yield (
                    f"Tensor {kinds[kind].name} has rows of {kinds[kind].shape[0]}; the metadata says that the model is"
                    f" {width} wide."
                )
                return
