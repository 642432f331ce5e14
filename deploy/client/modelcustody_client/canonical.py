"""Canonical JSON: one value, one sequence of bytes. Pure.

Keys sorted by code point, no spaces, UTF-8, no floats, integers within what every JSON reader keeps exactly.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

from modelcustody_client import errors

MAX_INTEGER = 2**53
MAX_DEPTH = 64
DEFAULT_MAX_BYTES = 16 * 1024 * 1024


class NotCanonical(errors.Refused):
    """The value has no canonical form, or the bytes are not the JSON we accept."""

    code = "not_canonical"


def dumps(value: Any) -> bytes:
    """Return the one canonical encoding of `value`."""
    _check(value, depth=0, allow_floats=False)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


def digest(value: Any) -> str:
    """Return the name of `value`: the SHA-256 of its canonical encoding, as `sha256:` and hexadecimal."""
    return f"sha256:{hashlib.sha256(dumps(value)).hexdigest()}"


def loads(data: bytes, *, max_bytes: int = DEFAULT_MAX_BYTES) -> Any:
    """Parse JSON strictly: no duplicate keys, no NaN, no lone surrogates, bounded depth and size."""
    if len(data) > max_bytes:
        raise NotCanonical(f"JSON of {len(data)} bytes is over the limit of {max_bytes}")
    try:
        text = data.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except NotCanonical:
        raise
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"not JSON: {error}") from None
    _check(value, depth=0, allow_floats=True)
    return value


def loads_canonical(data: bytes, *, max_bytes: int = DEFAULT_MAX_BYTES) -> Any:
    """Parse JSON that must be in its canonical form, byte for byte."""
    value = loads(data, max_bytes=max_bytes)
    if dumps(value) != data:
        raise NotCanonical("JSON is not in its canonical form")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonical("an object has the same key twice")
    return found


def _constant(name: str) -> Any:
    raise NotCanonical(f"{name} is not JSON")


def _check(value: Any, *, depth: int, allow_floats: bool) -> None:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth=depth + 1, allow_floats=allow_floats)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check(item, depth=depth + 1, allow_floats=allow_floats)
    elif isinstance(value, str):
        _check_text(value)
    else:
        _check_scalar(value, allow_floats=allow_floats)


def _check_scalar(value: Any, *, allow_floats: bool) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise NotCanonical(f"an integer is beyond {MAX_INTEGER}")
    elif not (allow_floats and isinstance(value, float) and math.isfinite(value)):
        raise NotCanonical(f"{type(value).__name__} has no canonical form")


def _check_text(value: Any) -> None:
    if not isinstance(value, str):
        raise NotCanonical("an object key is not a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise NotCanonical("text with a lone surrogate") from None
