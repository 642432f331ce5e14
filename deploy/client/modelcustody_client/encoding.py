"""Base64 and decimal numbers with exactly one spelling each. Pure."""

from __future__ import annotations

import base64
import binascii

MAX_DIGITS = 16


def decode_base64(text: str) -> bytes | None:
    """Return what standard, padded, canonical base64 stands for; None for anything else."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    return data if encode_base64(data) == text else None


def encode_base64(data: bytes) -> str:
    """Return standard, padded base64."""
    return base64.b64encode(data).decode("ascii")


def decode_decimal(text: str) -> int | None:
    """Return a natural number written in ASCII digits with no leading zero; None for anything else."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        return None
    return None if text[0] == "0" and text != "0" else int(text)
