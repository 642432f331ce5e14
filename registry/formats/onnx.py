"""Walks an ONNX model's protocol buffer, within bounds, for what lies outside it: data files and operators. Pure.

Source: onnx/onnx.proto (ModelProto, GraphProto, NodeProto, TensorProto) and the encoding guide of Protocol Buffers.
Only the fields named in `_FIELDS` are entered; the numbers of tensors are passed over, whatever their size.
"""

import dataclasses
from typing import NamedTuple

from registry.formats import view

MAX_FIELDS = 2_000_000
MAX_DEPTH = 64
MAX_TEXT = 4096
# Operators that come with every runtime.
STANDARD = frozenset(
    {
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview",
        "ai.onnx.preview.training",
        "com.microsoft",
    }
)
# message -> field number -> the message or text that the field holds
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "opset": {1: "=imported"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "function": {7: "node", 9: "opset", 10: "=defined", 11: "attribute"},
    "node": {4: "=operator", 5: "attribute", 7: "=domain"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "tensor": {13: "entry"},
    "entry": {1: "=key", 2: "=value"},
}


class BadModel(ValueError):
    """The bytes are no ONNX model, or one that is too deep or too long to be walked."""


@dataclasses.dataclass(frozen=True, slots=True)
class Model:
    """What the model asks for beside itself."""

    data_files: tuple[str, ...]
    domains: tuple[str, ...]  # that are neither standard nor defined in the model
    nodes: int


class _Field(NamedTuple):
    number: int
    begin: int
    end: int


def read(source: view.Bytes) -> Model:
    """Walk the model; raises `BadModel`, and `view.NotKept`."""
    texts: dict[str, set[str]] = {"imported": set(), "defined": set(), "domain": set(), "location": set()}
    pending, left, nodes, graphs = [("model", 0, source.size, 0)], MAX_FIELDS, 0, 0
    while pending:
        message, begin, end, depth = pending.pop()
        nodes += message == "node"
        graphs += message == "graph"
        key = ""
        for field in _fields(source, begin, end):
            left -= 1
            if left < 0 or depth > MAX_DEPTH:
                raise BadModel("is too large or too deep to be examined")
            kind = _FIELDS[message].get(field.number, "")
            if not kind.startswith("="):
                pending += [(kind, field.begin, field.end, depth + 1)] if kind else []
                continue
            text = _text(source, field)
            if kind == "=key":
                key = text
            elif kind == "=value" and key == "location":
                texts["location"].add(text)
            elif kind[1:] in texts:
                texts[kind[1:]].add(text)
    if not graphs:
        raise BadModel("has no graph, so that it is no ONNX model")
    foreign = (texts["domain"] | texts["imported"]) - STANDARD - texts["defined"]
    return Model(tuple(sorted(texts["location"])), tuple(sorted(foreign)), nodes)


def _fields(source: view.Bytes, at: int, end: int) -> list[_Field]:
    """The fields of one message that hold bytes; the others are passed over."""
    found = []
    while at < end:
        tag, at = _varint(source, at, end)
        form, begin = tag & 7, at
        if form == 0:
            _, at = _varint(source, at, end)
        elif form == 2:
            length, begin = _varint(source, at, end)
            at = begin + length
            found.append(_Field(tag >> 3, begin, at))
        elif form in {1, 5}:
            at += 8 if form == 1 else 4
        else:
            raise BadModel("holds a field of an unknown form")
        if at > end or not tag >> 3 or len(found) > MAX_FIELDS:
            raise BadModel("holds a field that does not fit")
    return found


def _varint(source: view.Bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(source.read(at, min(10, end - at))):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise BadModel("breaks off in a number")


def _text(source: view.Bytes, field: _Field) -> str:
    if field.end - field.begin > MAX_TEXT:
        raise BadModel("holds a name that is too long")
    return source.read(field.begin, field.end - field.begin).decode("utf-8", "replace")
