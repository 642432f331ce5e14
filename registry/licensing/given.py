"""What a person brings to show that an obligation was met: checked against its kind. Pure."""

import re
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from modelcustody_client import manifest

from governance.errors import InvalidInput
from registry.licensing.terms import EvidenceKind

MAX_URL = 2000
MAX_PATH = 400
MAX_NOTE = 4000
PICTURES = frozenset({"image/png", "image/jpeg", "application/pdf"})
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# Which values each kind of evidence has; a note may go with any of them.
NEEDS: dict[EvidenceKind, tuple[str, ...]] = {
    EvidenceKind.RELEASE_FILE: ("path", "sha256"),
    EvidenceKind.SCREENSHOT: ("url", "shown_on", "document"),
    EvidenceKind.URL: ("url", "shown_on"),
    EvidenceKind.STATEMENT: ("note",),
    EvidenceKind.DOCUMENT: ("document",),
    EvidenceKind.PUBLISHED_NAME: ("published_name",),
}
WORDS: dict[EvidenceKind, str] = {
    EvidenceKind.RELEASE_FILE: "a file of the release: its path and its SHA-256",
    EvidenceKind.SCREENSHOT: "an address, the day, and a screenshot of what it showed",
    EvidenceKind.URL: "an address, and the day on which it showed it",
    EvidenceKind.STATEMENT: "a person's statement, in words",
    EvidenceKind.DOCUMENT: "a document",
    EvidenceKind.PUBLISHED_NAME: "the name under which the model is published",
}


class EvidenceRefused(InvalidInput):
    """The evidence lacks something, or says something impossible."""

    code = "evidence_refused"


@dataclass(frozen=True)
class Given:
    """One piece of evidence; `media_type` is that of the document that comes with it."""

    kind: EvidenceKind
    url: str = ""
    shown_on: date | None = None
    path: str = ""
    sha256: str = ""
    published_name: str = ""
    note: str = ""
    media_type: str | None = None

    def value(self, name: str) -> object:
        """What was given under a name."""
        return self.media_type if name == "document" else getattr(self, name)


def check(given: Given, *, today: date) -> None:
    """Raise `EvidenceRefused`, naming the field, unless the evidence is complete and possible."""
    needs = NEEDS[given.kind]
    for name in needs:
        if not given.value(name) or not str(given.value(name)).strip():
            raise EvidenceRefused(f"This takes {WORDS[given.kind]}.", field=name)
    for name in {"url", "shown_on", "path", "sha256", "published_name", "document"} - set(needs):
        if given.value(name):
            raise EvidenceRefused(f"This is no part of {WORDS[given.kind]}.", field=name)
    _check_form(given)
    if given.url:
        _check_url(given.url)
    if given.path:
        _check_path(given.path)
    if given.shown_on is not None and given.shown_on > today:
        raise EvidenceRefused(f"{given.shown_on} has not come yet.", field="shown_on")


def _check_form(given: Given) -> None:
    if given.sha256 and not _SHA256.fullmatch(given.sha256):
        raise EvidenceRefused("Write 64 small hexadecimal digits.", field="sha256")
    if given.published_name and not NAME.fullmatch(given.published_name):
        raise EvidenceRefused("Write publisher/name.", field="published_name")
    if given.kind is EvidenceKind.SCREENSHOT and given.media_type not in PICTURES:
        raise EvidenceRefused("A screenshot is a PNG, a JPEG, or a page printed as PDF.", field="document")
    if len(given.note) > MAX_NOTE:
        raise EvidenceRefused(f"At most {MAX_NOTE} characters.", field="note")


def _check_url(url: str) -> None:
    """An address that a person can open; it is kept, and never fetched."""
    plain = len(url) <= MAX_URL and url.isprintable() and " " not in url
    try:
        parts = urlsplit(url)
        if plain and parts.scheme == "https" and parts.hostname and parts.username is None:
            _ = parts.port  # raises where it is no number
            return
    except ValueError:
        pass
    raise EvidenceRefused(
        f"Write an address that begins with https://, at most {MAX_URL} characters.", field="url"
    )


def _check_path(path: str) -> None:
    try:
        manifest.check_path(path)
    except manifest.BadPath as error:
        raise EvidenceRefused(f"This is no path of a file: {error}.", field="path") from error
    if len(path) > MAX_PATH:
        raise EvidenceRefused(f"At most {MAX_PATH} characters.", field="path")
