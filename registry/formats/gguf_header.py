"""What the header of a GGUF file says, as data. Pure."""

import dataclasses
import math
import struct
from collections.abc import Iterator, Mapping

from registry.formats.gguf_types import VALUE_KINDS

_TEMPLATE = "tokenizer.chat_template"

Scalar = str | int | float | bool


class BadGguf(ValueError):
    """The header is not one that a careful reader accepts; `code` names the fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True)
class Array:
    """A list in the header: the kind of its items, how many they are, and where in the file they begin."""

    kind: str
    count: int
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor:
    """One named block of numbers; `begin` and `end` count from the start of the data part."""

    name: str
    dtype: str
    shape: tuple[int, ...]  # the dimension that is contiguous in memory comes first
    begin: int
    end: int


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a file says it holds."""

    version: int
    alignment: int
    values: Mapping[str, Scalar | Array]
    tensors: tuple[Tensor, ...]
    data_begin: int

    @property
    def parameters(self) -> int:
        """How many numbers all tensors hold together."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)

    @property
    def architecture(self) -> str:
        """The name of the model's architecture; empty where the file names none."""
        return self.text("general.architecture")

    @property
    def tokens(self) -> int | None:
        """How many tokens the vocabulary has; None where the file brings no vocabulary."""
        value = self.values.get("tokenizer.ggml.tokens")
        return value.count if isinstance(value, Array) else None

    @property
    def templates(self) -> Mapping[str, str]:
        """The chat templates that the file brings, by their key."""
        return {
            key: value
            for key, value in self.values.items()
            if (key == _TEMPLATE or key.startswith(f"{_TEMPLATE}.")) and isinstance(value, str)
        }

    def text(self, key: str) -> str:
        """The text under a key; empty where there is none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def whole(self, key: str) -> int | None:
        """The whole number under a key; None where there is none."""
        value = self.values.get(key)
        return value if type(value) is int else None


def texts(start: bytes, array: Array) -> Iterator[bytes]:
    """The items of a list of text, one by one; `start` is what `Seen.start` keeps of the file."""
    if array.kind != "string":
        raise ValueError(f"a list of {array.kind} holds no text")
    at = array.offset
    for _ in range(array.count):
        if at + 8 > len(start):
            raise ValueError("the header was not kept")
        end = at + 8 + int.from_bytes(start[at : at + 8], "little")
        yield bytes(start[at + 8 : end])
        at = end


def numbers(start: bytes, array: Array) -> tuple[Scalar, ...]:
    """The items of a list of numbers."""
    layout, width = next(
        (layout, width) for name, layout, width in VALUE_KINDS.values() if name == array.kind
    )
    if not layout:
        raise ValueError(f"a list of {array.kind} holds no numbers")
    piece = start[array.offset : array.offset + array.count * width]
    return struct.unpack(f"<{array.count}{layout[1:]}", piece)
