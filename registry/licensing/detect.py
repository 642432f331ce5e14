"""What a license or policy text is known as: by the hash of its bytes or words, else by a template. Pure."""

import hashlib
from dataclasses import dataclass

from registry.licensing import resemblance
from registry.licensing.catalog import Catalog
from registry.licensing.resemblance import Likeness
from registry.licensing.templates import fits
from registry.licensing.terms import Document
from registry.licensing.words import hash_words, words

MAX_TEXT_BYTES = 1_000_000


@dataclass(frozen=True)
class Detection:
    """A text that is known, and how it was recognised."""

    license: str
    document: Document
    method: str


def detect_text(content: bytes, catalog: Catalog) -> Detection | None:
    """Return what a file's bytes are known as, if anything."""
    found = _words(content)
    if found is None:
        return None
    raw, digest = hashlib.sha256(content).hexdigest(), hash_words(found)
    for license_id, terms in sorted(catalog.licenses.items()):
        for text in terms.texts:
            if raw == text.sha256_raw:
                return Detection(license_id, text.document, "sha256_raw")
            if digest == text.sha256_words_v1:
                return Detection(license_id, text.document, "sha256_words_v1")
    for license_id, terms in sorted(catalog.licenses.items()):
        if any(fits(found, template) for template in terms.templates):
            return Detection(license_id, Document.LICENSE, "template_segments_v1")
    return None


def likeness(content: bytes) -> Likeness | None:
    """Return the known text that an unknown one is most like; a hint for whoever reads it, never a conclusion."""
    found = _words(content)
    return resemblance.closest(found) if found else None


def _words(content: bytes) -> list[str] | None:
    if len(content) > MAX_TEXT_BYTES:
        return None
    try:
        return words(content.decode("utf-8"))
    except UnicodeDecodeError:
        return None
