"""The forms that the arguments of the allowed calls must have: what a writer of tensors gives, and nothing else. Pure.

Each form is a function from the arguments to what is wrong with them, empty where nothing is. Bounds are checked
here as well: a tensor that reaches outside its storage, or an array of a size that only wastes memory, is no data.
"""

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from registry.formats.pickle_opcodes import Opaque
from registry.formats.pickle_targets import DTYPES, STORAGES

MAX_RANK = 64
MAX_COUNT = 2**48
_DEVICE = re.compile(r"[a-z]{2,12}(:[0-9]{1,4})?")
_DTYPE = re.compile(
    r"[|<>=]?([?bhilqpBHILQPefdgFDG]|[SUVa][0-9]{1,6}|[biufcO][0-9]{0,2}|[mM]8(\[[a-z0-9]{1,6}\])?)"
)
_LATIN = frozenset({"latin1", "latin-1"})


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """A name that the stream asks the unpickler to look up."""

    module: str
    name: str
    full: str


@dataclasses.dataclass(frozen=True, slots=True)
class Storage:
    """The numbers of a tensor, which are kept beside the pickle."""

    kind: str
    key: str
    count: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * STORAGES[self.kind]


class Made:
    """An object under construction: a list, dict or set, or what an allowed call returned (`by`)."""

    __slots__ = ("by", "detail", "items")

    def __init__(self, by: str, detail: Any = None) -> None:
        self.by = by
        self.detail = detail
        self.items: list[Any] = []


def fault(target: Target, form: str, arguments: tuple[Any, ...]) -> str:
    """How the arguments are not those of a writer of tensors; empty where they are."""
    return "" if _FORMS[form](target.full, arguments) else "with arguments that no writer of tensors gives"


def state_fault(made: Any, state: Any) -> str:
    """How the state that BUILD sets is not that of a writer of tensors; empty where it is."""
    by = made.by if isinstance(made, Made) else ""
    if by == "collections.OrderedDict":
        known = is_made(state, "dict") and state.items[0::2] in ([], ["_metadata"])
    elif by == "numpy.dtype":
        known = _is_dtype_state(state)
    else:
        known = by.endswith("._reconstruct") and _is_array_state(state)
    return "" if known else "with a state that no writer of tensors gives"


def storage_of(pid: Any) -> Storage | None:
    """The storage that a persistent id names, in the zip form of torch or in its older one."""
    if not isinstance(pid, tuple) or len(pid) not in {5, 6} or pid[0] != "storage":
        return None
    _, kind, key, location, count = pid[:5]
    if not isinstance(kind, Target) or kind.full not in STORAGES or not _is_number(count):
        return None
    if not isinstance(key, str) or not re.fullmatch(r"[0-9]{1,20}", key):
        return None
    if not isinstance(location, str) or not _DEVICE.fullmatch(location) or pid[5:] not in ((), (None,)):
        return None
    return Storage(kind.full, key, count)


def is_made(value: Any, *by: str) -> bool:
    """Whether the value was made so."""
    return isinstance(value, Made) and value.by in by


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _is_shape(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) <= MAX_RANK and all(map(_is_number, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, Opaque) and value.kind == "text")


def _is_bytes(value: Any) -> bool:
    return (isinstance(value, Opaque) and value.kind == "bytes") or is_made(
        value, "_codecs.encode", "builtins.bytes"
    )


def _is_hooks(value: Any) -> bool:
    return value is None or (is_made(value, "collections.OrderedDict") and not value.items)


def _tensor(full: str, arguments: tuple[Any, ...]) -> bool:
    """(storage, offset, shape, strides[, requires_grad, hooks[, dtype][, metadata]])."""
    if not 4 <= len(arguments) <= 8 or not isinstance(arguments[0], Storage):
        return False
    storage, offset, shape, strides, *rest = arguments
    dtype = rest.pop(2) if full.endswith("_v3") and len(rest) > 2 else None
    if dtype is not None and not (isinstance(dtype, Target) and dtype.full in DTYPES):
        return False
    plain = len(rest) < 4 and (not rest or isinstance(rest[0], bool)) and all(map(_is_hooks, rest[1:2]))
    # the last one, of newer writers, is a dictionary of plain flags, written where it is not empty
    plain = plain and all(value is None or is_made(value, "dict") for value in rest[2:])
    return plain and _is_number(offset) and _is_inside(storage, offset, (shape, strides), dtype)


def _is_inside(storage: Storage, offset: int, layout: tuple[Any, Any], dtype: Target | None) -> bool:
    shape, strides = layout
    if not _is_shape(shape) or not _is_shape(strides) or len(shape) != len(strides):
        return False
    room = storage.size // DTYPES[dtype.full] if dtype else storage.count
    if 0 in shape:
        return offset <= room
    last: int = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    return last < room


