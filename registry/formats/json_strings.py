"""Finds out whether a JSON decoder, which keeps the last of two members of one name, dropped any. Pure.

Each member has at least one string: its name. So the text has as many strings as what was decoded from it exactly
where nothing was dropped. Counting them takes a fraction of the time of a decoder that looks at every pair.
"""

import re
from typing import Any

_ESCAPE = re.compile(rb"\\.", re.DOTALL)


def in_text(data: bytes) -> int:
    """How many strings this JSON has; it must have been decoded, and so found well-formed, before."""
    bare = _ESCAPE.sub(b"", data) if b"\\" in data else data
    return bare.count(b'"') // 2


def in_value(value: Any) -> int:
    """How many strings a decoded value has, names of members included."""
    count, pending = 0, [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            count += len(item)
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        else:
            count += isinstance(item, str)
    return count
