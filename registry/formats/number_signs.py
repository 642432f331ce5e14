"""What the bytes of a tensor betray about its numbers: none at all, all the same, absurdly large. Pure.

Only whole bytes are compared, by slices, tables and counts, so that megabytes take milliseconds without a library
for numbers: in all of these formats the sign and the exponent are in the last bytes.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from registry.formats.gguf_types import TYPES_BY_NAME

# No more than so many are counted one by one.
MAX_SUSPECTS = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Signs:
    """What was found in the pieces of one tensor; counts of what is wrong are lower bounds."""

    looked_at: int = 0  # numbers
    nan: int = 0
    infinite: int = 0
    huge: int = 0
    not_bool: int = 0
    is_zero: bool = False
    is_constant: bool = False


_HUGE, _SUSPECT = 1, 2


@dataclasses.dataclass(frozen=True)
class _Float:
    """A format of several bytes: which bits are exponent and fraction, and what its last bytes, without sign, mean."""

    width: int
    exponent: int
    fraction: int
    suspect: range  # the exponent may be all ones: no number, or infinite
    huge: range = range(0)  # at least 2**33, which is of no use in any layer

    @functools.cached_property
    def marks(self) -> bytes:
        """A table of last bytes."""
        rules = ((_SUSPECT, self.suspect), (_HUGE, self.huge))
        return bytes(next((mark for mark, those in rules if byte & 0x7F in those), 0) for byte in range(256))


_FLOATS: Mapping[str, _Float] = {
    "F64": _Float(8, 0x7FF << 52, (1 << 52) - 1, range(0x7F, 0x80), range(0x42, 0x7F)),
    "F32": _Float(4, 0xFF << 23, (1 << 23) - 1, range(0x7F, 0x80), range(0x50, 0x7F)),
    "BF16": _Float(2, 0xFF << 7, (1 << 7) - 1, range(0x7F, 0x80), range(0x50, 0x7F)),
    "F16": _Float(2, 0x1F << 10, (1 << 10) - 1, range(0x7C, 0x80)),
}
# Formats of one byte: the bytes that are no number, and those that are infinite.
_BYTE_FLOATS: Mapping[str, tuple[bytes, bytes]] = {
    "F8_E4M3": (b"\x7f\xff", b""),
    "F8_E4M3FNUZ": (b"\x80", b""),
    "F8_E5M2FNUZ": (b"\x80", b""),
    "F8_E8M0": (b"\xff", b""),
    "F8_E5M2": (b"\x7d\x7e\x7f\xfd\xfe\xff", b"\x7c\xfc"),
}
FLOATS = frozenset({*_FLOATS, *_BYTE_FLOATS})


def signs_of(pieces: Iterable[bytes], dtype: str, *, unit: int) -> Signs:
    """What the pieces of one tensor show; each begins where a number begins, or a block of packed ones (`unit` bytes)."""
    data = b"".join(pieces)
    found = Signs(
        looked_at=len(data) // unit,
        is_zero=not data.strip(b"\x00\x80" if dtype in FLOATS else b"\x00"),
        is_constant=data[:unit] == data[unit : 2 * unit] and data == data[:unit] * (len(data) // unit),
    )
    packed = TYPES_BY_NAME.get(dtype)
    if dtype == "BOOL":
        return dataclasses.replace(found, not_bool=len(data) - data.count(0) - data.count(1))
    if dtype in _FLOATS:
        return _of_floats(data, _FLOATS[dtype], found)
    if dtype in _BYTE_FLOATS:
        nan, infinite = (sum(map(data.count, wanted)) for wanted in _BYTE_FLOATS[dtype])
        return dataclasses.replace(found, nan=nan, infinite=infinite)
    if packed is not None and packed.scales:
        scales = b"".join(_every(data, at, step=unit) for at in packed.scales)
        found = dataclasses.replace(found, looked_at=found.looked_at * packed.block)
        return _of_floats(scales, _FLOATS["F16"], found)
    return found


def _of_floats(data: bytes, kind: _Float, found: Signs) -> Signs:
    marks = data[kind.width - 1 :: kind.width].translate(kind.marks)
    nan = infinite = 0
    place = marks.find(_SUSPECT)
    while place >= 0 and nan + infinite < MAX_SUSPECTS:
        value = int.from_bytes(data[place * kind.width : (place + 1) * kind.width], "little")
        if value & kind.exponent == kind.exponent:
            nan += bool(value & kind.fraction)
            infinite += not value & kind.fraction
        place = marks.find(_SUSPECT, place + 1)
    huge = marks.count(_HUGE) + marks.count(_SUSPECT) if kind.huge else 0
    return dataclasses.replace(found, nan=nan, infinite=infinite, huge=huge)


def _every(data: bytes, at: int, *, step: int) -> bytes:
    """The two bytes at a place of each block, one block after the other."""
    scales = bytearray(2 * (len(data) // step))
    scales[::2] = data[at::step][: len(scales) // 2]
    scales[1::2] = data[at + 1 :: step][: len(scales) // 2]
    return bytes(scales)
