"""From a config.json to the tensors that must exist. Pure."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from registry.formats.architectures import rows
from registry.formats.architectures.families import ARCHITECTURES, Architecture
from registry.formats.architectures.members import BadMember, Members
from registry.formats.architectures.rows import Wanted

# The largest open model known has some 70,000 tensors.
MAX_WANTED = 250_000


class UnknownArchitecture(LookupError):
    """The configuration names no architecture whose tensors are known here; the message is its name, or empty."""


@dataclasses.dataclass(frozen=True)
class Expectation:
    """The tensors of one configuration."""

    name: str
    architecture: Architecture
    wanted: Mapping[str, Wanted]
    layers: int
    vocabulary: int
    # Layers after the last one, which some models bring for predicting further ahead.
    further_layers: int = 0

    @property
    def parameters(self) -> int:
        """How many numbers the tensors that must exist hold together."""
        return sum(rows.numbers(item) for item in self.wanted.values() if item.required)


def architecture_of(config: Mapping[str, Any]) -> str:
    """The first architecture that the configuration names; empty where it names none."""
    named = config.get("architectures")
    return named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""


def expect(config: Mapping[str, Any]) -> Expectation:
    """What the weights must hold; raises `UnknownArchitecture`, `MissingMember` and `BadMember`."""
    name = architecture_of(config)
    architecture = ARCHITECTURES.get(name)
    if architecture is None:
        raise UnknownArchitecture(name)
    family = architecture.family
    members = Members(
        _text_part(config, architecture.config_member), defaults=family.defaults, names=family.names
    )
    sizes = family.sizes(members)
    table = rows.parse(family.table) + rows.parse(architecture.head)
    if (count := rows.count(table, sizes)) > MAX_WANTED:
        raise BadMember(
            "num_hidden_layers", f"its layers and experts would be {count} tensors, more than any model has"
        )
    wanted = {
        architecture.prefix + item.name: dataclasses.replace(item, name=architecture.prefix + item.name)
        for item in rows.expand(table, sizes, layer_prefix=family.layers)
    }
    return Expectation(
        name=name,
        architecture=architecture,
        wanted=wanted,
        layers=sizes.layers,
        vocabulary=sizes.dimensions["V"],
        further_layers=members.size("num_nextn_predict_layers", 0, least=0, limit=16),
    )


def _text_part(config: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    if not member:
        return config
    inner = config.get(member)
    if not isinstance(inner, dict):
        raise BadMember(member, f"{member} is missing or no group of members")
    return inner
