"""Where a version comes from, as its page shows it: four attributes, the rules on them, and the lineage as a tree."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from governance.policy.origin import Attribute
from governance.policy.origin_rules import OriginFact, State
from registry import provenance
from registry.actions.organization import facts_in_force
from registry.models import ModelVersion
from registry.models.version import SourceKind

MOST_NODES = 60
MOST_VALUES = 12
MOST_MODELS = 6
TITLES = {
    Attribute.DEVELOPER: ("Developer", "Who made this model, and where they are at home."),
    Attribute.LICENSOR: (
        "Licensors",
        "Who grants the licences of this model and of all that it was made from.",
    ),
    Attribute.GOVERNING_LAW: ("Governing law", "Which law these licences choose."),
    Attribute.ANCESTORS: ("Ancestors", "Who made the models that this one was made from."),
}
SOURCES = {
    "verified_text": "read in the text",
    "secondary_source": "from a second source",
    "from_memory_unverified": "unverified",
    "declared": "declared by your organisation",
}
# How a child was made from the model that stands below it.
WORDS = {
    "finetune": "fine-tuned from",
    "adapter": "adapter on",
    "quantized": "quantised from",
    "merge": "merged from",
    "distillation": "distilled from",
    "synthetic_outputs": "trained on outputs of",
}


@dataclasses.dataclass(frozen=True)
class Value:
    """One value of an attribute, and the models that it holds for."""

    fact: OriginFact
    models: tuple[str, ...]
    more: int
    sources: tuple[str, ...]
    # Whether it bears on this organisation: some licensors grant only to licensees seated elsewhere.
    bears: bool

    @property
    def said(self) -> str:
        """How far the source can be trusted, in words."""
        return SOURCES.get(self.fact.verification, "")


@dataclasses.dataclass
class Node:
    """A model in the tree, with those that it was made from; one that stands elsewhere already is not opened again."""

    model: str
    relation: str
    facts: list[OriginFact]
    is_again: bool = False
    parents: list["Node"] = dataclasses.field(default_factory=list)


def gather(version: ModelVersion, *, now: datetime) -> dict[str, Any]:
    """What the section of the page shows; nothing before the version is resolved."""
    if version.manifest_digest is None:
        return {}
    profile = facts_in_force(at=now)
    standing = provenance.standing_of(version, org=profile.facts if profile else {})
    tree, left_out = _tree(standing.provenance)
    return {
        "attributes": [_attribute(one, seat=standing.seat) for one in standing.judged],
        "tree": tree,
        "left_out": left_out,
        "cycles": standing.provenance.cycles,
        "policy": standing.policy,
        "seat": standing.seat,
        "is_named_by_hand": version.source_kind != SourceKind.HUB,
    }


def _attribute(one: provenance.Judged, *, seat: str | None) -> dict[str, Any]:
    title, question = TITLES[one.attribute]
    values = _values(one.facts, seat=seat)
    return {
        "name": one.attribute.value,
        "title": title,
        "question": question,
        "outcome": one.outcome,
        "reasons": one.reasons[:MOST_VALUES],
        "more_reasons": max(0, len(one.reasons) - MOST_VALUES),
        "values": values[:MOST_VALUES],
        "more": max(0, len(values) - MOST_VALUES),
    }


def _values(facts: Iterable[OriginFact], *, seat: str | None) -> list[Value]:
    """Facts that differ only in the model or licence they are about, taken together; what is unknown comes first."""
    same: dict[OriginFact, list[OriginFact]] = defaultdict(list)
    for fact in facts:
        same[dataclasses.replace(fact, model="", license="", source="", by_author=False)].append(fact)
    values = []
    for key, each in same.items():
        models = [f"{fact.model} under {fact.license}" if fact.license else fact.model for fact in each]
        sources = tuple(dict.fromkeys(fact.source for fact in each if fact.source))
        shown, more = tuple(models[:MOST_MODELS]), max(0, len(models) - MOST_MODELS)
        values.append(Value(key, shown, more, sources[:MOST_MODELS], bears=key.holds_for(seat)))
    return sorted(values, key=lambda value: (value.fact.state is not State.UNKNOWN, value.fact))


def _tree(found: provenance.Provenance) -> tuple[Node, int]:
    """The lineage from the model up to those that were made from nothing known, and how many models did not fit."""
    parents: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in found.edges:
        parents[edge.child].append((edge.parent, edge.relation.value))
    developers: dict[str, list[OriginFact]] = defaultdict(list)
    for fact in (*found.of(Attribute.DEVELOPER), *found.of(Attribute.ANCESTORS)):
        developers[fact.model].append(fact)
    root = Node(found.model, "", developers[found.model])
    opened, waiting, count = {found.model}, [root], 1
    while waiting:
        node = waiting.pop(0)
        for parent, relation in parents[node.model]:
            if count >= MOST_NODES:
                break
            child = Node(parent, WORDS[relation], developers[parent], is_again=parent in opened)
            node.parents.append(child)
            count += 1
            if not child.is_again:
                opened.add(parent)
                waiting.append(child)
    return root, len(developers) - len(opened)
