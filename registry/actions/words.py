"""Words that people write, and names that they choose: bounded where they come in, in the log by their digest only."""

import hashlib

from governance.errors import InvalidInput
from registry import catalogs
from registry.licensing.catalog import UNKNOWN

MAX_WORDS = 4000


def check_words(text: str, *, field: str) -> None:
    """Raise `InvalidInput` where a note or a reason is too long."""
    if len(text) > MAX_WORDS:
        raise InvalidInput(f"At most {MAX_WORDS} characters.", field=field)


def sha256(text: str) -> str:
    """The digest by which the log holds words fast without telling them."""
    return hashlib.sha256(text.encode()).hexdigest()


def name(text: str, *, license_id: str) -> str:
    """A name as the log has it: in clear where the project's records use it, else it may tell of a partner."""
    if license_id == UNKNOWN or license_id in catalogs.shipped_digests():
        return text
    return f"sha256:{sha256(text)}"
