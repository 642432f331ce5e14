"""The base of every error that this package raises on purpose. Pure."""

from __future__ import annotations


class Refused(Exception):
    """Something was not as it must be; `code` is stable, the message is for people."""

    code = "refused"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
