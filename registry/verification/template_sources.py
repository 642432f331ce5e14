"""Where chat templates come from: files, members of configurations, metadata of weights, layers of Ollama models. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from enum import StrEnum, auto
from typing import Any

from registry.formats import gguf_header
from registry.verification.documents import documents
from registry.verification.subject import NotReadable, Seen, text_of, walk

MEMBER = "chat_template"
MAX_TEMPLATES = 200
# Layers of an Ollama model that are templates in Go's language or plain text, by the names that its source gives them.
OLLAMA_LAYERS = ("template", "prompt", "system")
OLLAMA_MANIFEST = "ollama-manifest.json"


class Language(StrEnum):
    """What a template is written in."""

    JINJA = auto()
    GO = auto()


@dataclasses.dataclass(frozen=True, slots=True)
class TemplateSource:
    """One template: the file that holds it, its name there, and its text."""

    path: str
    name: str
    text: str
    language: Language = Language.JINJA


@dataclasses.dataclass(frozen=True, slots=True)
class Unread:
    """A file that may hold a template and cannot be read."""

    path: str
    why: str


def templates_of(
    files: list[Seen], ggufs: Mapping[str, gguf_header.Header | gguf_header.BadGguf]
) -> Iterator[TemplateSource | Unread]:
    """Every template in these files; `ggufs` are the headers of those that are GGUF weights."""
    layers = OLLAMA_LAYERS if any(file.name == OLLAMA_MANIFEST for file in files) else OLLAMA_LAYERS[:1]
    for file in files:
        if file.suffix in {".jinja", ".jinja2", ".j2"} or file.name in layers:
            language = Language.GO if file.name in layers else Language.JINJA
            try:
                yield TemplateSource(file.path, "", text_of(file).removeprefix("\ufeff"), language)
            except NotReadable as error:
                yield Unread(file.path, str(error))
    for file, value in documents(files, frozenset({MEMBER})):
        if isinstance(value, NotReadable):
            yield Unread(file.path, str(value))
        else:
            yield from _members(file.path, value)
    for path, header in ggufs.items():
        if isinstance(header, gguf_header.BadGguf):
            yield Unread(path, f"the header of {path} cannot be read")
        else:
            yield from (TemplateSource(path, key, text) for key, text in header.templates.items())


def _members(path: str, value: Any) -> Iterator[TemplateSource | Unread]:
    count = 0
    for _, name, inner in walk(value):
        if name == MEMBER:
            for label, text in _texts(inner):
                count += 1
                if count > MAX_TEMPLATES:
                    yield Unread(path, f"{path} holds more than {MAX_TEMPLATES} templates")
                    return
                yield TemplateSource(path, label, text)


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """The templates of a member: one text, a list of named ones, or a mapping of them."""
    if isinstance(value, str):
        yield "", value
    elif isinstance(value, list):
        for item in value:
            is_named = isinstance(item, Mapping) and isinstance(item.get("template"), str)
            if is_named:
                yield str(item.get("name", ""))[:100], item["template"]
            elif isinstance(item, str):
                yield "", item
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if isinstance(inner, str):
                yield str(name)[:100], inner
