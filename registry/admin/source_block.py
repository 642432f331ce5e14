"""What the source of a version says of it, as its page shows it: each fact then and now, and what was not told."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from registry.models import DriftRun, ModelVersion, SourceObservation
from registry.observed import SourceFacts, from_json

SHOWN_RUNS = 5
# The facts that a person reads, in order, with their names.
FACTS = (
    ("repository", "Name of the repository"),
    ("commit", "Branch or tag points to"),
    ("head", "Newest commit"),
    ("has_pinned", "Pinned commit in the history"),
    ("committed_at", "Committed"),
    ("authors", "Authors of the commit"),
    ("commit_verified", "Commit signed"),
    ("license", "Declared licence"),
    ("license_name", "Name of the licence"),
    ("gated", "Gated"),
    ("private", "Private"),
    ("disabled", "Disabled"),
    ("scan_status", "Scans by the source"),
    ("last_modified", "Last changed"),
    ("listing_digest", "Digest of the listing"),
)

TIMES = frozenset({"committed_at", "last_modified"})
EXACT = frozenset({"repository", "commit", "head", "listing_digest"})


@dataclass(frozen=True)
class Row:
    """One fact at registration and at the newest look; empty where it was not told."""

    name: str
    then: str
    now: str
    is_exact: bool = False  # letters that are compared one by one, not words

    @property
    def changed(self) -> bool:
        """Whether both looks tell it, and not the same."""
        return bool(self.then and self.now) and self.then != self.now


def gather(version: ModelVersion) -> dict[str, Any]:
    """The looks at the source: facts side by side, when they were made, and the last runs."""
    looks = version.observations.order_by("pk")
    first, newest = looks.first(), looks.last()
    return {
        "first": first,
        "newest": newest,
        "rows": _rows(first, newest) if first is not None and newest is not None else [],
        "runs": list(DriftRun.objects.filter(version=version).order_by("-pk")[:SHOWN_RUNS]),
    }


def _rows(first: SourceObservation, newest: SourceObservation) -> list[Row]:
    then, now = from_json(first.facts), from_json(newest.facts)
    rows = [Row(words, _shown(then, name), _shown(now, name), name in EXACT) for name, words in FACTS]
    return [row for row in rows if row.then or row.now]


def _shown(facts: SourceFacts, name: str) -> str:
    value = getattr(facts, name)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in TIMES:
        return time_in_words(str(value))
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"


def time_in_words(told: str) -> str:
    """A time as the pages write it; what is none is shown as it was told."""
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return told
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment.tzinfo else told
