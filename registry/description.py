"""What a version's own files say of it: card, licences, ancestors, hints. Reads no database."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from registry import findings
from registry.findings import FoundLicense
from registry.formats import card as cards
from registry.formats import hints as questions
from registry.formats import lineage
from registry.licensing import catalog
from registry.verification.subject import NotReadable, Seen, json_of

SHOWN_CARD_MEMBERS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """Everything that the files say of themselves."""

    card: Mapping[str, Any]
    licenses: tuple[FoundLicense, ...]
    ancestors: tuple[lineage.Ancestor, ...]
    hints: tuple[questions.Hint, ...] = ()


def describe(seen: Mapping[str, Seen], *, model: str, known: catalog.Catalog) -> Description:
    """What the files of `model` say, in the words of a licence catalogue."""
    card, text, adapter = _card(seen), _text(seen), _adapter_config(seen)
    return Description(
        card=card,
        licenses=tuple(findings.licenses(seen, card=card, model=model, known=known)),
        ancestors=tuple(lineage.ancestors(card=card, adapter_config=adapter)),
        hints=tuple(questions.hints(card=card, text=text, adapter_config=adapter)),
    )


def _text(seen: Mapping[str, Seen]) -> str:
    file = seen.get("README.md")
    return file.start.decode("utf-8", "replace") if file is not None else ""


def _card(seen: Mapping[str, Seen]) -> dict[str, Any]:
    """The card's metadata; a card that cannot be read says so under `unreadable`."""
    try:
        return dict(list(cards.parse_card(_text(seen)).items())[:SHOWN_CARD_MEMBERS])
    except cards.BadCard as error:
        return {"unreadable": str(error)}


def _adapter_config(seen: Mapping[str, Seen]) -> dict[str, Any] | None:
    """The adapter's configuration; empty where it cannot be read, None where the model is no adapter."""
    file = seen.get("adapter_config.json")
    if file is None:
        return None
    try:
        value = json_of(file)
    except NotReadable:
        return {}
    return value if isinstance(value, dict) else {}
