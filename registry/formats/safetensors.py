"""Reads the header of a safetensors file, strictly and within bounds. Pure.

Stricter than the format's own library, which accepts among others a tensor named twice, a header that does not
begin with `{`, unknown members, names like `../../etc/passwd` and a dimension of 2**64 - 1.
"""

import contextlib
import dataclasses
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from registry.formats import json_strings, tensor_names

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 24 * 1024 * 1024
MAX_METADATA_BYTES = 1024 * 1024
MAX_METADATA_ENTRIES = 10_000
MAX_TENSORS = 100_000
# Tensors of no elements; no model has a use for many of them.
MAX_EMPTY_TENSORS = 1000
MAX_RANK = 16
MAX_DIMENSION = 2**40
# Bits of one element, by the names that the format defines.
DTYPE_BITS: Mapping[str, int] = {
    "BOOL": 8,
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "U8": 8,
    "I8": 8,
    "F8_E5M2": 8,
    "F8_E4M3": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "C64": 64,
    "F64": 64,
    "I64": 64,
    "U64": 64,
}
# The strings in what the header says of one tensor: its name, three member names, and the type.
_STRINGS_OF_A_TENSOR = 5
_METADATA = "__metadata__"
_BATCH = 4096
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class BadHeader(ValueError):
    """The header is not one that a careful reader accepts; `code` names the fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Tensor(msgspec.Struct, frozen=True, gc=False):
    """One named block of numbers, and where its bytes are in the data part."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclasses.dataclass(frozen=True, slots=True)
