"""Which license a model is under: declared by its card, discovered in its texts, concluded from both. Pure.

A text is matched by the hash of its bytes or of its words; a license with blanks (MIT, BSD, Apache-2.0) by its
template: runs of words, known by hash, with a few free words between them (names, years), none of which could grant
or forbid anything, and nothing after them. A text that only contains a known license is therefore not that license.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from registry.licensing import repositories
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.request import Declared
from registry.licensing.terms import Document, License, Segment, Template

_WORD = re.compile(r"[^\W_]+")
_MEANINGFUL = frozenset({
    "agree", "agreement", "allowed", "any", "commercial", "commercially", "conditions", "disclose", "display",
    "except", "exceed", "exceeds", "fee", "forbidden", "grant", "if", "license", "licence", "licensed", "may", "military",
    "modified", "modify", "must", "no", "non", "noncommercial", "not", "only", "permission", "permitted", "prohibited",
    "provided", "require", "required", "requires", "restricted", "revenue", "shall", "sublicense", "subject", "terms",
    "unless", "use", "used", "users", "without",
})  # fmt: skip
_MAX_TEXT_BYTES = 1_000_000
_CODE_LICENSE = re.compile(r"(?i)(^|/)licen[sc]e[-_.]code")


@dataclass(frozen=True)
class Detection:
    """A text that is known, and how it was recognised."""

    license: str
    document: Document
    method: str


@dataclass(frozen=True)
class DiscoveredText:
    """A license or policy file of a model, with what it was recognised as, or None."""

    path: str
    detection: Detection | None


@dataclass(frozen=True)
class DeclaredLicenses:
    """The records that a card's words stand for; without any, the reason."""

    licenses: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Conclusion:
    """The licenses that a model is concluded to be under, and why; a finding is something an officer must look at."""

    licenses: tuple[str, ...]
    method: str
    findings: tuple[str, ...] = ()


def words(text: str) -> list[str]:
    """Return the words of a text: compatibility forms and letter case folded, punctuation and line breaks dropped."""
    plain = unicodedata.normalize("NFKC", text.removeprefix("\ufeff")).replace("\u00a9", "(c)")
    return _WORD.findall(plain.casefold())


def sha256_words_v1(text: str) -> str:
    """Return the hash of the words of a text, which survives re-wrapping, markdown and curly quotes."""
    return _hash_words(words(text))


def _hash_words(found: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(found).encode("utf-8", "surrogatepass")).hexdigest()


