"""C16: configurations say nothing absurd, lead nowhere outside, and fit what the card says. Pure."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from registry.formats import card, lineage
from registry.formats.architectures.expected import architecture_of
from registry.formats.architectures.families import ARCHITECTURES
from registry.lifecycle import Severity
from registry.verification import places, settings
from registry.verification.checkpoints import ADAPTER_CONFIG, CONFIG, folder_of, members_of
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.settings import Fault, shown
from registry.verification.subject import NotReadable, Seen, Subject, json_of, text_of, walk
from registry.verification.tokens.rules import pattern_findings

GENERATION, MODULES = "generation_config.json", "modules.json"
# Named as configurations are, but data; the tokenizer's own check looks at the first two.
_DATA = frozenset({"tokenizer.json", "vocab.json", "trainer_state.json", "added_tokens.json"})
MAX_PATTERNS = 50
SENTENCE_TRANSFORMERS = "sentence_transformers."


def settings_and_paths(subject: Subject) -> Iterator[Finding]:
    """C16: types and sizes, paths that leave the folder, adapters' bases, modules of sentence-transformers."""
    configurations = [file for file in subject.files(".json") if _is_configuration(file)]
    found: list[Finding] = []
    for file in configurations:
        found += _file(subject, file)
    if not configurations:
        yield skipped("There is no configuration to look at.")
    elif not found:
        yield passed(
            f"The {len(configurations)} configurations say nothing absurd and lead nowhere outside "
            "the folder."
        )
    yield from found


def _is_configuration(file: Seen) -> bool:
    if file.name in _DATA or file.name.endswith(".index.json"):
        return False
    stem = PurePosixPath(file.name).stem.lower()
    return "config" in stem or stem in {
        "modules",
        "special_tokens_map",
        "model_index",
        "modular_model_index",
        "params",
    }


def _file(subject: Subject, file: Seen) -> Iterator[Finding]:
    try:
        value = json_of(file)
    except NotReadable as error:
        yield undecided(f"The configuration cannot be examined: {error}.", path=file.path)
        return
    for fault in _general(value):
        yield _finding(file.path, fault)
    special = _SPECIAL.get(file.name)
    if special is not None:
        yield from special(subject, file, value)


def _finding(path: str, fault: Fault) -> Finding:
    return failed(
        f"In the member {fault.member}: {fault.words}.",
        path=path,
        severity=fault.severity,
        member=fault.member,
    )


def _general(value: Any) -> Iterator[Fault]:
    """What must hold in any configuration."""
    for place, name, inner in walk(value):
        for rule in (settings.size_fault, settings.ratio_fault, settings.not_a_number):
            fault = rule(place, name, inner)
            if fault is not None:
                yield fault
                break
    yield from places.faults(value)


def _model(subject: Subject, file: Seen, value: Any) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield failed("The configuration is no group of named members.", path=file.path)
        return
    for fault in settings.token_faults(value, vocabulary=_vocabulary(value)):
        yield _finding(file.path, Fault(fault.member, fault.words, Severity.LOW))
    known = ARCHITECTURES.get(architecture_of(value))
    kind = value.get("model_type")
    if known is not None and not known.config_member and kind is not None and kind != known.family.model_type:
        words = (
            f"the architecture {architecture_of(value)} is of the type {known.family.model_type!r}, and "
            f"{shown(kind)} is stated"
        )
        yield _finding(file.path, Fault("model_type", words, Severity.LOW))


def _vocabulary(value: Mapping[str, Any]) -> int | None:
    inner = value.get("text_config")
    for group in (value, inner if isinstance(inner, dict) else {}):
        size = group.get("vocab_size")
        if type(size) is int and size > 0:
            return size
    return None


def _generation(subject: Subject, file: Seen, value: Any) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield failed("The configuration is no group of named members.", path=file.path)
        return
    faults = [
        *settings.generation_faults(value),
        *settings.token_faults(value, vocabulary=_vocabulary_beside(subject, file)),
    ]
    for fault in faults:
        yield _finding(file.path, fault)
    for name in settings.STEERING:
        if value.get(name):
            words = f"{shown(value[name])} of tokens are forbidden or forced in every answer"
            yield _finding(file.path, Fault(name, words, Severity.INFO))


