"""Reads what a model card declares of itself: the YAML block at the head of README.md. Pure."""

import json
from datetime import date
from typing import Any

import yaml

MAX_CARD_BYTES = 256 * 1024
FENCE = "---"


class BadCard(ValueError):
    """The block at the head of the card cannot be read."""


class _Loader(yaml.SafeLoader):
    """Plain values only; an alias is refused, because a small file could stand for a huge value."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise BadCard("the card's metadata uses YAML aliases")
        return super().compose_node(parent, index)


def parse_card(text: str) -> dict[str, Any]:
    """The declared metadata as JSON values; empty where the card has none; raises only `BadCard`."""
    block = _block(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    if block is None:
        return {}
    if len(block.encode("utf-8", "replace")) > MAX_CARD_BYTES:
        raise BadCard(f"the card's metadata is longer than {MAX_CARD_BYTES} bytes")
    try:
        value = yaml.load(block, Loader=_Loader)  # noqa: S506 - a SafeLoader that also refuses aliases
    except BadCard:
        raise
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, LookupError, OverflowError) as error:
        raise BadCard(f"the card's metadata is not YAML: {str(error)[:200]}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadCard("the card's metadata is not a list of named values")
    try:
        plain: dict[str, Any] = _plain(value)
        json.dumps(plain, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise BadCard(f"the card's metadata holds a value that JSON lacks: {str(error)[:200]}") from None
    return plain


def _block(text: str) -> str | None:
    lines = text.split("\n")
    if not lines or lines[0].rstrip() != FENCE:
        return None
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            return "\n".join(lines[1:number])
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        # PostgreSQL's jsonb holds no NUL and no lone surrogate.
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return value
