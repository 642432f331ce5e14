"""Reads regular expressions in the syntax of Oniguruma and Python into a tree; runs nothing. Pure."""

import dataclasses
import re
from typing import Union

from registry.formats.character_sets import Alphabet, alphabet_of

MAX_CHARACTERS = 20_000
MAX_DEPTH = 60
ANY_COUNT = -1
_COUNT = re.compile(r"\{(\d{0,9})(,?)(\d{0,9})\}")
_FLAGS = re.compile(r"\?([aimsuxLW^]*)(?:-([imsx]*))?([:)])")
_NAMED = re.compile(r"\?P?<[A-Za-z_]\w{0,60}>")
_LOOKS = ("?=", "?!", "?<=", "?<!")


class BadPattern(ValueError):
    """The expression cannot be judged; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True)
class Character:
    """One character out of a set, as a mask over the alphabet of the expression."""

    mask: int


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """Parts after one another."""

    items: tuple["Node", ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Alternatives:
    """One part out of several."""

    items: tuple["Node", ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """A condition on what stands before or after; reads nothing."""

    item: "Node"


@dataclasses.dataclass(frozen=True, slots=True)
class Repeat:
    """A part several times; `most` is -1 where there is no end."""

    item: "Node"
    least: int
    most: int
    is_possessive: bool = False


Node = Union[Character, Chain, Alternatives, Look, Repeat]  # noqa: UP007 - the names are forward references
_EMPTY = Chain(())


def parse(source: str) -> Node:
    """The tree of an expression; raises `BadPattern`."""
    if len(source) > MAX_CHARACTERS:
        raise BadPattern(f"it is longer than {MAX_CHARACTERS} characters")
    parser = _Parser(source, alphabet_of(source))
    node = parser.alternatives(0, fold=False)
    if parser.at < len(source):
        raise BadPattern("it has an unbalanced parenthesis")
    return node


class _Parser:
    def __init__(self, source: str, alphabet: Alphabet) -> None:
        self.source, self.alphabet, self.at = source, alphabet, 0

    def alternatives(self, depth: int, *, fold: bool) -> Node:
        if depth > MAX_DEPTH:
            raise BadPattern("it is nested too deeply")
        items = [self._chain(depth, fold=fold)]
        while self._take("|"):
            items.append(self._chain(depth, fold=fold))
        return items[0] if len(items) == 1 else Alternatives(tuple(items))

    def _chain(self, depth: int, *, fold: bool) -> Node:
        items: list[Node] = []
        while self.at < len(self.source) and self.source[self.at] not in "|)":
            flags = self._loose_flags()
            if flags is not None:
                fold = fold or "i" in flags
                continue
            items.append(self._repeated(self._atom(depth, fold=fold)))
        return items[0] if len(items) == 1 else Chain(tuple(items))

    def _loose_flags(self) -> str | None:
        """Switches for the rest of the group, such as `(?i)`."""
        found = _FLAGS.match(self.source, self.at + 1) if self.source[self.at] == "(" else None
        if found is None or found[3] != ")":
            return None
        self.at = found.end()
        return self._plain_flags(found[1])

    def _plain_flags(self, flags: str) -> str:
        if "x" in flags:
            raise BadPattern("it is written with free spaces")
        return flags

    def _repeated(self, item: Node) -> Node:
        while (count := self._count()) is not None:
            least, most = count
            possessive = False
            if not self._take("?"):
                possessive = self._take("+")
            item = Repeat(item, least, most, possessive)
        return item

    def _count(self) -> tuple[int, int] | None:
        for mark, count in (("*", (0, ANY_COUNT)), ("+", (1, ANY_COUNT)), ("?", (0, 1))):
            if self._take(mark):
                return count
        found = _COUNT.match(self.source, self.at)
        if found is None or not (found[1] or found[3]):
            return None
        self.at = found.end()
        least = int(found[1] or 0)
        return least, (int(found[3]) if found[3] else ANY_COUNT if found[2] else least)

    def _atom(self, depth: int, *, fold: bool) -> Node:
        mark = self.source[self.at]
        self.at += 1
        if mark == "(":
            return self._group(depth, fold=fold)
        if mark == "[":
            return Character(self._class(depth, fold=fold))
        if mark == "\\":
            return self._escape(fold=fold)
        if mark == ".":
            return Character(self.alphabet.everything)
        if mark in "^$":
            return _EMPTY
        if mark in "*+?":
            raise BadPattern("it repeats nothing")
        return Character(self.alphabet.literal(mark, fold=fold))

    def _group(self, depth: int, *, fold: bool) -> Node:
        look = next((start for start in _LOOKS if self.source.startswith(start, self.at)), None)
        flags, name = _FLAGS.match(self.source, self.at), _NAMED.match(self.source, self.at)
        if look is not None:
            self.at += len(look)
        elif self.source.startswith("?>", self.at):
            self.at += 2
        elif flags is not None:
            self.at = flags.end()
            fold = (fold or "i" in self._plain_flags(flags[1])) and "i" not in (flags[2] or "")
        elif name is not None:
            self.at = name.end()
        elif self.source.startswith("?#", self.at):
            self._skip_comment()
            return _EMPTY
        elif self.source.startswith("?", self.at):
            raise BadPattern("it has a kind of group that is not known here")
        item = self.alternatives(depth + 1, fold=fold)
        if not self._take(")"):
            raise BadPattern("it has an unbalanced parenthesis")
        return Look(item) if look is not None else item

    def _skip_comment(self) -> None:
        end = self.source.find(")", self.at)
        if end < 0:
            raise BadPattern("it has an unbalanced parenthesis")
        self.at = end + 1

    def _escape(self, *, fold: bool) -> Node:
        mark = self._next()
        if mark in "bBAzZG":
            return _EMPTY
        if mark in "123456789gk":
            raise BadPattern("it refers back to what it matched before")
        if mark == "R":
            return Character(self.alphabet.among("\r\n\u2028\u2029\x0b\x0c\x85"))
        if mark == "X":
            return Character(self.alphabet.everything)
        return Character(self._escaped(mark, fold=fold))

    def _escaped(self, mark: str, *, fold: bool) -> int:
        """The set of an escape that stands for characters, inside and outside of brackets."""
        if mark in "pP":
            return self._property(negated=mark == "P")
        if mark in "xu":
            return self.alphabet.literal(self._code(mark), fold=fold)
        return self.alphabet.escape(mark, fold=fold)

    def _property(self, *, negated: bool) -> int:
        found = re.compile(r"\{(\^?)([\w &=.-]{1,60})\}|([A-Z])").match(self.source, self.at)
        if found is None:
            raise BadPattern("it names a property of characters that cannot be read")
        self.at = found.end()
        mask = self.alphabet.property(found[2] or found[3])
        return self.alphabet.everything & ~mask if negated is not bool(found[1]) else mask

    def _code(self, mark: str) -> str:
        wanted = (
            r"\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{4})"
            if mark == "u"
            else r"\{([0-9A-Fa-f]{1,8})\}|([0-9A-Fa-f]{1,2})"
        )
        found = re.compile(wanted).match(self.source, self.at)
        code = int(found[1] or found[2], 16) if found else -1
        if found is None or not 0 <= code < 0x110000:
            raise BadPattern("it has a character code that cannot be read")
        self.at = found.end()
        return chr(code)

    def _class(self, depth: int, *, fold: bool) -> int:
        if depth > MAX_DEPTH:
            raise BadPattern("it is nested too deeply")
        negated = self._take("^")
        mask, whole = 0, self.alphabet.everything
        if self._take("]"):  # in the first place it stands for itself
            mask = self.alphabet.literal("]", fold=fold)
        while not self._take("]"):
            if self._take("&&"):
                whole, mask = whole & mask, 0
            else:
                mask |= self._class_item(depth, fold=fold)
        mask &= whole
        return self.alphabet.everything & ~mask if negated else mask

    def _class_item(self, depth: int, *, fold: bool) -> int:
        mark = self._next()
        if mark == "[":
            posix = re.compile(r":(\^?)(\w{1,12}):\]").match(self.source, self.at)
            if posix is None:
                return self._class(depth + 1, fold=fold)
            self.at = posix.end()
            inner = self.alphabet.property(posix[2])
            return self.alphabet.everything & ~inner if posix[1] else inner
        if mark == "\\":
            escaped = self._next()
            if escaped in "xu":
                return self._range(self._code(escaped), fold=fold)
            if escaped.isalnum():
                return self._escaped(escaped, fold=fold)
            mark = escaped
        return self._range(mark, fold=fold)

    def _range(self, low: str, *, fold: bool) -> int:
        if not (
            self.source.startswith("-", self.at) and self.source[self.at + 1 : self.at + 2] not in {"]", "["}
        ):
            return self.alphabet.literal(low, fold=fold)
        before = self.at
        self.at += 1
        high = self._next()
        if high == "\\":
            escaped = self._next()
            if escaped in "xu":
                high = self._code(escaped)
            elif escaped.isalnum():
                self.at = before  # a dash beside a set such as \w
                return self.alphabet.literal(low, fold=fold)
            else:
                high = escaped
        return self.alphabet.between(low, high, fold=fold)

    def _next(self) -> str:
        if self.at >= len(self.source):
            raise BadPattern("it ends in the middle")
        self.at += 1
        return self.source[self.at - 1]

    def _take(self, text: str) -> bool:
        if self.source.startswith(text, self.at):
            self.at += len(text)
            return True
        return False
