"""What a document that people bring as evidence may be: its kind, told by its bytes, and its name. Pure."""

import json
import re
import unicodedata
from pathlib import PurePosixPath

from governance.errors import InvalidInput

MAX_BYTES = 5 * 1024 * 1024
MAX_NAME = 120
# Kinds of file by media type, each with the endings of names that mean it; the first is given where one is missing.
MEDIA_TYPES: dict[str, tuple[str, ...]] = {
    "application/pdf": (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "text/plain": (".txt", ".log", ".eml"),
    "text/csv": (".csv",),
    "text/markdown": (".md", ".markdown"),
    "application/json": (".json",),
}
_BEGINNINGS = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
IMAGES = frozenset({"image/png", "image/jpeg"})


class DocumentRefused(InvalidInput):
    """The file is too large, of a kind that is not kept, or not what it says it is."""

    code = "document_refused"


def media_type_of(name: str, stated: str | None = None) -> str:
    """The kind by the ending of the name, else as the sender states it; browsers rarely know csv and markdown."""
    ending = PurePosixPath(name.replace("\\", "/")).suffix.lower()
    for media_type, endings in MEDIA_TYPES.items():
        if ending in endings:
            return media_type
    return (stated or "").partition(";")[0].strip().lower()


def check(content: bytes, media_type: str) -> None:
    """Raise `DocumentRefused` unless the bytes are a document of this kind."""
    if media_type not in MEDIA_TYPES:
        kinds = ", ".join(sorted(MEDIA_TYPES))
        raise DocumentRefused(f"Documents are kept of these kinds: {kinds}.", field="media_type")
    if not content:
        raise DocumentRefused("The document is empty.", field="content")
    if len(content) > MAX_BYTES:
        raise DocumentRefused(f"A document has at most {MAX_BYTES} bytes.", field="content")
    beginning = _BEGINNINGS.get(media_type)
    if beginning is None:
        _check_text(content, media_type)
    elif not content.startswith(beginning):
        raise DocumentRefused(f"The bytes are not those of {media_type}.", field="content")


def _check_text(content: bytes, media_type: str) -> None:
    try:
        text = content.decode("utf-8")
        if media_type == "application/json":
            json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DocumentRefused(
            f"The bytes are not {media_type} in UTF-8: {error}.", field="content"
        ) from error
    if "\x00" in text:
        raise DocumentRefused("A text has no zero bytes.", field="content")


def clean_name(name: str, media_type: str) -> str:
    """A file name without folders, marks that cannot be seen or quotes, and with an ending of its kind."""
    endings = MEDIA_TYPES[media_type]
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    seen = "".join(mark if mark.isprintable() and mark not in '"<>:|?*%;' else " " for mark in last)
    plain = re.sub(r"\s+", " ", seen).strip(" .") or "document"
    if not plain.lower().endswith(endings):
        plain = plain[: MAX_NAME - len(endings[0])] + endings[0]
    if len(plain) > MAX_NAME:
        ending = next(one for one in endings if plain.lower().endswith(one))
        plain = plain[: MAX_NAME - len(ending)] + ending
    return plain
