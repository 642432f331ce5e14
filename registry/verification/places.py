"""Paths and addresses inside configurations: which of them leave the folder of the model. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from registry.lifecycle import Severity
from registry.verification.settings import Fault, member, shown
from registry.verification.subject import walk

MAX_TEXT = 1024
_UP = re.compile(r"(^|[/\\])\.\.([/\\]|$)")
_ABSOLUTE = re.compile(r"(/(?!/)[^\s/]+(/|$)|[A-Za-z]:[\\/]|\\\\[^\s\\]+\\|~[\w-]*/|file:)")
# Folders that are left out of what is verified, as no loader has business there.
_LEFT_OUT = re.compile(r"(?i)(\./)*(\.git|\.cache[/\\]huggingface)([/\\]|$)")
_ADDRESS = re.compile(r"(?i)[a-z][a-z0-9+.-]{1,20}://")
# Texts that may hold anything: what people and models say.
_TEXTS = frozenset(
    {
        "chat_template",
        "content",
        "template",
        "prompt",
        "prompts",
        "description",
        "text",
        "license",
        "repo_url",
    }
)
# Expressions over the names of modules, in which dots are not parts of paths.
_EXPRESSIONS = frozenset({"target_modules", "exclude_modules", "modules_to_not_convert", "ignore", "targets"})
# Members that say where something was found; an absolute path there tells of the machine, and no loader follows it.
_REMEMBERED = frozenset(
    {
        "_name_or_path",
        "name_or_path",
        "tokenizer_file",
        "special_tokens_map_file",
        "base_model_name_or_path",
        "vocab_file",
        "merges_file",
    }
)
_NAMES_FILE = re.compile(r"(?i)(path|file|dir|folder|name|config|checkpoint|location)s?$")


def faults(value: Any) -> Iterator[Fault]:
    """Every text in a configuration that is a path out of the folder, or an address."""
    for place, name, inner in walk(value):
        if _LEFT_OUT.match(
            name
        ):  # the parts of a pipeline are named like the folders that they are loaded from
            words = "it is named like a place of git or of a download, whose files are not part of the model"
            yield Fault(member(place, name), words)
        if name in _TEXTS | _EXPRESSIONS or "added_tokens_decoder" in place:
            continue
        for item in inner[:10_000] if isinstance(inner, list) else [inner]:
            fault = (
                text_fault(item, place=place, name=name)
                if isinstance(item, str) and len(item) <= MAX_TEXT
                else None
            )
            if fault is not None:
                yield fault


def text_fault(text: str, *, place: str, name: str) -> Fault | None:
    """Whether one text is a path out of the folder, or an address that a loader could follow."""
    full = member(place, name)
    if _UP.search(text):
        return Fault(full, f"{shown(text)} is a path that leaves the model's folder")
    if _LEFT_OUT.match(text):
        return Fault(
            full, f"{shown(text)} is a place of git or of a download, whose files are not part of the model"
        )
    if _ABSOLUTE.match(text) and _NAMES_FILE.search(name):
        if name in _REMEMBERED:
            return Fault(
                full, f"{shown(text)} is a path on the machine of whoever saved the model", Severity.INFO
            )
        return Fault(full, f"{shown(text)} is a path outside of the model's folder", Severity.MEDIUM)
    if _ADDRESS.match(text) and _NAMES_FILE.search(name):
        return Fault(full, f"{shown(text)} is an address that a loader might follow", Severity.MEDIUM)
    return None


def is_local(text: str) -> bool:
    """Whether the name of a model is a folder of whoever wrote it."""
    return text.startswith(("./", ".\\")) or _ABSOLUTE.match(text) is not None or _UP.search(text) is not None


def is_address(text: str) -> bool:
    """Whether the name of a model is an address."""
    return _ADDRESS.match(text) is not None
