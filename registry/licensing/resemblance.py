"""How much a text that is not recognised is like one that is known: a stated score, never a conclusion. Pure.

Of each known text a sample of its five-word runs is kept, as hashes: the smallest ones, which is to say any ones. The
share of the sample that another text has too is how much of the known text that text holds.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.licensing.terms import Document

FILE = Path(__file__).parent / "sketches.json"
RUN = 5
SAMPLE = 256
HASH_BYTES = 6
# Below both, a likeness says nothing.
ALIKE, HELD = 0.30, 0.60


@dataclass(frozen=True)
class Sketch:
    """A known text: how many runs it has, and a sample of them."""

    license: str
    document: Document
    runs: int
    sample: frozenset[bytes]


@dataclass(frozen=True)
class Likeness:
    """A known text that another is like: the share of runs that both have, and the share of the known one held."""

    license: str
    document: Document
    score: float
    held: float

    @property
    def words(self) -> str:
        """The likeness in a sentence; never a full hundred, because the texts are not the same."""
        text = "use policy" if self.document is Document.USE_POLICY else "text"
        held = f", holds {self.held:.0%} of it" if self.held > self.score + 0.02 else ""
        return f"{self.score:.0%} like the {text} of {self.license}{held}, but not the same"


def runs(words: Sequence[str]) -> set[bytes]:
    """Return the hashes of every run of five words."""
    return {
        hashlib.blake2b(
            " ".join(words[at : at + RUN]).encode("utf-8", "replace"), digest_size=HASH_BYTES
        ).digest()
        for at in range(max(0, len(words) - RUN + 1))
    }


def sample(found: set[bytes]) -> bytes:
    """Return the runs to keep of a known text: hashes are evenly spread, so that the smallest are any ones."""
    return b"".join(sorted(found)[:SAMPLE])


@functools.cache
def sketches() -> tuple[Sketch, ...]:
    """Return what is kept of the known texts."""
    return tuple(_sketches(json.loads(FILE.read_text())))


def _sketches(value: dict[str, Any]) -> Iterator[Sketch]:
    for item in value["texts"]:
        raw = base64.b64decode(item["sample"])
        parts = frozenset(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))
        yield Sketch(item["license"], Document(item["document"]), item["runs"], parts)


def closest(words: Sequence[str]) -> Likeness | None:
    """Return the known text that these words are most like, if they are like any."""
    found = runs(words)
    if not found:
        return None
    alike = [_likeness(found, sketch) for sketch in sketches()]
    best = max(alike, key=lambda one: (one.score, one.held, one.license), default=None)
    if best is None or (best.score < ALIKE and best.held < HELD):
        best = max(alike, key=lambda one: (one.held, one.score, one.license), default=None)
    return best if best and (best.score >= ALIKE or best.held >= HELD) else None


def holds(words: Sequence[str], license_id: str) -> float:
    """Return how much of a known license text these words hold."""
    found = runs(words)
    shares = (_likeness(found, one).held for one in sketches() if one.license == license_id)
    return max(shares, default=0.0)


def _likeness(found: set[bytes], sketch: Sketch) -> Likeness:
    held = len(sketch.sample & found) / len(sketch.sample)
    shared = held * sketch.runs
    score = shared / (sketch.runs + len(found) - shared)
    return Likeness(
        sketch.license, sketch.document, *(min(_thousandths(share), 0.999) for share in (score, held))
    )


def _thousandths(share: float) -> float:
    return int(min(max(share, 0.0), 1.0) * 1000) / 1000
