"""C18: what a model says it was made from, against the evidence, where that one is registered here. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from registry.formats.architectures import adapters
from registry.formats.architectures.compare import compare
from registry.formats.architectures.expected import UnknownArchitecture, architecture_of, expect
from registry.formats.architectures.members import BadMember, MissingMember
from registry.formats.architectures.quantised import quantisation_of
from registry.formats.gguf_header import Header as GgufHeader
from registry.lifecycle import Severity
from registry.verification import checkpoints
from registry.verification.checkpoints import Checkpoint, members_of
from registry.verification.outcomes import Finding, failed, passed, skipped
from registry.verification.subject import Base, NotReadable, Seen, Subject, headers_of

# A fine-tune has nearly all of its base's tensors in their shapes; only embeddings may have grown.
ALIKE, FOREIGN = 0.9, 0.1
# What a fine-tune may say differently without being another model.
_EXPECTED_CHANGES = frozenset(
    {
        "_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache", "architectures",
        "eos_token_id", "bos_token_id", "pad_token_id", "vocab_size", "quantization_config", "id2label",
        "label2id", "auto_map", "unsloth_version", "unsloth_fixed", "_attn_implementation_autoset",
        "attention_dropout", "hidden_dropout", "problem_type",
    }
)  # fmt: skip
NAMED = 5


@dataclasses.dataclass(frozen=True)
class _Side:
    """One of two models: its configuration and its weights."""

    config: Mapping[str, Any]
    weights: Checkpoint


def lineage(subject: Subject) -> Iterator[Finding]:
    """C18: shapes, configuration and weights against every registered base."""
    registered = {base.model.casefold(): base for base in subject.bases}
    missing = [item.model for item in subject.lineage if item.model.casefold() not in registered]
    if not subject.lineage and not registered:
        yield skipped("The model names no other one that it was made from.")
        return
    findings = [finding for base in subject.bases for finding in _held(subject, base)]
    if missing:
        names = ", ".join(sorted(set(missing))[:NAMED])
        words = f"Not registered here, so that nothing could be held against it: {names}."
        findings.append(skipped(words))
    yield from findings


def _held(subject: Subject, base: Base) -> Iterator[Finding]:
    try:
        theirs = _side(base.seen, headers_of(base.seen))
    except NotReadable as error:
        yield skipped(f"The configuration of {base.model} cannot be read: {error}.")
        return
    relation = base.relation
    if checkpoints.ADAPTER_CONFIG in subject.seen or relation == "adapter":
        yield from _adapter(subject, base, theirs)
        return
    ggufs = [header for header in subject.ggufs.values() if isinstance(header, GgufHeader)]
    if ggufs and not subject.headers:
        yield from _gguf(ggufs[0], base, theirs)
        return
    try:
        mine = _side(subject.seen, subject.headers)
    except NotReadable as error:
        yield skipped(f"{error}, so that nothing could be held against {base.model}.")
        return
    if not mine.weights.tensors or not theirs.weights.tensors:
        yield skipped(f"The tensors of one side cannot be listed, so that {base.model} was not compared.")
        return
    if relation == "quantized" or quantisation_of(mine.config) is not None:
        yield from _quantised(mine, base, theirs)
    else:
        yield from _finetune(subject, mine, base, theirs)


def _side(seen: Mapping[str, Seen], headers: checkpoints.Headers) -> _Side:
    config = seen.get(checkpoints.CONFIG)
    return _Side(
        config=members_of(config) if config is not None else {},
        weights=checkpoints.checkpoint(seen, headers, ""),
    )


def _finetune(subject: Subject, mine: _Side, base: Base, theirs: _Side) -> Iterator[Finding]:
    """A fine-tune or a merge has the names and shapes of its base."""
    own, other = mine.weights.tensors, theirs.weights.tensors
    same = sum(name in other and other[name].shape == tensor.shape for name, tensor in own.items())
    share = same / max(1, len(own))
    evidence: dict[str, Any] = {
        "base": base.model,
        "relation": base.relation,
        "same_shape": same,
        "tensors": len(own),
        "base_verified": base.is_verified,
    }
    if share < FOREIGN:
        words = (
            f"The model does not look like what it says it was made from: {same} of {len(own)} tensors "
            f"have a name and shape of {base.model}."
        )
        yield failed(words, **evidence)
        return
    if share < ALIKE:
        words = f"Only {same} of {len(own)} tensors have a name and shape of {base.model}."
        yield failed(words, severity=Severity.MEDIUM, **evidence)
    yield from _same_files(subject, mine, base)
    changed = _changed(mine.config, theirs.config)
    if changed:
        words = f"The configuration differs from that of {base.model} in {', '.join(changed[:NAMED])}."
        yield failed(words, severity=Severity.LOW, changed=changed[:50], base=base.model)
    if share >= ALIKE:
        yield passed(
            f"{same} of {len(own)} tensors have a name and shape of {base.model}; their numbers were "
            "not compared.",
            **evidence,
        )


def _same_files(subject: Subject, mine: _Side, base: Base) -> Iterator[Finding]:
    digests = {file.sha256 for path, file in base.expected.items() if path.endswith(".safetensors")}
    files = mine.weights.files
    same = [path for path in files if subject.seen[path].sha256 in digests]
    if files and len(same) == len(files):
        words = f"All {len(files)} weight files are byte for byte those of {base.model}: nothing was trained."
        yield failed(words, severity=Severity.INFO, files=list(files)[:50])


def _changed(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    return sorted(
        name[:80]
        for name in mine.keys() | theirs.keys()
        if name not in _EXPECTED_CHANGES and mine.get(name) != theirs.get(name)
    )


def _quantised(mine: _Side, base: Base, theirs: _Side) -> Iterator[Finding]:
    """A quantised model has the base's layers, in the forms of its method."""
    quantisation = quantisation_of(mine.config)
    if quantisation is None:
        words = f"The model says that it is {base.model} quantised, and its configuration names no method."
        yield failed(words, severity=Severity.LOW, base=base.model)
    try:
        expectation = expect(theirs.config)
    except (UnknownArchitecture, MissingMember, BadMember):
        name = architecture_of(theirs.config)
        words = (
            f"The architecture {name[:80]!a} of {base.model} is not known here, so that its layers were "
            "not compared."
        )
        yield skipped(words)
        return
    found = compare(mine.weights.tensors, expectation, quantisation)
    faults = len(found.missing) + len(found.wrong)
    evidence: dict[str, Any] = {
        "base": base.model,
        "missing": found.missing[:20],
        "wrong": [item.name for item in found.wrong[:20]],
    }
    needed = sum(item.required for item in expectation.wanted.values())
    if faults > needed * (1 - FOREIGN):
        words = (
            f"The model does not look like what it says it was quantised from: {faults} tensors of "
            f"{base.model} are missing or have another shape."
        )
        yield failed(words, **evidence)
    elif faults:
        words = f"{faults} tensors of {base.model} are missing or have another shape in this quantised model."
        yield failed(words, severity=Severity.MEDIUM, **evidence)
    else:
        how = quantisation.method if quantisation is not None else "an unnamed method"
        words = (
            f"All layers of {base.model} are there, quantised with {how}; their numbers were not compared."
        )
        yield passed(words, **evidence)


