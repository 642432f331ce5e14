"""Reads the index that says which of several safetensors files holds which tensor. Pure."""

from typing import Any

import msgspec

from registry.formats import json_strings


class BadIndex(ValueError):
    """The index cannot be used; the message says why."""


class Index(msgspec.Struct, frozen=True):
    """Which file holds which tensor, and how many bytes all tensors have, if the index says so."""

    weight_map: dict[str, str]
    metadata: Any = None

    @property
    def total_size(self) -> int | None:
        """The bytes of all tensors together; None where the index does not say, or says nonsense."""
        value = self.metadata.get("total_size") if isinstance(self.metadata, dict) else None
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value if type(value) is int else None


_decode = msgspec.json.Decoder(Index).decode


def parse_index(data: bytes) -> Index:
    """The index in these bytes; raises `BadIndex`, also where a name stands twice in one object."""
    try:
        index = _decode(data)
        top = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise BadIndex("it has no map of tensors to files") from None
    except RecursionError:
        raise BadIndex("it is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadIndex(f"it is not JSON: {str(error)[:160]}") from None
    others = {name: msgspec.json.decode(raw) for name, raw in top.items() if name != "weight_map"}
    kept = json_strings.in_value(others) + 1 + 2 * len(index.weight_map)
    if json_strings.in_text(data) != kept:
        raise BadIndex("a name stands twice in it, so readers may disagree on what it means")
    return index
