"""JSON in which no member is named twice: readers do not agree on which of the two counts. Pure."""

import json
from typing import Any


def loads(text: str | bytes) -> Any:
    """The value; raises `ValueError`, also for a member that is named twice, and `RecursionError`."""
    return json.loads(text, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1) if len(names) < 1000 else ""
        raise ValueError(f"the member name {twice[:80]!a} appears twice")
    return members
