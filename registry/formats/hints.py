"""What a card hints at without saying it: teachers in its datasets and words, bases that name no model. Pure.

The Hub has no relation for distillation, so that a teacher never stands where an ancestor would. A hint decides nothing:
it is a question, and the lineage is not known until a person has answered it.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from registry.formats.lineage import NAME, RELATIONS, ancestors

MAX_HINTS = 32
MAX_SAYS = 300
MAX_TEXT = 1_000_000
# Names of families whose outputs are often training data, and words for data that a model made.
_FAMILY = (
    r"(?:chat)?gpt-?(?:oss|[345])\w*|chatgpt|claude|gemini|gemma|llama|qwen|qwq|deepseek|mistral|mixtral|nemotron"
    r"|command-r|exaone|hyperclova|grok|kimi|minimax|glm-?[45]|falcon|yi-(?:34|6|9)b|phi-?[34]"
)
_DATASET = re.compile(
    rf"(?i)({_FAMILY}|distill?|synthetic|synth|generated|self[-_]?instruct|alpaca|sharegpt|ultrachat|openhermes|magpie|(?:^|[-_/])r1(?:$|[-_]))"
)
_TAG = re.compile(r"(?i)(knowledge[-_ ])?distill(ed|ation)|synthetic([-_ ]data)?")
_SENTENCE = re.compile(
    r"(?i)\b(?:distil(?:led|lation)|generated|synthesi[sz]ed|outputs?|responses|completions|reasoning traces)"
    r"(?:\s+data)?\s+(?:from|by|with|using|of)\s+(?:the\s+)?[*_`\[]*"
    rf"(?P<name>[A-Za-z0-9][\w.-]{{0,60}}/[A-Za-z0-9][\w.-]{{0,90}}|(?:{_FAMILY})[\w.-]{{0,40}})"
)


@dataclasses.dataclass(frozen=True, slots=True)
class Hint:
    """A question about the lineage: its kind, the words that raise it, and the model that they seem to name."""

    kind: str
    says: str
    base_model: str = ""
    path: str = "README.md"


def hints(
    *, card: Mapping[str, Any], text: str = "", adapter_config: Mapping[str, Any] | None = None
) -> list[Hint]:
    """Every hint once; models that the card names as ancestors anyway are no question."""
    named = {found.base_model for found in ancestors(card=card, adapter_config=adapter_config)}
    found: dict[tuple[str, str], Hint] = {}
    for hint in (*_bases(card), *_adapter(adapter_config, named), *_relation(card), *_teachers(card, text)):
        if hint.base_model not in named:
            found.setdefault((hint.kind, hint.says), hint)
    return list(found.values())[:MAX_HINTS]


def _bases(card: Mapping[str, Any]) -> Iterator[Hint]:
    declared = card.get("base_model")
    for name in declared if isinstance(declared, list) else [declared]:
        if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
            yield Hint("base", _said(f"base_model: {name}"))


def _adapter(config: Mapping[str, Any] | None, named: Iterable[str]) -> Iterator[Hint]:
    """An adapter cannot be used without its base, so that one without a name for it is a question."""
    if config is None:
        return
    base = config.get("base_model_name_or_path")
    if not (isinstance(base, str) and NAME.fullmatch(base)) and not set(named):
        yield Hint("base", _said(f"base_model_name_or_path: {base}"), path="adapter_config.json")


def _relation(card: Mapping[str, Any]) -> Iterator[Hint]:
    relation = card.get("base_model_relation")
    if relation is not None and not (isinstance(relation, str) and relation in RELATIONS):
        yield Hint("relation", _said(f"base_model_relation: {relation}"))


def _teachers(card: Mapping[str, Any], text: str) -> Iterator[Hint]:
    for dataset in _texts(card.get("datasets")):
        if _DATASET.search(dataset):
            yield Hint("teacher", _said(f"dataset {dataset}"))
    for tag in _texts(card.get("tags")):
        if _TAG.fullmatch(tag):
            yield Hint("teacher", _said(f"tag {tag}"))
    for match in _SENTENCE.finditer(text[:MAX_TEXT]):
        name = match["name"].rstrip(".-")
        yield Hint("teacher", _said(match[0].rstrip(".-")), base_model=name if NAME.fullmatch(name) else "")


def _texts(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str)]


def _said(words: str) -> str:
    """The words in one line, without what neither a database nor a question can hold, cut short."""
    printable = "".join(mark if ord(mark) >= 32 else " " for mark in words)
    plain = " ".join(printable.encode("utf-8", "replace").decode("utf-8").split())
    return plain if len(plain) <= MAX_SAYS else plain[: MAX_SAYS - 1] + "…"
