"""Follows a pickle without loading it, and says whether it holds only data. Pure.

Just enough of an unpickler's stack is kept to know every name that would be looked up, called or given a state.
Nothing counts as data but what `pickle_targets` and `pickle_calls` allow; whatever is not understood is refused, with
the name and the offset of its byte. After a refusal the stream is followed further as far as that is possible, so
that a name known to run code is found behind a harmless one, and before a stream breaks off.
"""

import dataclasses
import re
from typing import Any

from registry.formats import view
from registry.formats.pickle_calls import Storage
from registry.formats.pickle_machine import Machine, Refusal
from registry.formats.pickle_opcodes import Unreadable, opcodes

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
# Pickles up to this length are kept for a second opinion.
MAX_STREAM_BYTES = 1024 * 1024
# A pickle without a declaration of its protocol is told from a text by its first instructions.
_GLANCE = 4096


@dataclasses.dataclass(frozen=True, slots=True)
class Pickle:
    """What one stream would do."""

    end: int  # the byte behind STOP, or where the stream could not be followed further
    refusals: tuple[Refusal, ...]
    targets: tuple[str, ...]  # every name it would look up, in order
    calls: int
    storages: tuple[Storage, ...]
    value: Any  # what it would return, as far as that is known
    is_complete: bool  # whether it was followed up to STOP
    steps: int = 0  # how many instructions were followed
    stream: bytes = b""  # the pickle itself, where it is complete and short

    @property
    def is_data(self) -> bool:
        """Whether loading it could run nothing but the allowed calls."""
        return self.is_complete and not self.refusals

    def refused(self, refusal: Refusal) -> "Pickle":
        """The same with one more reason why it is no data."""
        return dataclasses.replace(self, refusals=(*self.refusals, refusal))


def follow(source: view.Bytes, start: int = 0, *, with_storages: bool = False) -> Pickle:
    """Follow the pickle that begins at `start`; raises `view.NotKept` and nothing else.

    `with_storages`: the stream is part of a torch file, so that it may name the storages that lie beside it.
    """
    machine = Machine(with_storages=with_storages)
    end, steps, complete = start, 0, False
    try:
        for opcode in opcodes(source, start):
            end, steps = opcode.end, steps + 1
            machine.step(opcode)
        complete = True
    except Unreadable as error:
        machine.refuse(error.code, str(error), at=error.offset)
    except IndexError:
        machine.refuse("stack", "takes more from its stack than is there")
    return Pickle(
        end=end,
        refusals=tuple(machine.refusals),
        targets=tuple(machine.targets),
        calls=machine.calls,
        storages=tuple(machine.storages),
        value=machine.value,
        is_complete=complete,
        steps=steps,
        stream=source.read(start, end - start) if complete and end - start <= MAX_STREAM_BYTES else b"",
    )


def begins_like_one(start: bytes) -> bool:
    """Whether bytes without a telling name are a pickle, whatever its protocol.

    A declared protocol is enough. Without one, texts and numbers can look like the first instructions of a pickle:
    they are one where a call of something with a plausible name follows, or where nothing stands behind STOP.
    """
    if len(start) > 2 and start[0] == 0x80 and start[1] <= 5:
        return True
    found = follow(view.whole(start[:_GLANCE]))
    if not found.targets or not all(map(_NAME.fullmatch, found.targets)):
        return False
    return found.calls > 0 or (found.is_complete and found.end == len(start))