def _vocabulary_beside(subject: Subject, file: Seen) -> int | None:
    config = subject.seen.get(folder_of(file.path) + CONFIG)
    try:
        return _vocabulary(members_of(config)) if config is not None else None
    except NotReadable:
        return None


def _adapter(subject: Subject, file: Seen, value: Any) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield failed("The configuration is no group of named members.", path=file.path)
        return
    yield from _adapter_base(subject, file, value.get("base_model_name_or_path"))
    for name, most in (("lora_alpha", 1e6), ("lora_dropout", 1.0)):
        number = value.get(name)
        if number is not None and not (type(number) in {int, float} and 0 <= number <= most):
            words = f"{shown(number)} stands where a number from 0 to {most:g} belongs"
            yield _finding(file.path, Fault(name, words, Severity.MEDIUM))
    for member, pattern in _patterns(value):
        yield from pattern_findings(file.path, member, pattern)


def _patterns(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Expressions that PEFT runs over the names of modules."""
    for name in ("target_modules", "exclude_modules", "layers_pattern"):
        if isinstance(value.get(name), str) and value[name] != "all-linear":
            yield name, value[name]
    for name in ("rank_pattern", "alpha_pattern"):
        group = value.get(name)
        for pattern in list(group)[:MAX_PATTERNS] if isinstance(group, dict) else []:
            yield f"{name}.{pattern[:80]}", pattern


def _adapter_base(subject: Subject, file: Seen, name: Any) -> Iterator[Finding]:
    member = "base_model_name_or_path"
    declared = _declared(subject)
    if name is None or name == "":
        words, severity = (
            "it is empty, so which model the adapter changes is not said",
            Severity.LOW if declared else Severity.MEDIUM,
        )
    elif not isinstance(name, str):
        words, severity = f"{shown(name)} is no name of a model", Severity.MEDIUM
    elif places.is_address(name):
        words, severity = f"{shown(name)} is an address, which a loader would fetch from", Severity.HIGH
    elif places.is_local(name):
        words = f"{shown(name)} is a folder of whoever trained the adapter, and names no model"
        severity = Severity.LOW if declared else Severity.MEDIUM
    elif declared and name.casefold() not in declared:
        words, severity = (
            f"{shown(name)} is not what the card names: {', '.join(sorted(declared))[:200]}",
            Severity.MEDIUM,
        )
    else:
        return
    yield _finding(file.path, Fault(member, words, severity))


def _declared(subject: Subject) -> set[str]:
    """The base models that the card names, in small letters."""
    readme = subject.seen.get("README.md")
    if readme is None:
        return set()
    try:
        declared = card.parse_card(text_of(readme))
    except (NotReadable, card.BadCard):
        return set()
    return {found.base_model.casefold() for found in lineage.ancestors(card=declared)}


def _modules(subject: Subject, file: Seen, value: Any) -> Iterator[Finding]:
    """modules.json of sentence-transformers: each type is a class that is imported, each path a folder that is loaded."""
    if not isinstance(value, list):
        return
    for place, item in enumerate(value[:1000]):
        if not isinstance(item, dict):
            yield _finding(file.path, Fault(f"[{place}]", "it is no group of named members", Severity.MEDIUM))
            continue
        kind, path = item.get("type"), item.get("path")
        if not isinstance(kind, str) or not _is_own_module(kind):
            words = (
                f"{shown(kind)} is a class from outside sentence_transformers, which would be imported "
                "and run"
            )
            yield _finding(file.path, Fault(f"[{place}].type", words))
        if not isinstance(path, str) or path.startswith(("/", "\\", "~")) or ":" in path:
            yield _finding(
                file.path, Fault(f"[{place}].path", f"{shown(path)} is no folder inside the model")
            )


def _is_own_module(kind: str) -> bool:
    return kind.startswith(SENTENCE_TRANSFORMERS) and all(
        part.isidentifier() and not part.startswith("_") for part in kind.split(".")
    )


_SPECIAL: Mapping[str, Callable[[Subject, Seen, Any], Iterator[Finding]]] = {
    CONFIG: _model,
    GENERATION: _generation,
    ADAPTER_CONFIG: _adapter,
    MODULES: _modules,
}
