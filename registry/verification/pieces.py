"""Takes out of a file, while it passes by once, the pieces that the checks will look at. Pure."""

import dataclasses
import threading
from collections.abc import Generator


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a plan makes of the start of a file: how much of it stays, and which pieces behind it are wanted."""

    keep: int = 0  # the first bytes by which a file's kind is told are kept of every file
    pieces: tuple[tuple[int, int], ...] = ()  # (offset, length), ascending, none overlapping the next
    header: object = None
    cost: int = 0  # bytes that the header takes in memory from now on


# Is given the start of the file, which grows; yields how many bytes of it it needs next, and goes on when they are
# there. Where they do not fit into memory, it is closed.
Plan = Generator[int, None, Wanted]


class Budget:
    """How many bytes may still be held in memory, over all threads."""

    def __init__(self, total: int) -> None:
        self._left = total
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether so many bytes more may be held; from now on they are."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """So many bytes are held no longer."""
        with self._lock:
            self._left += size


class Collector:
    """Sees a file chunk by chunk, in order; keeps its start as far as the plan needs it, and the pieces."""

    def __init__(self, start: bytearray, plan: Plan | None, *, first: int, budget: Budget) -> None:
        self._start = start
        self._plan = plan
        self._budget = budget
        self._first = first  # bytes that are kept of every file
        self._asked = first
        self._held = 0  # bytes of the budget
        self._at = 0
        self._pieces: list[tuple[int, int]] = []  # the next one last
        self._open = bytearray()  # the first bytes of a piece whose rest is in the next chunk
        self.wanted = Wanted()
        self.samples: dict[int, bytes] = {}

    @property
    def is_asking(self) -> bool:
        """Whether the plan still waits for more of the start."""
        return self._plan is not None

    def feed(self, chunk: memoryview) -> None:
        """Take what is wanted of the next bytes."""
        while (have := len(self._start)) < self._asked and have - self._at < len(chunk):
            self._start += chunk[have - self._at : self._asked - self._at]
            if len(self._start) == self._asked:
                self._advance()
        if self._pieces:
            self._cut(chunk)
        self._at += len(chunk)

    def finish(self) -> bytes:
        """The part of the start that stays; the rest is let go."""
        self._close()
        kept = bytes(self._start[: max(self.wanted.keep, self._first)])
        self._start.clear()
        self._budget.give(self._held - max(len(kept) - self._first, 0))
        return kept

    def _advance(self) -> None:
        """Ask the plan what it needs next."""
        while self._plan is not None:
            try:
                asked = next(self._plan)
            except StopIteration as end:
                self._plan = None
                self._accept(end.value)
                return
            more = asked - len(self._start)
            if more <= 0:
                continue
            if self._budget.take(more):
                self._held += more
                self._asked = asked
                return
            self._close()

    def _accept(self, wanted: Wanted) -> None:
        if not self._budget.take(wanted.cost):
            return  # as if the start had not fitted: what a check needs of it, it will not find
        self.wanted = wanted
        if self._budget.take(sum(length for _, length in wanted.pieces)):
            self._pieces = list(reversed(wanted.pieces))
        # What passed by while the plan waited for more of the start is in what is held of it.
        while self._pieces and sum(self._pieces[-1]) <= self._at:
            offset, length = self._pieces.pop()
            self.samples[offset] = bytes(self._start[offset : offset + length])
        if self._pieces and self._pieces[-1][0] < self._at:
            self._open += self._start[self._pieces[-1][0] : self._at]

    def _close(self) -> None:
        if self._plan is not None:
            self._plan.close()
            self._plan = None

    def _cut(self, chunk: memoryview) -> None:
        end = self._at + len(chunk)
        while self._pieces and self._pieces[-1][0] < end:
            offset, length = self._pieces[-1]
            self._open += chunk[max(offset - self._at, 0) : offset + length - self._at]
            if len(self._open) < length:
                return  # the rest is in the next chunk
            self.samples[offset] = bytes(self._open)
            self._open.clear()
            self._pieces.pop()
