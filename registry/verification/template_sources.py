"""Where chat templates come from: files, members of configurations, metadata of weights, layers of Ollama models. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from enum import StrEnum, auto
from typing import Any

from registry.verification.documents import documents
from registry.verification.subject import NotReadable, Seen, text_of, walk

MEMBER = "chat_template"
MAX_TEMPLATES = 200


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


def templates_of(files: list[Seen]) -> Iterator[TemplateSource | Unread]:
    """Every template in these files, by path."""
    for file in files:
        if file.suffix == ".jinja" or _is_ollama(file):
            language = Language.GO if _is_ollama(file) else Language.JINJA
            try:
                yield TemplateSource(file.path, "", text_of(file).removeprefix("\ufeff"), language)
            except NotReadable as error:
                yield Unread(file.path, str(error))
    for file, value in documents(files, frozenset({MEMBER})):
        if isinstance(value, NotReadable):
            yield Unread(file.path, str(value))
        else:
            yield from _members(file.path, value)


def _is_ollama(file: Seen) -> bool:
    """Whether it is the template layer of an Ollama model, which lies as a file of that name."""
    return file.name == "template"


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
