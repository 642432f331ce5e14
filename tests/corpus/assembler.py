"""Puts pickles together opcode by opcode. Nothing here is ever loaded; no payload is ever on disk in the repository."""

import struct
from typing import Any

MARK, STOP, REDUCE, BUILD, POP, DUP = b"(", b".", b"R", b"b", b"0", b"2"
TUPLE, EMPTY_TUPLE, TUPLE1, TUPLE2, NONE = b"t", b")", b"\x85", b"\x86", b"N"
STACK_GLOBAL, MEMOIZE, NEWOBJ, NEWOBJ_EX, OBJ = b"\x93", b"\x94", b"\x81", b"\x92", b"o"
EMPTY_DICT, EMPTY_LIST, SETITEM, APPEND, BINPERSID = b"}", b"]", b"s", b"a", b"Q"


def proto(version: int = 4) -> bytes:
    return b"\x80" + bytes([version])


def text(value: str) -> bytes:
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value) if -(2**31) <= value < 2**31 else long(value)


def long(value: int) -> bytes:
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def look_up(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def look_up_stacked(module: str, name: str) -> bytes:
    return text(module) + text(name) + STACK_GLOBAL


def put(index: int) -> bytes:
    return b"q" + bytes([index])


def get(index: int) -> bytes:
    return b"h" + bytes([index])


def value(item: Any) -> bytes:
    """Plain data."""
    if item is None or isinstance(item, bool):
        return {None: NONE, True: b"\x88", False: b"\x89"}[item]
    if isinstance(item, tuple | list | dict):
        return _container(item)
    if isinstance(item, bytes):
        return b"B" + struct.pack("<I", len(item)) + item
    return text(item) if isinstance(item, str) else number(item)


def _container(item: tuple[Any, ...] | list[Any] | dict[Any, Any]) -> bytes:
    if isinstance(item, dict):
        pairs = (value(key) + value(inner) for key, inner in item.items())
        return EMPTY_DICT + MARK + b"".join(pairs) + b"u"
    inner = MARK + b"".join(map(value, item))
    return inner + TUPLE if isinstance(item, tuple) else EMPTY_LIST + inner + b"e"


def call(module: str, name: str, *arguments: Any) -> bytes:
    """A call by GLOBAL and REDUCE, without what stands around it."""
    return look_up(module, name) + value(arguments) + REDUCE


def pickle(body: bytes, version: int = 4) -> bytes:
    return proto(version) + body + STOP


def framed(body: bytes) -> bytes:
    return proto(4) + b"\x95" + struct.pack("<Q", len(body) + 1) + body + STOP
