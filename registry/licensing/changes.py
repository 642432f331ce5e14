"""Facts as they would be: merge patches over organisation, use and derivative, checked strictly. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from governance.fields import Fields
from registry.licensing import facts
from registry.licensing.facts import InvalidFacts

PARTS = ("org", "use", "derivative")
MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_STEPS = 32


@dataclass(frozen=True)
class Step:
    """One merge patch (RFC 7396) a part; null makes a fact unknown."""

    org: Mapping[str, Any] = field(default_factory=dict)
    use: Mapping[str, Any] = field(default_factory=dict)
    derivative: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is moved."""
        return not (self.org or self.use or self.derivative)

    def to_json(self) -> dict[str, Any]:
        """The step as it is sent and stored."""
        return {part: dict(getattr(self, part)) for part in PARTS if getattr(self, part)}


@dataclass(frozen=True)
class Change:
    """What is moved, step after step."""

    steps: tuple[Step, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is moved."""
        return all(step.is_empty for step in self.steps)

    def moved(self, part: str, known: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of one part as they would be."""
        found = dict(known)
        for step in self.steps:
            found = merged(found, getattr(step, part))
        return found

    def to_json(self) -> list[dict[str, Any]]:
        """The change as it is stored."""
        return [step.to_json() for step in self.steps if not step.is_empty]


def merged(target: Any, patch: Any) -> Any:
    """The target with the patch applied, as RFC 7396 says: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def patch_to(target: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The patch that turns one object into another."""
    patch: dict[str, Any] = dict.fromkeys(target.keys() - wanted.keys())
    for key, value in wanted.items():
        old = target.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            inner = patch_to(old, value)
            if inner:
                patch[key] = inner
        elif key not in target or old != value:
            patch[key] = value
    return patch


def parse_change(value: Any, *, on: date) -> Change:
    """Read a change: one step, or a list of them."""
    steps = value if isinstance(value, list) else [value]
    if len(steps) > MAX_STEPS:
        raise InvalidFacts("change", f"has more than {MAX_STEPS} steps")
    return Change(tuple(parse_step(step, on=on) for step in steps))


def parse_step(value: Any, *, on: date) -> Step:
    """Read a step; one that names a fact nobody knows is refused, also where it would only remove it."""
    fields = Fields(value, problem=InvalidFacts)
    parts = {part: _patch(fields, part) for part in PARTS}
    fields.done()
    facts.parse_org(parts["org"], on=on)
    facts.parse_use(parts["use"])
    facts.parse_derivative(parts["derivative"])
    return Step(**parts)


def _patch(fields: Fields, part: str) -> Mapping[str, Any]:
    value = fields.raw(part)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise fields.fail(part, "must be an object")
    if _depth(value) > MAX_DEPTH:
        raise fields.fail(part, f"is nested deeper than {MAX_DEPTH}")
    if len(json.dumps(value, default=str)) > MAX_BYTES:
        raise fields.fail(part, f"is larger than {MAX_BYTES} bytes")
    return value


def _depth(value: Any) -> int:
    """How deep a value nests, no further than it matters."""
    level, depth = [value], 0
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            item
            for one in level
            for item in (one.values() if isinstance(one, Mapping) else one)
            if isinstance(item, (Mapping, list))
        ]
    return depth
