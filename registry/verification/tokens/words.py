"""How findings about tokens name them. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

NAMED = 5
LISTED = 50
_CONTROL = re.compile(r"<\|[^<>]*\|>|<\uff5c[^<>]*\uff5c>|</?[A-Za-z_][^<>\s]{0,60}>|\[/?[A-Z][A-Z_]{1,30}\]")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# What a fine-tune puts in a sentence rather than in its frame.
_WORD = re.compile(r"[ \u2581\u0120]?[A-Za-z]{3,}")


def is_control(token: str) -> bool:
    """Whether a token looks like one that frames a conversation, rather than like text."""
    return _CONTROL.fullmatch(token) is not None


def is_word(token: str) -> bool:
    """Whether a token is an ordinary word."""
    return _WORD.fullmatch(token) is not None


def invisible(token: str) -> list[str]:
    """The characters of a token that cannot be seen, by code."""
    return [f"U+{ord(mark):04X}" for mark in token if unicodedata.category(mark) in _INVISIBLE]


def looks(token: str) -> str:
    """What the eye makes of a token: invisible characters left out, wide forms and case made alike."""
    seen = "".join(mark for mark in token if unicodedata.category(mark) not in _INVISIBLE)
    return unicodedata.normalize("NFKC", seen).replace("\u2581", "_").replace(" ", "").casefold()


def shown(token: str) -> str:
    """A token in a message: in quotation marks, with what cannot be seen spelt out, cut short."""
    return ascii(token[:80]) if invisible(token) else f"'{token[:80]}'"


def some(tokens: Iterable[str]) -> str:
    """The first few of many."""
    every: Sequence[str] = list(tokens)
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(map(shown, every[:NAMED])) + more
