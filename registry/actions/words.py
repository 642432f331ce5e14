"""Free words that people write: bounded where they come in, and in the log by their digest only."""

import hashlib

from governance.errors import InvalidInput

MAX_WORDS = 4000


def check_words(text: str, *, field: str) -> None:
    """Raise `InvalidInput` where a note or a reason is too long."""
    if len(text) > MAX_WORDS:
        raise InvalidInput(f"At most {MAX_WORDS} characters.", field=field)


def sha256(text: str) -> str:
    """The digest by which the log holds words fast without telling them."""
    return hashlib.sha256(text.encode()).hexdigest()
