"""What is wanted of each kind of weight file while it is read: its header, and samples of its numbers. Pure."""

from collections.abc import Callable

from registry.formats import gguf, numbers, safetensors
from registry.formats.gguf_header import BadGguf
from registry.verification import structure
from registry.verification.pieces import Plan, Wanted

# What one tensor of a header takes in memory, its name included.
TENSOR_BYTES = 256
# Reads a file by (offset, length), beside the pass over it.
ReadAt = Callable[[int, int], bytes]


def is_weights(path: str) -> bool:
    """Whether a file of this name is read by a plan, and never kept whole."""
    return path.lower().endswith((".safetensors", ".gguf"))


def plan_of(
    path: str, start: bytearray, *, size: int, sampling: numbers.Share, read_at: ReadAt | None = None
) -> Plan:
    """The plan for a file, by its name and then by its first bytes; without `read_at`, of its start only."""
    if path.lower().endswith(".safetensors"):
        return _safetensors(start, size=size, sampling=sampling)
    return _by_magic(path, start, size=size, sampling=sampling, read_at=read_at)


def _by_magic(
    path: str, start: bytearray, *, size: int, sampling: numbers.Share, read_at: ReadAt | None
) -> Plan:
    yield min(size, len(gguf.MAGIC))
    if start.startswith(gguf.MAGIC):
        return (yield from _gguf(start, size=size, sampling=sampling))
    return Wanted(pieces=structure.pieces(path, size=size, read_at=read_at) if read_at else ())


def _safetensors(start: bytearray, *, size: int, sampling: numbers.Share) -> Plan:
    try:
        yield min(size, safetensors.LENGTH_BYTES)
        yield safetensors.header_end(start, file_size=size)
        header = safetensors.parse_header(start, file_size=size)
    except safetensors.BadHeader as error:
        return Wanted(header=error)
    return Wanted(
        header=header,
        cost=TENSOR_BYTES * len(header.tensors),
        pieces=numbers.pieces(header.tensors, data_begin=header.header_bytes, share=sampling),
    )


def _gguf(start: bytearray, *, size: int, sampling: numbers.Share) -> Plan:
    try:
        header = yield from gguf.steps(start, file_size=size)
    except BadGguf as error:
        return Wanted(header=error)
    return Wanted(
        keep=header.data_begin,
        header=header,
        cost=TENSOR_BYTES * len(header.tensors),
        pieces=numbers.pieces(header.tensors, data_begin=header.data_begin, share=sampling),
    )
