"""Sets of characters, as masks over a small alphabet that stands for all of Unicode. Pure.

The alphabet holds ASCII, one or more characters of every category and of the common scripts, and those that the
expression itself names. Two sets meet where they share one of these.
"""

import functools
import unicodedata
from collections.abc import Callable

MAX_OWN = 2000
# By code, as half of them look like others or like nothing.
_OTHERS = (
    "\u0085\u00a0\u2028\u2029\u3000\u200b\u200d\u202e\ufeff\ue000\u00e9\u00c9\u00df\u00aa\u01c5\u02b0"
    "\u4e2d\u4e00\u9fa5\u3042\u309f\u30a2\u30ff\ud55c\uac00\u0430\u0301\u042f\u03b1\u03a9\u0627\u05d1"
    "\u05d0\ud55c\u0915\u093e\u0e01\u2167\u00b2\u0663\u00bd\u20dd\u203f\u2013\uff08\uff09\u00ab\u00bb"
    "\u00a1\u3002\u20ac\uff3e\u00b1\u263a\U0001f600\u2581\u0120\uff5c"
)
_SCRIPTS = {
    "han": "CJK", "hiragana": "HIRAGANA", "katakana": "KATAKANA", "hangul": "HANGUL", "latin": "LATIN",
    "cyrillic": "CYRILLIC", "greek": "GREEK", "arabic": "ARABIC", "hebrew": "HEBREW", "thai": "THAI",
    "devanagari": "DEVANAGARI",
}  # fmt: skip
_CLASSES: dict[str, Callable[[str], bool]] = {
    **dict.fromkeys(("alpha", "alphabetic", "letter"), str.isalpha),
    **dict.fromkeys(("upper", "uppercase"), str.isupper),
    **dict.fromkeys(("lower", "lowercase"), str.islower),
    **dict.fromkeys(("space", "whitespace", "white_space"), str.isspace),
    "alnum": str.isalnum,
    "digit": str.isdecimal,
    "blank": lambda item: item in " \t\xa0\u3000",
    "punct": lambda item: unicodedata.category(item)[0] in "PS",
    "punctuation": lambda item: unicodedata.category(item)[0] == "P",
    "word": lambda item: item.isalnum() or item == "_",
    "cntrl": lambda item: unicodedata.category(item) == "Cc",
    "print": str.isprintable,
    "graph": lambda item: item.isprintable() and not item.isspace(),
    "ascii": str.isascii,
    "xdigit": lambda item: item in "0123456789abcdefABCDEF",
    "any": bool,
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b", "0": "\0"}


class Alphabet:
    """The characters that stand for all, and the sets over them."""

    def __init__(self, characters: str) -> None:
        self.characters = characters
        self.places = {character: 1 << place for place, character in enumerate(characters)}
        self.everything = (1 << len(characters)) - 1

    def where(self, holds: Callable[[str], bool]) -> int:
        """The set of all characters for which something holds."""
        return sum(1 << place for place, character in enumerate(self.characters) if holds(character))

    def among(self, characters: str) -> int:
        """The set of these characters, as far as they are in the alphabet."""
        return self.where(lambda item: item in characters)

    def literal(self, character: str, *, fold: bool) -> int:
        """One character, in both cases where case does not matter."""
        same = {character, character.lower(), character.upper()} if fold else {character}
        # A character that is not in the alphabet is one of those that share its category.
        found = sum(self.places.get(item, 0) for item in same)
        return found or self.where(lambda item: unicodedata.category(item) == unicodedata.category(character))

    def between(self, low: str, high: str, *, fold: bool) -> int:
        """A range; never empty, so that a range between two members of the alphabet meets its ends."""
        inside = self.where(lambda item: low <= item <= high)
        return inside | self.literal(low, fold=fold) | self.literal(high, fold=fold)

    def property(self, name: str) -> int:
        """Characters of a category, script or class; all of them where the name is not known."""
        plain = name.strip().removeprefix("Is").removeprefix("Script=").replace(" ", "")
        if len(plain) <= 2 and plain[:1] in "LMNPSZC":
            return self.where(lambda item: unicodedata.category(item).startswith(plain.removesuffix("&")))
        if plain.lower() in _SCRIPTS:
            starts = _SCRIPTS[plain.lower()]
            return self.where(lambda item: unicodedata.name(item, "").startswith(starts))
        if plain.lower() in _CLASSES:
            return self.where(_CLASSES[plain.lower()])
        return self.everything

    def escape(self, mark: str, *, fold: bool) -> int:
        """What a letter after a backslash stands for; any other character is itself."""
        sets = {"s": "space", "d": "digit", "w": "word", "h": "xdigit"}
        if mark.lower() in sets:
            mask = self.property(sets[mark.lower()])
            return self.everything & ~mask if mark.isupper() else mask
        if mark == "N":
            return self.everything
        return self.literal(_ESCAPES.get(mark, mark), fold=fold)


def alphabet_of(source: str) -> Alphabet:
    """The alphabet for one expression."""
    own = sorted(set(source) - set(_base()))[:MAX_OWN]
    return Alphabet(_base() + "".join(own))


@functools.cache
def _base() -> str:
    return "".join(dict.fromkeys([*map(chr, range(128)), *_OTHERS]))
