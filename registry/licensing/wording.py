"""Terms in words, whatever their kind: read from the dataclasses themselves. Pure."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any

# Words that a plain spelling out of the name would get wrong.
NAMES = {
    "mau_threshold": "Monthly active users",
    "revenue_threshold": "Revenue",
    "non_production": "No use in production",
    "competitor": "Competitors excluded",
    "excluded_business": "Kinds of business excluded",
    "share_alike": "Derivatives under the same licence",
    "guardrail_integrity": "Safeguards stay in place",
    "output_training": "Outputs to train other models",
    "applies": "Applies",
    "above": "Only above",
    "exempt_roles": "Not for",
    "not_roles": "Not for",
    "student_exceptions": "Students that may be under",
    "grants": "Lifts conditions of other licences",
    "prohibited_use": "Excluded uses",
    "name_prefix": "Name of derivatives",
    "manual_review": "A person must judge",
    "non_commercial": "No commercial use",
    "purpose_only": "Only for some purposes",
    "hosting": "Hosting for others",
    "on_outputs": "Reaches models trained with outputs",
    "commercial_only": "Commercial use only",
    "spdx": "SPDX",
    "effective_on": "Version of",
}
CODE = re.compile(r"[a-z0-9_]+")
OPERATORS = {"more_than": "more than", "at_least": "at least"}


def name(word: str) -> str:
    """A name of the vocabulary as a heading."""
    return NAMES.get(word, plain(word)[:1].upper() + plain(word)[1:])


def plain(word: str) -> str:
    """A name of the vocabulary as words."""
    return OPERATORS.get(word, word.replace("_", " "))


def value(found: Any) -> str:
    """Any value of a record as people read it; empty for what says nothing."""
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return "; ".join(f"{label.lower()}: {words}" for label, words in members(found))
    if isinstance(found, Mapping):
        return "; ".join(f"{plain(str(key))}: {value(item)}" for key, item in found.items())
    if isinstance(found, Collection) and not isinstance(found, str):
        return _joiner(found).join(_item(item) for item in found)
    return _scalar(found)


def _scalar(found: Any) -> str:
    if found is None:
        return ""
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, Enum):
        return plain(str(found.value))
    return f"{found:,}" if isinstance(found, int) else str(found)


def _joiner(found: Collection[Any]) -> str:
    """Between items: alternatives that are written at length stand apart."""
    return "; or " if any(dataclasses.is_dataclass(item) for item in found) else ", "


def _item(found: Any) -> str:
    """An item of a list: codes as words, texts as they stand."""
    return plain(found) if isinstance(found, str) and CODE.fullmatch(found) else value(found)


def members(found: Any, *, without: Collection[str] = ()) -> list[tuple[str, str]]:
    """The fields of a dataclass that say something, each as label and words; a switch that is off is left out."""
    shown = []
    for field in dataclasses.fields(found):
        content = getattr(found, field.name)
        if field.name in without or (content is False and field.type is bool):
            continue
        words = value(content)
        if words:
            shown.append((name(field.name), words))
    return shown


def meaning(parameters: Any) -> str:
    """What a kind of condition is about: the first line of what its class says of itself."""
    doc = type(parameters).__doc__ or ""
    return doc.strip().split("\n")[0].replace("`", "")
