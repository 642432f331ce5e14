"""Which models a version's own files name as its ancestors. Pure."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

RELATIONS = frozenset({"finetune", "adapter", "quantized", "merge"})
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}"
# With `.git` at its end it is an address, which a licence question takes for no name.
NAME = re.compile(rf"{_PART}/{_PART}(?<!\.git)", re.ASCII | re.IGNORECASE)
MAX_ANCESTORS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Ancestor:
    """One model that a file names, and how it says they are related."""

    relation: str
    base_model: str
    base_revision: str
    path: str


def ancestors(*, card: Mapping[str, Any], adapter_config: Mapping[str, Any] | None = None) -> list[Ancestor]:
    """Every ancestor once, the card's first; a name that is no `org/name` is left out."""
    found: dict[tuple[str, str], Ancestor] = {}
    for ancestor in [*_of_card(card), *_of_adapter(adapter_config or {})]:
        found.setdefault((ancestor.relation, ancestor.base_model), ancestor)
    return list(found.values())[:MAX_ANCESTORS]


def _of_card(card: Mapping[str, Any]) -> Iterator[Ancestor]:
    declared = card.get("base_model")
    names = declared if isinstance(declared, list) else [declared]
    relation = card.get("base_model_relation")
    for name in names:
        if isinstance(name, str) and NAME.fullmatch(name):
            known = relation if isinstance(relation, str) and relation in RELATIONS else "unstated"
            yield Ancestor(relation=known, base_model=name, base_revision="", path="README.md")


def _of_adapter(config: Mapping[str, Any]) -> Iterator[Ancestor]:
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if isinstance(name, str) and NAME.fullmatch(name):
        pinned = revision[:200] if isinstance(revision, str) else ""
        yield Ancestor(relation="adapter", base_model=name, base_revision=pinned, path="adapter_config.json")
