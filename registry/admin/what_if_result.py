"""What a change does, as pages show it: counts, bars, and a page of the versions that change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.desk import charts
from registry.licensing import vocabulary
from registry.licensing.terms import Verdict

PAGE = 50
TONES = {
    Verdict.ALLOWED: "good",
    Verdict.ALLOWED_WITH_OBLIGATIONS: "info",
    Verdict.NEEDS_REVIEW: "warn",
    Verdict.NEEDS_LICENCE: "licence",
    Verdict.PROHIBITED: "bad",
}
LABELS = {
    **{name: fact.label for name, fact in {**vocabulary.ORG_FACTS, **vocabulary.USE_FACTS}.items()},
    "relation": "A model made from it",
    "name": "The name of that model",
}


@dataclass(frozen=True)
class ShownPage:
    """One page of the cells that change."""

    rows: list[dict[str, Any]]
    total: str
    number: int
    previous: int
    following: int


def told(change: list[dict[str, Any]], policy_text: str) -> str:
    """What is moved, in a line."""
    names = dict.fromkeys(name for step in change for patch in step.values() for name in patch)
    moved = [LABELS.get(name, vocabulary.plain(name)) for name in names]
    return ", ".join([*moved, *(["the policy"] if policy_text else [])])


def drawn(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The counts with their pictures."""
    lines = [
        {
            "verdict": verdict.value,
            "tone": TONES[verdict],
            "before": summary["before"][verdict.value],
            "after": summary["after"][verdict.value],
            "change": summary["after"][verdict.value] - summary["before"][verdict.value],
        }
        for verdict in Verdict
    ]
    bars = {
        side: charts.share(
            [(line["verdict"].replace("_", " "), line[side], line["tone"]) for line in lines],
            label="; ".join(f"{line['verdict'].replace('_', ' ')}: {line[side]:,}" for line in lines),
        )
        for side in ("before", "after")
    }
    return {"summary": summary, "verdicts": lines, "bars": bars}


def page_of(cells: list[dict[str, Any]], wanted: str | None) -> ShownPage:
    """The page that is asked for, of all cells that change."""
    number = number_of(wanted, len(cells))
    return shown(cells[(number - 1) * PAGE : number * PAGE], number, len(cells))


def shown(rows: list[dict[str, Any]], number: int, count: int) -> ShownPage:
    """A page of which the rows are known."""
    return ShownPage(
        rows=rows,
        total=f"{count:,}",
        number=number,
        previous=number - 1,
        following=number + 1 if number * PAGE < count else 0,
    )


def number_of(wanted: str | None, count: int) -> int:
    """The number of a page that there is."""
    last = max(1, -(-count // PAGE))
    number = int(wanted) if wanted and wanted.isascii() and wanted.isdigit() and len(wanted) < 9 else 1
    return min(max(number, 1), last)
