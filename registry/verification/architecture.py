"""C9: the weights hold exactly the tensors that the configuration speaks of. Pure."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from registry.formats.architectures import adapters
from registry.formats.architectures.compare import Comparison, WrongShape, compare, words
from registry.formats.architectures.expected import Expectation, UnknownArchitecture, expect
from registry.formats.architectures.members import BadMember, MissingMember
from registry.formats.architectures.quantised import Quantisation, quantisation_of
from registry.lifecycle import Severity
from registry.verification import checkpoints
from registry.verification.checkpoints import Checkpoint, members_of
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import NotReadable, Seen, Subject, json_of

NAMED = 5  # how many tensors a message names
LISTED = 50  # how many the evidence lists


def tensors(subject: Subject) -> Iterator[Finding]:
    """C9: names and shapes as the configuration says, nothing missing and nothing more."""
    found = list(_findings(subject))
    if not found:
        yield _nothing(subject)
    yield from found


def _nothing(subject: Subject) -> Finding:
    """Why no configuration could be held against any weights."""
    if subject.files(".gguf") and not subject.headers:
        return skipped("GGUF files name their own architecture; the check of that format looks at them.")
    if not subject.headers:
        return skipped("There are no weights whose tensors can be listed without loading them.")
    return skipped("No config.json lies beside the weights, so which tensors must exist is not known.")


def _findings(subject: Subject) -> Iterator[Finding]:
    for config in checkpoints.named(subject.seen, checkpoints.CONFIG):
        found = checkpoints.checkpoint(subject.seen, subject.headers, checkpoints.folder_of(config.path))
        if found.files or found.unread:
            yield from _model(subject, config, found)
    for config in checkpoints.named(subject.seen, checkpoints.ADAPTER_CONFIG):
        found = checkpoints.adapter(subject.headers, checkpoints.folder_of(config.path))
        if found.files:
            yield from _adapter(config, found)


def _model(subject: Subject, config: Seen, found: Checkpoint) -> Iterator[Finding]:
    try:
        members = members_of(config)
        expectation = expect(members)
    except NotReadable as error:
        yield undecided(f"The configuration cannot be read: {error}.", path=config.path)
        return
    except UnknownArchitecture as error:
        yield skipped(_unknown(str(error)), path=config.path)
        return
    except MissingMember as error:
        words_ = f"{config.path} does not say {error.member}, so the tensors that must exist are not known."
        yield skipped(words_, path=config.path)
        return
    except BadMember as error:
        yield failed(
            f"No model can be built from the configuration: {error}.", path=config.path, member=error.member
        )
        return
    if found.unread:
        names = ", ".join(found.unread[:NAMED])
        yield undecided(
            f"The tensors of {names} are not known, as the header cannot be read.", path=config.path
        )
        return
    quantisation = quantisation_of(members)
    comparison = compare(found.tensors, expectation, quantisation)
    yield from _differences(config.path, comparison, expectation, quantisation)
    yield from _beside(found)
    yield from _stated_count(subject, found)


def _unknown(name: str) -> str:
    if not name:
        return "The configuration names no architecture, so the tensors that must exist are not known."
    return f"The architecture {name[:80]!a} is not one that is known here; its tensors were not compared."


def _differences(
    path: str, found: Comparison, expectation: Expectation, quantisation: Quantisation | None
) -> Iterator[Finding]:
    name = expectation.name
    if found.missing:
        yield failed(
            f"{_count(found.missing, 'tensor')} that {name} needs are missing: {_some(found.missing)}.",
            path=path,
            missing=found.missing[:LISTED],
            count=len(found.missing),
        )
    if found.wrong:
        yield _wrong_shapes(path, found.wrong)
    if found.narrow:
        yield failed(
            f"{_count(found.narrow, 'tensor')} are stored in whole or narrow numbers although the "
            "configuration does "
            f"not say so: {_some(found.narrow)}.",
            path=path,
            severity=Severity.MEDIUM,
            narrow=found.narrow[:LISTED],
        )
    if found.extra:
        yield failed(
            f"{_count(found.extra, 'tensor')} are stored that {name} does not have: {_some(found.extra)}.",
            path=path,
            severity=Severity.MEDIUM,
            extra=found.extra[:LISTED],
            count=len(found.extra),
        )
    if found.without_head:
        yield failed(
            f"The weights are those of the model without its last part: {_some(found.without_head)}.",
            path=path,
            severity=Severity.INFO,
            missing=found.without_head[:LISTED],
        )
    if found.is_clean:
        yield _clean(path, found, expectation, quantisation)


def _wrong_shapes(path: str, wrong: Sequence[WrongShape]) -> Finding:
    named = "; ".join(
        f"{item.name} is {words(item.stored)} instead of {words(item.wanted[0])}" for item in wrong[:NAMED]
    )
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    embedding = next((item for item in wrong if "embed" in item.name or ".wte." in item.name), None)
    vocabulary = (
        f" The vocabulary has {embedding.wanted[0][0]} entries by the configuration, "
        f"{embedding.stored[0]} by the weights."
        if embedding is not None and embedding.stored and embedding.stored[0] != embedding.wanted[0][0]
        else ""
    )
    return failed(
        f"Tensors have other shapes than the configuration says: {named}{more}.{vocabulary}",
        path=path,
        wrong=[
            {"tensor": item.name, "stored": list(item.stored), "expected": list(item.wanted[0])}
            for item in wrong[:LISTED]
        ],
        count=len(wrong),
    )


def _clean(
    path: str, found: Comparison, expectation: Expectation, quantisation: Quantisation | None
) -> Finding:
    evidence: dict[str, Any] = {
        "architecture": expectation.name,
        "tensors": found.compared,
        "parameters": expectation.parameters,
        "not_compared": len(found.not_compared),
    }
    if quantisation is not None and not quantisation.is_known:
        words_ = (
            f"The model is quantised with {quantisation.method!a}: only the {found.compared} unquantised "
            "tensors were compared."
        )
        return skipped(words_, path=path)
    rest = (
        f" {len(found.not_compared)} tensors of other parts were not compared." if found.not_compared else ""
    )
    how = f", quantised with {quantisation.method}," if quantisation is not None else ""
    return passed(
        f"All {found.compared} tensors of {expectation.name}{how} with {expectation.layers} layers "
        "are there in their "
        f"shapes; {expectation.parameters:,} parameters by the configuration.{rest}",
        path=path,
        **evidence,
    )


def _beside(found: Checkpoint) -> Iterator[Finding]:
    for path in found.beside:
        yield skipped("This weight file is not the one that a loader takes; it was not compared.", path=path)


def _stated_count(subject: Subject, found: Checkpoint) -> Iterator[Finding]:
    """The number of parameters that the index states, against that of the headers."""
    if not found.index:
        return
    try:
        metadata = json_of(subject.seen[found.index]).get("metadata")
    except (NotReadable, AttributeError):
        return  # the check of the index says so
    stated = metadata.get("total_parameters") if isinstance(metadata, dict) else None
    real = sum(math.prod(tensor.shape) for tensor in found.tensors.values())
    if type(stated) is int and stated != real:
        yield failed(
            f"The index states {stated:,} parameters, the weight files hold {real:,}.",
            path=found.index,
            severity=Severity.LOW,
            member="metadata.total_parameters",
        )


def _adapter(config: Seen, found: Checkpoint) -> Iterator[Finding]:
    path = config.path
    try:
        lora = adapters.lora_of(members_of(config))
    except NotReadable as error:
        yield undecided(f"The adapter's configuration cannot be read: {error}.", path=path)
        return
    except adapters.BadAdapter as error:
        yield failed(
            f"No adapter can be built from the configuration: {error}.", path=path, member=error.member
        )
        return
    if lora is None:
        yield skipped("The adapter is not a LoRA; its tensors were not compared.", path=path)
        return
    held = adapters.hold(found.tensors, lora)
    yield from _adapter_faults(path, held)
    if not (held.halves or held.wrong or held.off_target or held.extra):
        yield passed(
            f"All {len(held.pairs)} pairs of LoRA factors have rank {lora.rank} and the modules that "
            "the configuration "
            f"names; {len(held.saved)} whole tensors are stored beside them.",
            path=path,
            pairs=len(held.pairs),
            saved=held.saved[:LISTED],
        )


def _adapter_faults(path: str, held: adapters.AdapterTensors) -> Iterator[Finding]:
    if held.halves:
        yield failed(
            f"One of two LoRA factors is missing of {_some(held.halves)}.",
            path=path,
            halves=held.halves[:LISTED],
        )
    if held.wrong:
        yield _wrong_shapes(path, held.wrong)
    for names, says, severity in (
        (held.off_target, "are changed that target_modules does not name", Severity.MEDIUM),
        (
            held.extra,
            "are stored that are neither LoRA factors nor named in modules_to_save",
            Severity.MEDIUM,
        ),
        (held.without_tensors, "are named in target_modules and have no tensors", Severity.LOW),
    ):
        if names:
            yield failed(
                f"Modules {says}: {_some(names)}.", path=path, severity=severity, names=names[:LISTED]
            )


def _count(names: Sequence[str], noun: str) -> str:
    return f"{len(names)} {noun}{'' if len(names) == 1 else 's'}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(name[:160] for name in names[:NAMED]) + more
