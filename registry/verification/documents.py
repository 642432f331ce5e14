"""The JSON files of a model that loaders read as configuration, parsed once a check. Pure."""

from collections.abc import Iterator
from typing import Any

from registry.verification.subject import NotReadable, Seen, json_of

# Data, however large; nothing in them is read as configuration.
VOCABULARIES = frozenset({"tokenizer.json", "vocab.json"})
# Above this a file is only parsed where a member that is asked about could stand in it.
MAX_UNASKED = 256 * 1024


def documents(files: list[Seen], names: frozenset[str]) -> Iterator[tuple[Seen, Any | NotReadable]]:
    """Every JSON file in which a member of such a name could stand, with its value or with why it cannot be read."""
    for file in files:
        if file.suffix != ".json" or file.name in VOCABULARIES or file.name.endswith(".index.json"):
            continue
        if file.is_whole and file.size > MAX_UNASKED and not _could_name(file.start, names):
            continue
        try:
            yield file, json_of(file)
        except NotReadable as error:
            yield file, error


def _could_name(data: bytes, names: frozenset[str]) -> bool:
    """Whether one of the names stands in the text, as it is or spelt with escapes."""
    return b"\\u00" in data or any(name.encode() in data for name in names)