def detect_text(content: bytes, catalog: Catalog) -> Detection | None:
    """Return what a file's bytes are known as, if anything."""
    if len(content) > _MAX_TEXT_BYTES:
        return None
    raw = hashlib.sha256(content).hexdigest()
    try:
        found = words(content.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    digest = _hash_words(found)
    for license_id, terms in sorted(catalog.licenses.items()):
        for text in terms.texts:
            if raw == text.sha256_raw:
                return Detection(license_id, text.document, "sha256_raw")
            if digest == text.sha256_words_v1:
                return Detection(license_id, text.document, "sha256_words_v1")
    for license_id, terms in sorted(catalog.licenses.items()):
        if any(_fits(found, template) for template in terms.templates):
            return Detection(license_id, Document.LICENSE, "template_segments_v1")
    return None


def _fits(found: Sequence[str], template: Template) -> bool:
    """Whether the words are perhaps a title, then the segments in order, with only free words between them."""
    titles = [title.split() for title in template.titles]
    starts = {0, *(len(title) for title in titles if list(found[: len(title)]) == title)}
    for segment in template.segments:
        starts = {end for start in starts for end in _ends(found, start, segment)}
    return len(found) in starts


def _ends(found: Sequence[str], start: int, segment: Segment) -> list[int]:
    ends = []
    for begin in range(start, min(start + segment.gap, len(found)) + 1):
        end = begin + segment.words
        if end <= len(found) and _hash_words(found[begin:end]) == segment.sha256:
            ends.append(end)
        if begin < len(found) and found[begin] in _MEANINGFUL:
            break
    return ends


def repository_licenses(model: str, catalog: Catalog) -> tuple[str, ...]:
    """Return the licenses that a Hub repository is known to be under; the longest matching name decides."""
    return catalog.repositories.known(model).licenses


def declared_licenses(declared: Declared, model: str | None, catalog: Catalog) -> DeclaredLicenses:
    """Return the records that a card's license words stand for; a word that could stand for several stands for none."""
    if not declared.licenses:
        return DeclaredLicenses((), "the card declares no license")
    found: set[str] = set()
    for word in declared.licenses:
        meant = _meant(word, declared.license_name, model, catalog)
        if len(meant) != 1:
            shown = f"{word} / {declared.license_name}" if declared.license_name else word
            which = "stands for several known licenses" if meant else "stands for no known license"
            return DeclaredLicenses((UNKNOWN,), f"the declared license {shown!r} {which}")
        found.update(meant)
    return DeclaredLicenses(tuple(sorted(found)), f"declared as {', '.join(declared.licenses)}")


def _meant(word: str, name: str | None, model: str | None, catalog: Catalog) -> list[str]:
    """Return the records meant by a Hub license and name; one of this publisher goes before one of any publisher."""
    candidates = [terms for terms in catalog.licenses.values() if _names(terms, word, name, model)]
    publisher = (model or "").split("/", 1)[0].casefold()
    own = [terms.id for terms in candidates if publisher in _folded(terms.hub.publishers)]
    return sorted(own or [terms.id for terms in candidates if not terms.hub.publishers or name])


def _names(terms: License, word: str, name: str | None, model: str | None) -> bool:
    if terms.id == UNKNOWN or repositories.covers(terms.hub.excluded_repositories, model or ""):
        return False
    if name is not None and name.casefold() != word.casefold():
        return name.casefold() in _folded(terms.hub.license_names)
    return word.casefold() in _folded(terms.hub.licenses) and word.casefold() not in {"other", UNKNOWN}


def _folded(names: Sequence[str]) -> set[str]:
    return {name.casefold() for name in names}


def conclude(
    declared: DeclaredLicenses, discovered: Sequence[DiscoveredText], catalog: Catalog
) -> Conclusion:
    """Return what card and texts show together; where they contradict each other, or a text is strange, the unknown license."""
    texts = [text for text in discovered if not _CODE_LICENSE.search(text.path)]
    strange = sorted(text.path for text in texts if text.detection is None)
    if strange:
        return Conclusion(
            (UNKNOWN,), "text not recognised", tuple(f"{path}: text is not known" for path in strange)
        )
    known = [text.detection for text in texts if text.detection]
    licenses = {item.license for item in known if item.document is Document.LICENSE}
    policies = {item.license for item in known if item.document is Document.USE_POLICY}
    claimed = set(declared.licenses)
    found = licenses or policies or claimed
    if not found:
        return Conclusion((UNKNOWN,), "nothing declared and no text found", (declared.reason,))
    if not licenses:
        return _without_text(claimed, policies, declared)
    return _with_text(claimed, licenses, policies, catalog)


def _without_text(claimed: set[str], policies: set[str], declared: DeclaredLicenses) -> Conclusion:
    if not claimed or UNKNOWN in claimed or policies - claimed:
        return Conclusion((UNKNOWN,), "no license text", (declared.reason, "no license text was found"))
    return Conclusion(tuple(sorted(claimed)), "declared only", ("no license text was found",))


def _with_text(claimed: set[str], licenses: set[str], policies: set[str], catalog: Catalog) -> Conclusion:
    stray = policies - licenses
    if stray:
        return Conclusion(
            (UNKNOWN,), "mismatch", (f"use policy of another license: {', '.join(sorted(stray))}",)
        )
    if not claimed:
        return Conclusion(tuple(sorted(licenses)), "text only", ("the card declares no license",))
    if claimed == licenses:
        return Conclusion(tuple(sorted(licenses)), "card and text agree")
    if _spdx(claimed, catalog) == _spdx(licenses, catalog):
        generic = {item for item in claimed | licenses if not catalog.get(item).hub.publishers}
        return Conclusion(tuple(sorted((claimed | licenses) - generic or licenses)), "card and text agree")
    reason = f"the card declares {', '.join(sorted(claimed))}, the text is {', '.join(sorted(licenses))}"
    return Conclusion((UNKNOWN,), "mismatch", (reason,))


def _spdx(licenses: set[str], catalog: Catalog) -> set[str]:
    return {catalog.get(item).spdx or item for item in licenses}
