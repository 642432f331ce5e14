"""What is known for certain of a file that has arrived in part: lines that are only ever added. Pure.

Each line is a CRC-32 in hexadecimal and a JSON object. The first says what is fetched, each other one that so many
bytes are on the disk. A line that was torn by a crash fails its sum; it and all that follows counts for nothing.
"""

import dataclasses
import json
import zlib
from collections.abc import Mapping
from typing import Any, TypeGuard

FORMAT = 1
# A line for each 32 MiB of a file: far more than the largest model has.
MOST_BYTES = 16 * 1024 * 1024
MOST_SIZE = 1 << 60


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What is fetched: the claim that it will be held against, or where it comes from if nothing is claimed."""

    claim_kind: str
    claimed_digest: str
    size: int | None
    # Whose file it is, by name; only the same source is given its own validator back.
    source: str
    path: str


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """How far the file came: `offset` bytes are on the disk, of the state that `validator` names."""

    target: Target
    offset: int = 0
    validator: str = ""


def first_line(target: Target) -> bytes:
    """The line that begins a journal."""
    return _line({"format": FORMAT, **dataclasses.asdict(target)})


def next_line(offset: int, validator: str) -> bytes:
    """The line that says how far it came."""
    return _line({"offset": offset, "validator": validator})


def read(data: bytes) -> State | None:
    """The last certain state; None where not even the target can be read. Any bytes give one of both."""
    state: State | None = None
    for line in data[:MOST_BYTES].split(b"\n")[:-1]:
        value = _value(line)
        following = None if value is None else _follow(state, value)
        if following is None:
            break
        state = following
    return state


def _line(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _value(line: bytes) -> dict[str, Any] | None:
    mark, _, text = line.partition(b" ")
    if mark != b"%08x" % zlib.crc32(text):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _follow(state: State | None, value: Mapping[str, Any]) -> State | None:
    if state is None:
        target = _target(value)
        return None if target is None else State(target)
    offset, validator = value.get("offset"), value.get("validator")
    if not _is_size(offset) or not isinstance(validator, str):
        return None
    return State(state.target, offset, validator)


def _target(value: Mapping[str, Any]) -> Target | None:
    names = [field.name for field in dataclasses.fields(Target)]
    if value.get("format") != FORMAT or set(value) != {"format", *names}:
        return None
    texts = [value[name] for name in names if name != "size"]
    if not all(isinstance(text, str) for text in texts) or not (
        value["size"] is None or _is_size(value["size"])
    ):
        return None
    return Target(**{name: value[name] for name in names})


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_SIZE
