"""Reads the header of a safetensors file, strictly and within bounds. Pure.

Stricter than the format's own library, which accepts among others a tensor named twice, a header that does not
begin with `{`, unknown members, names like `../../etc/passwd` and a dimension of 2**64 - 1.
"""

import dataclasses
import json
import math
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

LENGTH_BYTES = 8
MAX_HEADER_BYTES = 32 * 1024 * 1024
MAX_METADATA_BYTES = 1024 * 1024
MAX_TENSORS = 100_000
MAX_NAME_CHARACTERS = 512
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
_MEMBERS = {"dtype", "shape", "data_offsets"}


class BadHeader(ValueError):
    """The header is not one that a careful reader accepts; `code` names the fault."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True)
class Tensor:
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


def header_end(start: bytes, *, file_size: int) -> int:
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


def parse_header(start: bytes, *, file_size: int) -> Header:
    """The header of a file that begins with `start` and is `file_size` bytes long; raises only `BadHeader`."""
    end = header_end(start, file_size=file_size)
    if len(start) < end:
        raise BadHeader("header_not_read", "the header was not read in full")
    if end % LENGTH_BYTES:
        raise BadHeader("unaligned", f"the data begins at byte {end}, which is no multiple of 8")
    members = _members(start[LENGTH_BYTES:end])
    metadata = _metadata(members.pop("__metadata__", {}))
    if not members:
        raise BadHeader("no_tensors", "the file names no tensors")
    if len(members) > MAX_TENSORS:
        raise BadHeader("too_many_tensors", f"{len(members)} tensors; at most {MAX_TENSORS} are accepted")
    tensors = sorted(
        (_tensor(name, value) for name, value in members.items()), key=lambda item: (item.begin, item.end)
    )
    _check_cover(tensors, data_bytes=file_size - end)
    return Header(tensors=tuple(tensors), metadata=metadata, header_bytes=end)


def _members(data: bytes) -> dict[str, Any]:
    if not data.startswith(b"{"):
        raise BadHeader("not_json", "the header does not begin with '{'")
    if len(data.rstrip(b" ")) == 0 or not data.rstrip(b" ").endswith(b"}"):
        raise BadHeader("bad_padding", "the header ends in something else than spaces after '}'")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_float=_no_number, parse_constant=_no_number
        )
    except BadHeader:
        raise
    except UnicodeDecodeError:
        raise BadHeader("not_utf8", "the header is not UTF-8") from None
    except RecursionError:
        raise BadHeader("too_deep", "the header is nested too deeply") from None
    except ValueError as error:
        raise BadHeader("not_json", f"the header is not JSON: {str(error)[:200]}") from None
    if not isinstance(value, dict):
        raise BadHeader("not_json", "the header is not a JSON object")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadHeader(
            "duplicate_name", "a name appears twice in the header, so readers may disagree on what it means"
        )
    return members


def _no_number(text: str) -> NoReturn:
    raise BadHeader("not_integer", f"{text[:40]} stands where only whole numbers belong")


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise BadHeader("bad_metadata", "__metadata__ may hold only text")
    if sum(len(key) + len(text) for key, text in value.items()) > MAX_METADATA_BYTES:
        raise BadHeader("metadata_too_large", f"__metadata__ holds more than {MAX_METADATA_BYTES} characters")
    return value


def _tensor(name: str, value: Any) -> Tensor:
    _check_name(name)
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise BadHeader("bad_tensor", f"tensor {name!a} has other members than dtype, shape and data_offsets")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise BadHeader("unknown_dtype", f"tensor {name!a} has the unknown type {str(dtype)[:40]!a}")
    if not _is_numbers(shape) or len(shape) > MAX_RANK or any(size > MAX_DIMENSION for size in shape):
        raise BadHeader("bad_shape", f"tensor {name!a} has no sensible shape")
    if not _is_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise BadHeader("bad_offsets", f"tensor {name!a} has no sensible data_offsets")
    bits = math.prod(shape) * DTYPE_BITS[dtype]
    if bits % 8:
        raise BadHeader("odd_bits", f"tensor {name!a} does not fill whole bytes")
    if offsets[1] - offsets[0] != bits // 8:
        raise BadHeader(
            "size_mismatch",
            f"tensor {name!a} has {offsets[1] - offsets[0]} bytes, its shape and type need {bits // 8}",
        )
    return Tensor(name=name, dtype=dtype, shape=tuple(shape), begin=offsets[0], end=offsets[1])


def _check_name(name: str) -> None:
    if not name or len(name) > MAX_NAME_CHARACTERS:
        raise BadHeader(
            "bad_name", f"a tensor's name is empty or longer than {MAX_NAME_CHARACTERS} characters"
        )
    if name.startswith("/") or "\\" in name or ".." in name.split("/"):
        raise BadHeader("bad_name", f"tensor {name!a} is named like a path that leaves its folder")
    if any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in name):
        raise BadHeader("bad_name", f"tensor {name!a} has invisible characters in its name")


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is int and item >= 0 for item in value)


def _check_cover(tensors: Iterable[Tensor], *, data_bytes: int) -> None:
    """The tensors, in order, fill the data part exactly: no hole, no overlap, nothing after them."""
    position = 0
    for tensor in tensors:
        if tensor.begin != position:
            fault = "overlaps the one before it" if tensor.begin < position else "leaves a hole before it"
            raise BadHeader("not_contiguous", f"tensor {tensor.name!a} {fault}")
        position = tensor.end
    if position != data_bytes:
        raise BadHeader(
            "wrong_length",
            f"the tensors need {position} bytes of data, the file has {data_bytes}: cut off or appended to",
        )