def _parameter(full: str, arguments: tuple[Any, ...]) -> bool:
    return (
        len(arguments) == 3
        and isinstance(arguments[0], Made)
        and arguments[0].by.startswith("torch._utils._rebuild_tensor")
        and isinstance(arguments[1], bool)
        and _is_hooks(arguments[2])
    )


def _ordered(full: str, arguments: tuple[Any, ...]) -> bool:
    return not arguments or (len(arguments) == 1 and is_made(arguments[0], "list"))


def _encoded(full: str, arguments: tuple[Any, ...]) -> bool:
    return len(arguments) == 2 and _is_text(arguments[0]) and arguments[1] in _LATIN


def _bytearray(full: str, arguments: tuple[Any, ...]) -> bool:
    return not arguments or (len(arguments) == 1 and _is_bytes(arguments[0])) or _encoded(full, arguments)


def _dtype(full: str, arguments: tuple[Any, ...]) -> bool:
    if not 1 <= len(arguments) <= 3 or not isinstance(arguments[0], str):
        return False
    flags = all(value in (0, 1) for value in arguments[1:] if isinstance(value, int))
    return bool(_DTYPE.fullmatch(arguments[0])) and flags and all(isinstance(v, int) for v in arguments[1:])


def _is_dtype_state(state: Any) -> bool:
    """(version, byte order, None, None, None, item size, alignment, flags[, metadata])."""
    if not isinstance(state, tuple) or not 8 <= len(state) <= 9 or state[2:5] != (None, None, None):
        return False
    numbers = (state[0], *state[5:8])
    plain = all(isinstance(value, int) and -1 <= value < 2**20 for value in numbers)
    return plain and state[1] in ("<", ">", "|", "=") and all(map(_is_unit, state[8:]))


def _is_unit(value: Any) -> bool:
    """The unit of a date: (None or {}, (name, 1, 1, 1))."""
    return value is None or (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple))


def _is_array_state(state: Any) -> bool:
    """(1, shape, dtype, is Fortran, bytes or a list of objects)."""
    if not isinstance(state, tuple) or len(state) != 5 or not _is_shape(state[1]):
        return False
    content = _is_bytes(state[4]) or is_made(state[4], "list")
    return state[0] == 1 and is_made(state[2], "numpy.dtype") and isinstance(state[3], bool) and content


def _reconstruct(full: str, arguments: tuple[Any, ...]) -> bool:
    if len(arguments) != 3 or not isinstance(arguments[0], Target):
        return False
    subtype, shape, code = arguments
    return subtype.full == "numpy.ndarray" and shape == (0,) and (_is_text(code) or _is_bytes(code))


def _scalar(full: str, arguments: tuple[Any, ...]) -> bool:
    if len(arguments) != 2 or not is_made(arguments[0], "numpy.dtype") or not _is_bytes(arguments[1]):
        return False
    return "O" not in str(arguments[0].detail)


def _frombuffer(full: str, arguments: tuple[Any, ...]) -> bool:
    if len(arguments) != 4 or not _is_bytes(arguments[0]) or not is_made(arguments[1], "numpy.dtype"):
        return False
    return "O" not in str(arguments[1].detail) and _is_shape(arguments[2]) and arguments[3] in ("C", "F")


def _device(full: str, arguments: tuple[Any, ...]) -> bool:
    name, *index = arguments or (None,)
    return (
        isinstance(name, str)
        and bool(_DEVICE.fullmatch(name))
        and len(index) < 2
        and all(map(_is_number, index))
    )


def _size(full: str, arguments: tuple[Any, ...]) -> bool:
    return len(arguments) == 1 and _is_shape(arguments[0])


def _nothing(full: str, arguments: tuple[Any, ...]) -> bool:
    return not arguments


def _complex(full: str, arguments: tuple[Any, ...]) -> bool:
    return len(arguments) == 2 and all(isinstance(part, int | float) for part in arguments)


def _set(full: str, arguments: tuple[Any, ...]) -> bool:
    return len(arguments) == 1 and is_made(arguments[0], "list")


_FORMS: dict[str, Callable[[str, tuple[Any, ...]], bool]] = {
    "ordered": _ordered,
    "tensor": _tensor,
    "parameter": _parameter,
    "size": _size,
    "device": _device,
    "encoded": _encoded,
    "nothing": _nothing,
    "bytearray": _bytearray,
    "complex": _complex,
    "set": _set,
    "dtype": _dtype,
    "reconstruct": _reconstruct,
    "scalar": _scalar,
    "frombuffer": _frombuffer,
}
