"""Checks of everything beside the weights: custom code, templates, programs, licence texts. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from registry.formats import magic, template
from registry.licensing.conclude import Covers, covers
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import LicenseClaim, NotReadable, Seen, Subject, json_of, text_of, walk

# Members of configuration files that make a loader run or fetch code.
CODE_MEMBERS = {
    "auto_map": "names code that a loader would import",
    "custom_pipelines": "names code that a loader would import",
    "custom_generate": "names code that a loader would import",
    "model_file": "names code that a loader would import",
    "_attn_implementation_internal": "names an attention kernel that a loader would fetch",
    "trust_remote_code": "asks the loader to trust code of the repository",
}
# Which licence texts are about the model, rather than its code or a notice.
ABOUT_MODEL = (Covers.MODEL, Covers.WEIGHTS)
# Data, however large; nothing in them is read as configuration.
VOCABULARIES = frozenset({"tokenizer.json", "vocab.json"})
CODE_SUFFIXES = (".py", ".ipynb", ".pyc", ".pyd")
PROGRAM_SUFFIXES = (".sh", ".bat", ".cmd", ".ps1", ".exe", ".dll", ".so", ".dylib", ".js", ".vbs", ".jar")


def custom_code(subject: Subject) -> Iterator[Finding]:
    """C13: the model needs no code of its own."""
    clean = True
    for file in subject.files(*CODE_SUFFIXES):
        clean = False
        yield failed("The model brings code of its own, which nobody has reviewed here.", path=file.path)
    for file in subject.files(".json"):
        if file.name in VOCABULARIES or file.name.endswith(".index.json"):
            continue
        finding = _code_in_config(file)
        if finding is not None:
            clean = False
            yield finding
    if clean:
        yield passed("No file holds code, and no configuration asks a loader to run or fetch any.")


def _code_in_config(file: Seen) -> Finding | None:
    try:
        value = json_of(file)
    except NotReadable as error:
        return undecided(f"The configuration cannot be examined: {error}.", path=file.path)
    for place, name, inner in walk(value):
        if name in CODE_MEMBERS and inner:
            where = f"{place}.{name}".lstrip(".")
            return failed(
                f"The member {where} {CODE_MEMBERS[name]}.",
                path=file.path,
                member=where,
                value=str(inner)[:500],
            )
    return None


def templates(subject: Subject) -> Iterator[Finding]:
    """C14: chat templates only put text together."""
    count, clean = 0, True
    for file in subject.files(".jinja", ".json"):
        try:
            sources = _template_sources(file)
        except NotReadable as error:
            clean = False
            yield undecided(f"The template cannot be read: {error}.", path=file.path)
            continue
        count += len(sources)
        finding = _template_finding(file.path, sources)
        if finding is not None:
            clean = False
            yield finding
    if clean and count:
        yield passed(f"{count} chat templates only put text together.", templates=count)
    elif clean:
        yield passed("The model has no chat template.")


def _template_sources(file: Seen) -> list[str]:
    if file.suffix == ".jinja":
        return [text_of(file)]
    if file.name in VOCABULARIES or file.name.endswith(".index.json"):
        return []
    found: list[str] = []
    for _, name, inner in walk(json_of(file)):
        if name == "chat_template":
            found += _texts(inner)
    return found


def _texts(value: Any) -> list[str]:
    """The templates of a `chat_template` member: one text, a list of named ones, or a mapping of them."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [
            text
            for item in value
            for text in _texts(item.get("template") if isinstance(item, dict) else item)
        ]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    return []


def _template_finding(path: str, sources: list[str]) -> Finding | None:
    for source in sources:
        try:
            faults = template.faults(source)
        except template.BadTemplate as error:
            return undecided(f"The chat template cannot be understood: {error}.", path=path)
        if faults:
            return failed(
                f"The chat template does more than put text together: {faults[0]}.",
                path=path,
                faults=faults[:20],
            )
    return None


def executables(subject: Subject) -> Iterator[Finding]:
    """C17: no programs, scripts or archives travel with the model."""
    clean = True
    for file in subject.files():
        kind = magic.kind_of(file.start)
        if file.suffix in CODE_SUFFIXES or subject.role(file.path) == "weight":
            continue  # judged by the checks of code and of weight formats
        if kind in magic.PROGRAMS or file.suffix in PROGRAM_SUFFIXES:
            clean = False
            yield failed(
                "A program or script travels with the model.", path=file.path, kind=kind or file.suffix
            )
        elif kind in magic.ARCHIVES:
            clean = False
            yield failed(
                "An archive travels with the model; what is inside was not examined.",
                path=file.path,
                kind=kind,
            )
    if clean:
        yield passed("No programs, scripts or archives travel with the model.")


def license_text(subject: Subject) -> Iterator[Finding]:
    """C20: the licence that the card declares is the one whose text is among the files, unless a person concluded one."""
    settled = [claim for claim in subject.licenses if claim.kind == "settled"]
    if settled:
        yield _settled(settled[0])
    elif any(claim.kind == "contradicted" for claim in subject.licenses):
        yield failed("The card contradicts itself about the licence.", path="README.md")
    else:
        yield _unsettled(subject.licenses)


def _settled(claim: LicenseClaim) -> Finding:
    if "unknown" in claim.license_id.split(" AND "):
        return failed(
            f"{claim.by} concluded that the licence is not known.", severity=Severity.MEDIUM, by=claim.by
        )
    return passed(
        f"{claim.by} looked at the card and the texts, and concluded {claim.license_id}.", by=claim.by
    )


def _unsettled(claims: Sequence[LicenseClaim]) -> Finding:
    declared = {claim.license_id for claim in claims if claim.kind == "declared"}
    texts = [claim for claim in claims if claim.kind == "discovered" and covers(claim.path) in ABOUT_MODEL]
    discovered = {claim.license_id: claim.path for claim in texts}
    known = {name: path for name, path in discovered.items() if name != "unknown"}
    if not declared - {"unknown"} and not discovered:
        return failed(
            "Nobody says which licence the model is under: neither its card nor a text.",
            severity=Severity.MEDIUM,
        )
    if not discovered:
        return skipped(f"The card declares {_words(declared)}; there is no licence text to hold it against.")
    if not known:
        path = next(iter(discovered.values()))
        words = "The licence text among the files is not one that is known."
        return failed(words, path=path, severity=Severity.MEDIUM)
    if not declared - {"unknown"}:
        return skipped(
            f"The files hold the text of {_words(set(known))}; the card declares nothing to hold it against."
        )
    if set(known) <= declared or declared & set(known):
        return passed(
            f"The card declares {_words(declared)}, and the text among the files is that of {_words(set(known))}."
        )
    words = (
        f"The card declares {_words(declared)}, but the text among the files is that of {_words(set(known))}."
    )
    return failed(words, path=next(iter(known.values())))


def _words(names: set[str]) -> str:
    return ", ".join(sorted(names))
