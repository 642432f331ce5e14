"""What a version's files show of its licence: declared, discovered, contradicted, concluded. Reads no database."""

import dataclasses
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from registry.formats.roles import role_of
from registry.licensing import conclude, coverage, declared, detect, resemblance, words
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.conclude import DiscoveredText
from registry.licensing.coverage import Covers
from registry.licensing.request import Declared
from registry.verification.subject import Seen

MAX_LICENSE_ID = 200
MAX_METHOD = 64
RULES = "rules 2"
# A gating prompt of fewer words asks something; a longer one may be a licence.
LONG_PROMPT = 150
# A text that holds so much of a licence that is known anyway adds nothing to it.
HOLDS_ALL = 0.9


@dataclasses.dataclass(frozen=True, slots=True)
class FoundLicense:
    """One finding about the licence, as it is stored."""

    kind: str
    license_id: str
    method: str
    statement: str = ""
    path: str = ""
    sha256_words: str = ""
    score: Decimal | None = None
    concluded_by: str = ""


def licenses(
    seen: Mapping[str, Seen], *, card: Mapping[str, Any], model: str, known: Catalog
) -> Iterator[FoundLicense]:
    """Every finding, the conclusion last."""
    said = declared_of(card)
    meant = declared.declared_licenses(said, model, known)
    texts = [
        _discover(path, file, known) for path, file in sorted(seen.items()) if role_of(path) == "license"
    ]
    against = declared.contradictions(said, model, known)
    for license_id in meant.licenses:
        yield FoundLicense("declared", license_id, "model card", meant.reason, "README.md")
    for text in texts:
        yield _discovered(text, seen[text.path])
    prompts = list(_prompts(card, texts, meant, known))
    for prompt in prompts:
        yield _discovered(prompt, None)
    for words_ in against:
        yield FoundLicense("contradicted", UNKNOWN, "model card", words_, "README.md")
    found = conclude.conclude(
        meant,
        [*texts, *prompts],
        known,
        has_code=any(role_of(path) == "code" for path in seen),
        contradictions=against,
    )
    together = " AND ".join(found.licenses)
    yield FoundLicense(
        "concluded",
        together if len(together) <= MAX_LICENSE_ID else UNKNOWN,
        found.method[:MAX_METHOD],
        "; ".join(found.findings),
        concluded_by=f"{RULES}, catalogue {known.catalog_digest}",
    )


def _discover(path: str, file: Seen, known: Catalog) -> DiscoveredText:
    if not file.is_whole:
        return DiscoveredText(path, None)
    found = detect.detect_text(file.start, known)
    about = coverage.covers(path, file.start[: detect.MAX_TEXT_BYTES].decode("utf-8", "replace"))
    return DiscoveredText(path, found, None if found else detect.likeness(file.start), about)


def _prompts(
    card: Mapping[str, Any], texts: list[DiscoveredText], meant: declared.DeclaredLicenses, known: Catalog
) -> Iterator[DiscoveredText]:
    """A licence that stands in the question that the Hub puts before a download, unless it is one known anyway."""
    prompt = card.get("extra_gated_prompt")
    content = prompt.encode("utf-8", "replace") if isinstance(prompt, str) else b""
    listed = words.words(prompt) if isinstance(prompt, str) else []
    if len(listed) < LONG_PROMPT:
        return
    found = detect.detect_text(content, known)
    anyway = {text.detection.license for text in texts if text.detection} | set(meant.licenses)
    if not found and any(resemblance.holds(listed, license_id) >= HOLDS_ALL for license_id in anyway):
        return
    likeness = None if found else detect.likeness(content)
    yield DiscoveredText("README.md#extra_gated_prompt", found, likeness, Covers.MODEL)


def _discovered(text: DiscoveredText, file: Seen | None) -> FoundLicense:
    path, digest = text.path, _words(file)
    about = "" if text.about is Covers.MODEL else f", for {text.about}"
    if text.detection is not None:
        statement = f"{text.detection.document}{about}"
        method = text.detection.method[:MAX_METHOD]
        return FoundLicense("discovered", text.detection.license, method, statement, path, digest)
    if text.likeness is None:
        return FoundLicense("discovered", UNKNOWN, "text not recognised", about.lstrip(", "), path, digest)
    score = Decimal(str(text.likeness.score))
    return FoundLicense(
        "discovered", UNKNOWN, "likeness of word runs", text.likeness.words + about, path, digest, score
    )


def _words(file: Seen | None) -> str:
    if file is None or not file.is_whole:
        return ""
    return words.sha256_words_v1(file.start.decode("utf-8", "replace"))


def declared_of(card: Mapping[str, Any]) -> Declared:
    """The card's words about its licence; what is not text is left out."""
    name, link = card.get("license_name"), card.get("license_link")
    said = card.get("license")
    listed = said if isinstance(said, list) else [said]
    return Declared(
        licenses=tuple(word for word in listed if isinstance(word, str) and word),
        license_name=name if isinstance(name, str) and name else None,
        license_link=link if isinstance(link, str) else None,
    )
