"""Judges a regular expression without running it: can it take time that doubles with every character? Pure.

A backtracking engine does so where one repeated part can match the same text in two ways. The expression becomes a
position automaton whose edges count the ways to get from one character to the next (capped at two); it is ambiguous
where a loop holds an edge with two ways, or where two different runs through one loop can read the same text. Written
for the syntax of Oniguruma and Python as tokenizers use it; what it does not know it refuses to judge.
"""

import dataclasses
from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar

from registry.formats.pattern_syntax import (
    ANY_COUNT,
    Alternatives,
    BadPattern,
    Chain,
    Character,
    Look,
    Node,
    Repeat,
    parse,
)

MAX_POSITIONS = 600
MAX_LOOP = 80
MAX_EDGES = 200_000
# Counted repeats up to this size are written out, larger ones are taken for endless ones.
WRITTEN_OUT = 4
MAX_COUNT = 10_000
_TWO = 2
T = TypeVar("T", bound=Hashable)


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """How many ways there are to match nothing, and with which positions a match begins and ends."""

    empty: int
    first: dict[int, int]
    last: dict[int, int]


_NOTHING = _Part(1, {}, {})


def can_explode(source: str) -> bool:
    """Whether matching can take exponential time; raises `BadPattern` where that cannot be told."""
    automaton = _Automaton()
    automaton.add(parse(source))
    return automaton.is_ambiguous()


class _Automaton:
    def __init__(self) -> None:
        self.masks: list[int] = []
        self.follow: dict[int, dict[int, int]] = {}
        self.edges = 0

    def add(self, node: Node) -> _Part:
        """The positions of a node; the depth is bounded by the parser."""
        if isinstance(node, Character):
            return self._character(node.mask)
        if isinstance(node, Chain):
            part = _NOTHING
            for item in node.items:
                part = self._then(part, self.add(item))
            return part
        if isinstance(node, Alternatives):
            parts = [self.add(item) for item in node.items]
            return _Part(
                min(_TWO, sum(part.empty for part in parts)),
                _sum(part.first for part in parts),
                _sum(part.last for part in parts),
            )
        if isinstance(node, Look):
            self.add(node.item)  # its own loops count, what stands around them does not meet it
            return _NOTHING
        return self._repeat(node)

    def _character(self, mask: int) -> _Part:
        position = len(self.masks)
        if position >= MAX_POSITIONS:
            raise BadPattern("it is too long to be judged")
        self.masks.append(mask)
        self.follow[position] = {}
        return _Part(0, {position: 1}, {position: 1})

    def _then(self, left: _Part, right: _Part) -> _Part:
        self._join(left.last, right.first)
        return _Part(
            min(_TWO, left.empty * right.empty),
            _sum((left.first, _times(right.first, left.empty))),
            _sum((right.last, _times(left.last, right.empty))),
        )

    def _join(self, last: dict[int, int], first: dict[int, int]) -> None:
        for source, ways in last.items():
            targets = self.follow[source]
            for target, more in first.items():
                targets[target] = min(_TWO, targets.get(target, 0) + ways * more)
                self.edges += 1
        if self.edges > MAX_EDGES:
            raise BadPattern("it is too long to be judged")

    def _repeat(self, node: Repeat) -> _Part:
        most = node.most
        if node.least > MAX_COUNT or (most != ANY_COUNT and most > MAX_COUNT):
            raise BadPattern(f"it repeats a part more than {MAX_COUNT} times")
        if node.is_possessive:
            self._star(self.add(node.item))  # judged alone: what it took it never gives back
            part = self.add(node.item)
            return part if node.least else _maybe(part)
        if most == ANY_COUNT or most > WRITTEN_OUT:
            looped = self._star(self.add(node.item))
            return looped if node.least else _maybe(looped)
        return self._counted(node.item, node.least, most)

    def _star(self, part: _Part) -> _Part:
        self._join(part.last, part.first)
        return part

    def _counted(self, item: Node, least: int, most: int) -> _Part:
        """x{1,3} as x(x(x)?)?, so that it is no more ambiguous than it was."""
        part = _NOTHING
        for place in reversed(range(most)):
            part = self._then(self.add(item), part)
            if place >= least:
                part = _maybe(part)
        return part

    def is_ambiguous(self) -> bool:
        """Whether a loop can read one text in two ways."""
        edges = {source: list(targets) for source, targets in self.follow.items()}
        for loop in _loops(edges):
            members = set(loop)
            inner = {
                source: {target: ways for target, ways in self.follow[source].items() if target in members}
                for source in loop
            }
            if any(ways >= _TWO for targets in inner.values() for ways in targets.values()):
                return True
            if len(loop) > MAX_LOOP:
                raise BadPattern("one of its loops is too long to be judged")
            if len(loop) > 1 and self._splits(loop, inner):
                return True
        return False

    def _splits(self, loop: list[int], inner: dict[int, dict[int, int]]) -> bool:
        """Whether two runs from one position over one text part and meet again."""
        pairs: dict[tuple[int, int], list[tuple[int, int]]] = {}
        pending = [(position, position) for position in loop]
        count = 0
        while pending:
            pair = pending.pop()
            if pair in pairs:
                continue
            pairs[pair] = [
                (left, right)
                for left in inner[pair[0]]
                for right in inner[pair[1]]
                if self.masks[left] & self.masks[right]
            ]
            count += len(pairs[pair])
            if count > MAX_EDGES:
                raise BadPattern("one of its loops is too tangled to be judged")
            pending.extend(pairs[pair])
        return any(
            any(left == right for left, right in group) and any(left != right for left, right in group)
            for group in _loops(pairs)
        )


def _maybe(part: _Part) -> _Part:
    return _Part(min(_TWO, part.empty + 1), part.first, part.last)


def _sum(parts: Iterable[dict[int, int]]) -> dict[int, int]:
    total: dict[int, int] = {}
    for part in parts:
        for position, ways in part.items():
            total[position] = min(_TWO, total.get(position, 0) + ways)
    return total


def _times(part: dict[int, int], factor: int) -> dict[int, int]:
    return {position: min(_TWO, ways * factor) for position, ways in part.items()} if factor else {}


def _loops(edges: dict[T, list[T]]) -> Iterator[list[T]]:
    """Every strongly connected part that holds a cycle (Tarjan, without recursion)."""
    order: dict[T, int] = {}
    low: dict[T, int] = {}
    stack: list[T] = []
    on_stack: set[T] = set()
    for root, first in edges.items():
        if root in order:
            continue
        work = [(root, iter(first))]
        order[root] = low[root] = len(order)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    stack.append(target)
                    on_stack.add(target)
                    work.append((target, iter(edges[target])))
                    break
                if target in on_stack:
                    low[node] = min(low[node], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    part = _popped(stack, on_stack, node)
                    if len(part) > 1 or node in edges[node]:
                        yield part


def _popped(stack: list[T], on_stack: set[T], last: T) -> list[T]:
    part = []
    while True:
        node = stack.pop()
        on_stack.discard(node)
        part.append(node)
        if node == last:
            return part
