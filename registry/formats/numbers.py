"""Which pieces of the tensors are looked at, and what their bytes say about the numbers in them. Pure."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from registry.formats.gguf_types import TYPES_BY_NAME
from registry.formats.safetensors import DTYPE_BITS

BLOCK_BYTES = 4096
BLOCKS = 4
# Fewer bytes than this say little of a tensor: then every second, third, ... tensor is looked at instead.
LEAST_BYTES = 256
MAX_PIECE_BYTES = 256 * 1024


class Tensor(Protocol):
    """One named block of numbers, of a file of either kind."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def dtype(self) -> str:
        """How its numbers are stored."""

    @property
    def shape(self) -> tuple[int, ...]:
        """How many numbers it has in each direction."""

    @property
    def begin(self) -> int:
        """Where it begins in the data part."""

    @property
    def end(self) -> int:
        """Where it ends in the data part."""


# A tensor, and the pieces that were looked at of it, each with its offset in the file.
Sampled = tuple[Tensor, list[tuple[int, bytes]]]


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """How much of one file may be looked at."""

    size: int  # bytes

    def of(self, count: int) -> tuple[int, int]:
        """Every which tensor of `count` is looked at, and at how many of its bytes at most."""
        stride = max(1, math.ceil(count * LEAST_BYTES / max(self.size, LEAST_BYTES)))
        each = self.size // max(1, math.ceil(count / stride))
        return stride, min(each, BLOCKS * BLOCK_BYTES)


NOTHING = Share(0)


def pieces(tensors: Sequence[Tensor], *, data_begin: int, share: Share) -> tuple[tuple[int, int], ...]:
    """Where to look, as (offset in the file, length): small tensors whole, of others blocks from end to end.

    Pieces that touch are one, so that a thousand small tensors are not a thousand pieces.
    """
    if not share.size:
        return ()
    stride, each = share.of(len(tensors))
    found: list[tuple[int, int]] = []
    for tensor in sorted(tensors[::stride], key=lambda item: item.begin):
        for offset, length in _blocks(tensor, data_begin + tensor.begin, each):
            last, size = found[-1] if found else (0, -1)
            if last + size == offset and size + length <= MAX_PIECE_BYTES:
                found[-1] = (last, size + length)
            else:
                found.append((offset, length))
    return tuple(found)


def cut(samples: Mapping[int, bytes], tensors: Sequence[Tensor], *, data_begin: int) -> Iterator[Sampled]:
    """Each tensor with what `samples`, which are pieces by their offset, hold of it."""
    offsets = sorted(samples)
    place = 0
    for tensor in sorted(tensors, key=lambda item: item.begin):
        begin, end = data_begin + tensor.begin, data_begin + tensor.end
        while place < len(offsets) and offsets[place] + len(samples[offsets[place]]) <= begin:
            place += 1
        mine, at = [], place
        while at < len(offsets) and offsets[at] < end:
            first = max(offsets[at], begin)
            mine.append((first, samples[offsets[at]][first - offsets[at] : end - offsets[at]]))
            at += 1
        yield tensor, mine


def _blocks(tensor: Tensor, begin: int, each: int) -> Iterator[tuple[int, int]]:
    size = tensor.end - tensor.begin
    if size <= each:
        if size:
            yield begin, size
        return
    unit = unit_of(tensor.dtype)
    count = max(1, min(BLOCKS, each // BLOCK_BYTES))
    length = max(each // count // unit, 1) * unit
    if count * length > size:
        count, length = 1, min(length, size)
    room = (size - length) // unit
    for number in range(count):
        step = room // 2 if count == 1 else room * number // (count - 1)
        yield begin + step * unit, length


def unit_of(dtype: str) -> int:
    """The bytes that belong together: one number, or one block of packed numbers."""
    packed = TYPES_BY_NAME.get(dtype)
    if packed is not None:
        return packed.block_bytes
    return math.lcm(DTYPE_BITS[dtype], 8) // 8
