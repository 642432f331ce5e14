"""What picklescan says of a pickle, where it is installed. It may add evidence and doubt, never a pass. Pure.

It is asked only about pickles that the allow-list already found to be data: its own search can take time that grows
with the square of a hostile stream's length, and nothing that it says could improve such a verdict.
"""

import dataclasses
import functools
import importlib
import importlib.metadata
import io
import logging
from typing import Any

TOOL = "picklescan"


@dataclasses.dataclass(frozen=True, slots=True)
class Opinion:
    """Its words, and whether they are a warning."""

    tool: str
    words: str
    is_warning: bool


@functools.cache
def _scanner() -> tuple[Any, str] | None:
    try:
        scanner = importlib.import_module("picklescan.scanner")
        version = importlib.metadata.version(TOOL)
    except ImportError:
        return None
    logging.getLogger(TOOL).disabled = True  # what it finds is kept as evidence, not printed
    return scanner, version


def of_pickle(data: bytes) -> Opinion | None:
    """Its opinion on one stream; None where it is not installed."""
    found = _scanner()
    if found is None:
        return None
    scanner, version = found
    tool = f"{TOOL} {version}"
    try:
        result = scanner.scan_pickle_bytes(io.BytesIO(data), "pickle")
    except Exception as error:  # noqa: BLE001 - whatever it raises is a warning, as its words are
        return Opinion(tool, f"broke down: {type(error).__name__}", is_warning=True)
    if result.issues_count or result.scan_err:
        named = ", ".join(
            f"{found.module}.{found.name}" for found in result.globals if found.safety.value == "dangerous"
        )
        return Opinion(tool, f"warns of {named or 'a broken stream'}", is_warning=True)
    return Opinion(tool, "found nothing dangerous", is_warning=False)
