"""A JSON parser that refuses what JSON does not have."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from governance.errors import BodyTooLarge


class StrictJSONParser(BaseParser):
    """UTF-8 JSON; duplicate members, NaN and endless nesting are errors."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The decoded value; raises ParseError with the place of the fault, BodyTooLarge past the limit."""
        try:
            return json.loads(
                _bounded(stream).decode("utf-8"),
                object_pairs_hook=_members,
                parse_constant=_no_constant,
                parse_float=_finite,
            )
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not JSON: {error}") from error


def _bounded(stream: IO[Any]) -> bytes:
    """The body; one that is over the limit is not read to its end: a stream goes past Django's own limit."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    data: bytes = stream.read(limit + 1)
    if len(data) > limit:
        raise BodyTooLarge(f"A body has at most {limit} bytes.", limit=limit)
    return data


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is out of range")
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name appears twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
