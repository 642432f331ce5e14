"""What a version's own files say of it: card, licences, ancestors. Reads no database."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from registry.formats import card as cards
from registry.formats import lineage
from registry.formats.roles import role_of
from registry.licensing import catalog, detect
from registry.licensing.request import Declared
from registry.verification.subject import NotReadable, Seen, json_of

MAX_LICENSE_ID = 64
SHOWN_CARD_MEMBERS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class FoundLicense:
    """One finding about the licence, as it is stored."""

    kind: str
    license_id: str
    method: str
    statement: str = ""
    path: str = ""
    sha256_words: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """Everything that the files say of themselves."""

    card: Mapping[str, Any]
    licenses: tuple[FoundLicense, ...]
    ancestors: tuple[lineage.Ancestor, ...]


def describe(seen: Mapping[str, Seen], *, model: str, known: catalog.Catalog) -> Description:
    """What the files of `model` say, in the words of a licence catalogue."""
    card = _card(seen)
    return Description(
        card=card,
        licenses=tuple(_licenses(seen, card=card, model=model, known=known)),
        ancestors=tuple(lineage.ancestors(card=card, adapter_config=_adapter_config(seen))),
    )


def _card(seen: Mapping[str, Seen]) -> dict[str, Any]:
    """The card's metadata; a card that cannot be read says so under `unreadable`."""
    file = seen.get("README.md")
    if file is None:
        return {}
    text = file.start.decode("utf-8", "replace")
    try:
        return dict(list(cards.parse_card(text).items())[:SHOWN_CARD_MEMBERS])
    except cards.BadCard as error:
        return {"unreadable": str(error)}


def _adapter_config(seen: Mapping[str, Seen]) -> dict[str, Any]:
    file = seen.get("adapter_config.json")
    try:
        value = json_of(file) if file is not None else {}
    except NotReadable:
        return {}
    return value if isinstance(value, dict) else {}


def _licenses(
    seen: Mapping[str, Seen], *, card: Mapping[str, Any], model: str, known: catalog.Catalog
) -> list[FoundLicense]:
    declared = detect.declared_licenses(declared_of(card), model, known)
    texts = [
        detect.DiscoveredText(path, detect.detect_text(file.start, known) if file.is_whole else None)
        for path, file in sorted(seen.items())
        if role_of(path) == "license"
    ]
    found = [
        FoundLicense("declared", license_id, method="model card", statement=declared.reason, path="README.md")
        for license_id in declared.licenses
    ]
    found += [_discovered(text, seen[text.path]) for text in texts]
    conclusion = detect.conclude(declared, texts, known)
    together = " AND ".join(conclusion.licenses)
    found.append(
        FoundLicense(
            "concluded",
            together if len(together) <= MAX_LICENSE_ID else catalog.UNKNOWN,
            method=conclusion.method[:64],
            statement="; ".join(conclusion.findings),
        )
    )
    return found


def _discovered(text: detect.DiscoveredText, file: Seen) -> FoundLicense:
    if text.detection is None:
        return FoundLicense(
            "discovered",
            catalog.UNKNOWN,
            method="text not recognised",
            path=text.path,
            sha256_words=_words(file),
        )
    return FoundLicense(
        "discovered",
        text.detection.license,
        method=text.detection.method[:64],
        statement=str(text.detection.document),
        path=text.path,
        sha256_words=_words(file),
    )


def _words(file: Seen) -> str:
    return detect.sha256_words_v1(file.start.decode("utf-8", "replace")) if file.is_whole else ""


def declared_of(card: Mapping[str, Any]) -> Declared:
    """The card's words about its licence; what is not text is left out."""
    name, link = card.get("license_name"), card.get("license_link")
    words = card.get("license")
    listed = words if isinstance(words, list) else [words]
    return Declared(
        licenses=tuple(word for word in listed if isinstance(word, str) and word),
        license_name=name if isinstance(name, str) and name else None,
        license_link=link if isinstance(link, str) else None,
    )