class Header:
    """What a file says it holds."""

    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    header_bytes: int

    @property
    def parameters(self) -> int:
        """How many numbers all tensors hold together."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors)


def header_end(start: bytes | bytearray, *, file_size: int) -> int:
    """How many bytes of the file, from its start, `parse_header` needs; raises `BadHeader`."""
    if file_size < LENGTH_BYTES or len(start) < LENGTH_BYTES:
        raise BadHeader("too_small", "the file is too small to hold a header")
    length = int.from_bytes(start[:LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise BadHeader(
            "header_too_large", f"the header claims {length} bytes; at most {MAX_HEADER_BYTES} are read"
        )
    if LENGTH_BYTES + length > file_size:
        raise BadHeader("header_past_end", f"the header claims {length} bytes, more than the file has")
    return LENGTH_BYTES + length


class _Entry(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """What the header says of one tensor."""

    dtype: Literal[tuple(DTYPE_BITS)]  # type: ignore[valid-type]  # the table is the one list of names
    shape: tuple[Annotated[int, msgspec.Meta(ge=0, le=MAX_DIMENSION)], ...]
    data_offsets: tuple[Annotated[int, msgspec.Meta(ge=0)], Annotated[int, msgspec.Meta(ge=0)]]


_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_metadata = msgspec.json.Decoder(dict[str, str]).decode
_read_entries = msgspec.json.Decoder(list[_Entry]).decode


def parse_header(start: bytes | bytearray, *, file_size: int) -> Header:
    """The header of a file that begins with `start` and is `file_size` bytes long; raises only `BadHeader`."""
    end = header_end(start, file_size=file_size)
    if len(start) < end:
        raise BadHeader("header_not_read", "the header was not read in full")
    if end % LENGTH_BYTES:
        raise BadHeader("unaligned", f"the data begins at byte {end}, which is no multiple of 8")
    data = bytes(start[LENGTH_BYTES:end])
    members = _members(data)
    metadata = _metadata(members.pop(_METADATA, None))
    if not members:
        raise BadHeader("no_tensors", "the file names no tensors")
    if len(members) > MAX_TENSORS:
        raise BadHeader("too_many_tensors", f"{len(members)} tensors; at most {MAX_TENSORS} are accepted")
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
    tensors = sorted(
        (_tensor(name, entry, shapes) for name, entry in zip(members, _entries(members), strict=True)),
        key=_place,
    )
    _check_once(data, tensors=len(members), metadata=metadata)
    if fault := tensor_names.fault_of(members):
        raise BadHeader(*fault)
    _check_cover(tensors, data_bytes=file_size - end)
    return Header(tensors=tuple(tensors), metadata=metadata or {}, header_bytes=end)


def _members(data: bytes) -> dict[str, msgspec.Raw]:
    """The members of the header, each still as text; of a name that stands twice the last."""
    if not data.startswith(b"{"):
        raise BadHeader("not_json", "the header does not begin with '{'")
    if not data.rstrip(b" ").endswith(b"}"):
        raise BadHeader("bad_padding", "the header ends in something else than spaces after '}'")
    with _faults():
        return _read_members(data)


@contextlib.contextmanager
def _faults() -> Iterator[None]:
    """What the decoder raises, in this module's terms."""
    try:
        yield
    except UnicodeDecodeError:
        raise BadHeader("not_utf8", "the header is not UTF-8") from None
    except RecursionError:
        raise BadHeader("too_deep", "the header is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise BadHeader("not_json", f"the header is not JSON: {str(error)[:200]}") from None


def _metadata(raw: msgspec.Raw | None) -> dict[str, str] | None:
    """The free text of the file; None where there is none."""
    if raw is None:
        return None
    try:
        with _faults():
            value = _read_metadata(raw)
    except BadHeader as error:
        if error.code != "not_json":
            raise
        raise BadHeader("bad_metadata", f"{_METADATA} may hold only text") from None
    if len(value) > MAX_METADATA_ENTRIES:
        raise BadHeader("metadata_too_large", f"{_METADATA} has more than {MAX_METADATA_ENTRIES} entries")
    if sum(map(len, value)) + sum(map(len, value.values())) > MAX_METADATA_BYTES:
        raise BadHeader("metadata_too_large", f"{_METADATA} holds more than {MAX_METADATA_BYTES} characters")
    return value


def _entries(members: Mapping[str, msgspec.Raw]) -> Iterator[_Entry]:
    """What is said of each tensor, many at a time; a fault is looked up one by one, so that it is named."""
    pending = iter(members.items())
    while batch := list(itertools.islice(pending, _BATCH)):
        try:
            yield from _read_entries(b"[" + b",".join(raw for _, raw in batch) + b"]")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            for name, raw in batch:
                _explain(name, raw)
            raise BadHeader(
                "bad_tensor", f"a tensor between {batch[0][0]!a} and {batch[-1][0]!a} is malformed"
            ) from None


def _explain(name: str, raw: msgspec.Raw) -> None:
    """Raise what is wrong with what is said of a tensor, if anything is."""
    with _faults():
        value = msgspec.json.decode(raw)
    if not isinstance(value, dict) or set(value) != set(_Entry.__struct_fields__):
        raise BadHeader("bad_tensor", f"tensor {name!a} has other members than dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise BadHeader("unknown_dtype", f"tensor {name!a} has the unknown type {str(dtype)[:40]!a}")
    if not _is_numbers(shape) or any(size > MAX_DIMENSION for size in shape):
        raise BadHeader("bad_shape", f"tensor {name!a} has no sensible shape: {str(shape)[:80]}")
    if not _is_numbers(offsets) or len(offsets) != 2:
        raise BadHeader("bad_offsets", f"tensor {name!a} has no sensible data_offsets: {str(offsets)[:80]}")


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _tensor(name: str, entry: _Entry, shapes: dict[tuple[int, ...], tuple[int, ...]]) -> Tensor:
    """One tensor; `shapes` lets the many of the same shape share it in memory."""
    shape, (begin, end) = shapes.setdefault(entry.shape, entry.shape), entry.data_offsets
    if len(shape) > MAX_RANK:
        raise BadHeader(
            "bad_shape", f"tensor {name!a} has {len(shape)} dimensions; at most {MAX_RANK} are accepted"
        )
    if begin > end:
        raise BadHeader("bad_offsets", f"tensor {name!a} ends at {end}, before it begins at {begin}")
    bits = math.prod(shape) * DTYPE_BITS[entry.dtype]
    if bits % 8:
        raise BadHeader("odd_bits", f"tensor {name!a} does not fill whole bytes")
    if end - begin != bits // 8:
        raise BadHeader(
            "size_mismatch",
            f"tensor {name!a} at {begin} has {end - begin} bytes, its shape and type need {bits // 8}",
        )
    return Tensor(name, entry.dtype, shape, begin, end)


def _place(tensor: Tensor) -> tuple[int, int]:
    return tensor.begin, tensor.end


def _check_once(data: bytes, *, tensors: int, metadata: Mapping[str, str] | None) -> None:
    """No name stands twice in any object, and no number has a sign.

    The decoder keeps the last of two members of one name; `json_strings` says how that is found out.
    """
    kept = _STRINGS_OF_A_TENSOR * tensors + (0 if metadata is None else 1 + 2 * len(metadata))
    if json_strings.in_text(data) != kept:
        raise BadHeader(
            "duplicate_name",
            f"{_twice(data)} appears twice in the header, so readers may disagree on what it means",
        )
    if b"-" in data and b"-" in _STRING.sub(b"", data):
        raise BadHeader("not_integer", "a number in the header has a sign")


def _twice(data: bytes) -> str:
    """The first name that an object has twice."""
    found: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        found.extend(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]

    json.loads(data, object_pairs_hook=once)
    return f"{found[0][:80]!a}" if found else "a name"


def _check_cover(tensors: Iterable[Tensor], *, data_bytes: int) -> None:
    """The tensors, in order, fill the data part exactly: no hole, no overlap, nothing after them."""
    position = empty = 0
    for tensor in tensors:
        if tensor.begin != position:
            fault = "overlaps the one before it" if tensor.begin < position else "leaves a hole before it"
            raise BadHeader(
                "not_contiguous", f"tensor {tensor.name!a} at {tensor.begin} {fault} (expected at {position})"
            )
        position = tensor.end
        empty += tensor.begin == tensor.end
    if position != data_bytes:
        raise BadHeader(
            "wrong_length",
            f"the tensors need {position} bytes of data, the file has {data_bytes}: cut off or appended to",
        )
    if empty > MAX_EMPTY_TENSORS:
        raise BadHeader(
            "too_many_empty", f"{empty} tensors hold nothing; at most {MAX_EMPTY_TENSORS} are accepted"
        )