def _gguf(header: GgufHeader, base: Base, theirs: _Side) -> Iterator[Finding]:
    """The sizes that a GGUF file states, against the base's configuration."""
    stated = {
        "num_hidden_layers": header.whole(f"{header.architecture}.block_count"),
        "hidden_size": header.whole(f"{header.architecture}.embedding_length"),
        "num_attention_heads": header.whole(f"{header.architecture}.attention.head_count"),
    }
    inner = theirs.config.get("text_config")
    config = inner if isinstance(inner, dict) else theirs.config
    held = {
        name: (value, config.get(name))
        for name, value in stated.items()
        if value is not None and config.get(name) is not None
    }
    differing = [name for name, (value, other) in held.items() if value != other]
    if not held:
        yield skipped(f"The file and {base.model} state no size in common, so that they were not compared.")
    elif differing:
        words = (
            f"The file does not look like what it says it was made from: {', '.join(differing)} differ "
            f"from {base.model}."
        )
        yield failed(words, base=base.model, sizes={name: list(pair) for name, pair in held.items()})
    else:
        words = (
            f"The file states the sizes of {base.model} ({', '.join(held)}); its tensors were not compared."
        )
        yield passed(words, base=base.model)


def _adapter(subject: Subject, base: Base, theirs: _Side) -> Iterator[Finding]:
    config = subject.seen.get(checkpoints.ADAPTER_CONFIG)
    found = checkpoints.adapter(subject.headers, "")
    try:
        lora = adapters.lora_of(members_of(config)) if config is not None else None
    except (NotReadable, adapters.BadAdapter):
        lora = None
    if lora is None or not found.tensors or not theirs.weights.tensors:
        yield skipped(f"The adapter is none whose tensors could be held against {base.model}.")
        return
    held = adapters.hold(found.tensors, lora)
    misfits = list(adapters.misfits(held.pairs, theirs.weights.tensors))
    if misfits:
        module, words = misfits[0]
        yield failed(
            f"The adapter does not fit {base.model}: {module[:160]}: {words} ({len(misfits)} of "
            f"{len(held.pairs)} modules).",
            base=base.model, modules=[name for name, _ in misfits[:50]],
        )  # fmt: skip
    elif held.pairs:
        words = f"All {len(held.pairs)} changes of the adapter fit the modules of {base.model}."
        yield passed(words, base=base.model, pairs=len(held.pairs))
    else:
        yield skipped(f"The adapter has no pairs of factors to hold against {base.model}.")
