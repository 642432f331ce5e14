"""Checks whether a model needs code of its own: its files, its configurations, and the models that it is loaded onto. Pure."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

from registry.formats import python_signs, python_source, yaml_members
from registry.formats.card import BadCard, parse_card
from registry.formats.python_source import NotPython
from registry.formats.sign import Level, Sign
from registry.lifecycle import MINOR
from registry.verification import closure
from registry.verification.code_members import MEMBERS, RULES, code_signs, said, unknown_quantiser
from registry.verification.documents import documents
from registry.verification.outcomes import Finding, passed, undecided
from registry.verification.signs import finding
from registry.verification.subject import NotReadable, Seen, Subject, text_of

PYTHON_SUFFIXES = (".py", ".pyi", ".pyw")
COMPILED_SUFFIXES = (".pyc", ".pyo", ".pyd", ".pyx")
NATIVE_SUFFIXES = (".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hpp", ".rs", ".go", ".metal", ".f90")
CODE_SUFFIXES = (*PYTHON_SUFFIXES, ".ipynb", *COMPILED_SUFFIXES, *NATIVE_SUFFIXES)
MAX_FILES = 250  # of code that are examined in one run
BROUGHT = "The model brings code of its own, which nobody has reviewed here"
# Python imports files of these names by itself.
STARTED = frozenset({"sitecustomize.py", "usercustomize.py", "conftest.py"})
# What training leaves behind to be continued from; transformers before 5.0 loaded it without a check.
_RANDOM_STATE = re.compile(r"^rng_state(_\d+)?\.pth$")


def custom_code(subject: Subject) -> Iterator[Finding]:
    """C13: the model needs no code of its own."""
    told: list[Finding] = []
    for found in (
        _files(subject.files()),
        _configurations(subject.files()),
        _states(subject),
        closure.adapters(subject, needs_code),
    ):
        for item in found:
            told.append(item)
            yield item
    if all(item.severity in MINOR for item in told):
        yield passed("No file holds code, and no configuration asks a loader to run or fetch any.")


def needs_code(files: list[Seen]) -> Finding | None:
    """The first reason why a model of these files needs code, or why that cannot be said; None where it needs none."""
    every = itertools.chain(_configurations(files), _files(files))
    return next((item for item in every if item.severity not in MINOR), None)


def _files(files: list[Seen]) -> Iterator[Finding]:
    for place, file in enumerate(file for file in files if file.suffix in CODE_SUFFIXES):
        if place < MAX_FILES:
            yield _file(file)
        else:
            words = f"{BROUGHT}; there is more code than is examined ({MAX_FILES} files)"
            yield finding("", [Sign(Level.DANGER, "code", words)], path=file.path)


def _file(file: Seen) -> Finding:
    if file.suffix in COMPILED_SUFFIXES + NATIVE_SUFFIXES:
        why = (
            "it is compiled, so that nobody can read it"
            if file.suffix in COMPILED_SUFFIXES
            else "it is not Python, and was not examined"
        )
        return finding("", [Sign(Level.DANGER, "code", f"{BROUGHT}; {why}")], path=file.path)
    try:
        signs = list(_read(file))
    except (NotPython, NotReadable) as error:
        words = f"{BROUGHT}, and which cannot be examined: {error}"
        return finding("", [Sign(Level.DANGER, "code", words)], path=file.path)
    if file.name in STARTED:
        signs.append(Sign(Level.DANGER, "started", "has a name that Python imports by itself"))
    worst = [sign for sign in signs if sign.level >= Level.DANGER]
    if worst:
        return finding(f"{BROUGHT}: the code", signs, path=file.path)
    return finding("", [Sign(Level.DANGER, "code", BROUGHT), *signs], path=file.path)


def _read(file: Seen) -> list[Sign]:
    """What the code of a file could do; raises `NotPython` and `NotReadable`."""
    if not file.is_whole:
        raise NotReadable(f"{file.path} is too large ({file.size} bytes)")
    is_notebook = file.suffix == ".ipynb"
    text, signs = python_source.notebook(file.start) if is_notebook else python_source.text_of(file.start)
    tree = python_source.parse(text)
    return [*signs, *python_signs.signs(tree, is_imported=not is_notebook)]


def _configurations(files: list[Seen]) -> Iterator[Finding]:
    """What configurations, YAML files and the card ask loaders to run."""
    paths = {file.path for file in files}
    for file, value in documents(files, MEMBERS):
        found = _configuration(file, value, paths)
        if found is not None:
            yield found
    for file in files:
        if file.suffix in {".yaml", ".yml"}:
            found = _yaml(file)
        else:
            found = _card(file) if file.path == "README.md" else None
        if found is not None:
            yield found


def _configuration(file: Seen, value: Any, paths: set[str]) -> Finding | None:
    if isinstance(value, NotReadable):
        return undecided(f"The configuration cannot be examined: {value}.", path=file.path)
    folder = file.path.removesuffix(file.name)
    found = list(
        code_signs(value, name=file.name, has_file=lambda name: f"{folder}{name}" in paths or name in paths)
    )
    if found:
        worst = max(found, key=lambda item: item[0].level)
        return finding(
            "In the configuration,",
            [sign for sign, _, _ in found],
            path=file.path,
            member=worst[1],
            value=str(worst[2])[:500],
        )
    method = unknown_quantiser(value)
    if method:
        words = f"The weights are quantised by a method that is not known here, {method}: whether loading them needs a plug-in cannot be said."
        return undecided(words, path=file.path, quant_method=method)
    return None


def _yaml(file: Seen) -> Finding | None:
    is_worth = b"!" in file.start or b"_target_" in file.start or b"\\" in file.start or not file.is_whole
    if not is_worth:
        return None
    signs = []
    try:
        data = text_of(file).encode()
        for name, value, line in yaml_members.members(data):
            if name == "!" and value.split(":")[0] not in yaml_members.HARMLESS_TAGS:
                words = f"has a tag that makes Python call or import {said(value)} when the file is loaded carelessly"
                signs.append(Sign(Level.ATTACK, "tag", words, line))
            elif name == "_target_":
                rule = RULES[name](value, name, lambda _: False)
                signs += [Sign(level, name, words, line) for level, words in rule]
    except (yaml_members.BadYaml, NotReadable) as error:
        if not signs:
            return undecided(f"The configuration cannot be examined: {error}.", path=file.path)
    return finding("The configuration", signs, path=file.path) if signs else None


def _card(file: Seen) -> Finding | None:
    try:
        card = parse_card(text_of(file))
    except (BadCard, NotReadable):
        return None  # what is wrong with a card is a matter of its licence and lineage
    tags = card.get("tags")
    named = {str(tag).lower() for tag in tags} if isinstance(tags, list) else {str(tags).lower()}
    library = str(card.get("library_name") or "").lower()
    if "custom_code" not in named and library not in {"custom", "custom_code"}:
        return None
    words = "says that the model needs code of its own (the tag custom_code)"
    return finding("The card", [Sign(Level.DANGER, "custom_code", words)], path=file.path)


def _states(subject: Subject) -> Iterator[Finding]:
    for file in subject.files(".pth"):
        if _RANDOM_STATE.fullmatch(file.name):
            words = (
                "is what training left to be continued from: transformers before 5.0 ran whatever code such a file holds "
                "(CVE-2026-1839). Serving does not read it"
            )
            yield finding("The file", [Sign(Level.DOUBT, "random-state", words)], path=file.path)
