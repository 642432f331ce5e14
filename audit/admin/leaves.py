"""The exact bytes of a leaf and its place, as pages show them."""

import json
from dataclasses import dataclass
from typing import Any

from audit import overview, store
from audit.events import Log
from audit.overview import Place


@dataclass(frozen=True)
class ShownLeaf:
    """A leaf: its text, its members where it is JSON, and its place."""

    text: str
    members: dict[str, Any]
    place: Place


def leaf(batch_id: int, *, log: Log, position: int = 0) -> ShownLeaf:
    """The leaf at a position of a batch."""
    raw = store.leaves_of([batch_id])[batch_id][position]
    first = overview.places([batch_id], log=log)[batch_id]
    place = Place(None if first.index is None else first.index + position, first.signed)
    text = raw.decode("utf-8", "replace")
    return ShownLeaf(text, _members(text), place)


def _members(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
