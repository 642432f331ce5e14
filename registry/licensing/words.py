"""The words of a text, and their hashes: what is left of it when layout, case and punctuation are taken away. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """Return the words of a text: compatibility forms and letter case folded, punctuation and line breaks dropped."""
    plain = unicodedata.normalize("NFKC", text.removeprefix("\ufeff")).replace("\u00a9", "(c)")
    return _WORD.findall(plain.casefold())


def hash_words(found: Sequence[str]) -> str:
    """Return the hash of words in their order."""
    return hashlib.sha256(" ".join(found).encode("utf-8", "surrogatepass")).hexdigest()


def sha256_words_v1(text: str) -> str:
    """Return the hash of the words of a text, which survives re-wrapping, markdown and curly quotes."""
    return hash_words(words(text))
