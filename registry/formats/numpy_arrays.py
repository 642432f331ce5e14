"""Reads the header of a numpy array file, strictly. Pure.

Source: numpy's `numpy.lib.format` documentation, versions 1.0 to 3.0. Stricter than numpy itself: the header is a
literal of three members in plain tokens, and the file ends where the array ends.
"""

import ast
import dataclasses
import math
import re
import struct
from typing import Any

MAGIC = b"\x93NUMPY"
MAX_HEADER_BYTES = 16 * 1024
MAX_NESTING = 16
# How much of a file is needed to read its header.
HEAD_BYTES = MAX_HEADER_BYTES + 12
_TOKENS = re.compile(r"(?:'[^'\\\n]*'|\b(?:True|False|None|[0-9]{1,18})\b|[{}()\[\],:]|\s)*")
_ITEM = re.compile(r"[<>|=]?([?bBhHiIlLqQpPefdgFDGuiafcSUVOmM])([0-9]{0,9})(\[[0-9A-Za-z]{1,8}\])?")


class BadArray(ValueError):
    """The header is not one that a careful reader accepts."""


@dataclasses.dataclass(frozen=True, slots=True)
class Array:
    """Where the elements begin, and how many bytes they are; objects are one pickle of unknown length."""

    begin: int
    size: int
    has_objects: bool


def parse(head: bytes) -> Array:
    """Read the header in the first `HEAD_BYTES` of a file; raises `BadArray`."""
    if len(head) < 12 or not head.startswith(MAGIC) or head[6:8] not in {b"\1\0", b"\2\0", b"\3\0"}:
        raise BadArray("is no array of a known version")
    wide = head[6] > 1
    (length,) = struct.unpack_from("<L" if wide else "<H", head, 8)
    begin = (12 if wide else 10) + length
    if length > MAX_HEADER_BYTES or begin > len(head):
        raise BadArray("has a header that is too long or cut off")
    try:
        text = head[begin - length : begin].decode("utf-8" if head[6] == 3 else "latin-1")
    except UnicodeDecodeError:
        raise BadArray("has a header that is not text") from None
    value = _literal(text)
    if not isinstance(value, dict) or set(value) != {"descr", "fortran_order", "shape"}:
        raise BadArray("has a header with other members than an array's")
    shape = value["shape"]
    if not isinstance(shape, tuple) or len(shape) > 64 or not all(type(count) is int for count in shape):
        raise BadArray("has a shape that is no list of numbers")
    if not isinstance(value["fortran_order"], bool):
        raise BadArray("has an order that is neither of the two")
    item, has_objects = _item(value["descr"])
    return Array(begin, item * math.prod(shape), has_objects)


def _literal(text: str) -> Any:
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING or not _TOKENS.fullmatch(text):
        raise BadArray("has a header that is no plain literal")
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError):
        raise BadArray("has a header that is no plain literal") from None


def _item(description: Any) -> tuple[int, bool]:
    """(bytes of one element, whether it holds objects)."""
    if isinstance(description, str):
        found = _ITEM.fullmatch(description)
        if not found or not (found[2] or found[1] == "O"):
            raise BadArray(f"has elements of an unknown kind {description[:40]!a}")
        return int(found[2] or 8) * (4 if found[1] == "U" else 1), found[1] == "O"
    if not isinstance(description, list) or not all(_is_field(field) for field in description):
        raise BadArray("has elements of an unknown kind")
    size, has_objects = 0, False
    for field in description:
        inner, objects = _item(field[1])
        size += inner * math.prod(field[2] if len(field) == 3 else ())
        has_objects = has_objects or objects
    return size, has_objects


def _is_field(field: Any) -> bool:
    """(name, kind[, shape]) of a structured element."""
    if not isinstance(field, tuple) or len(field) not in {2, 3}:
        return False
    shape = field[2] if len(field) == 3 else ()
    return isinstance(shape, tuple) and len(shape) <= 64 and all(type(count) is int for count in shape)
