"""What a change does, cell by cell and in all: counts, and every cell that changes, worst first. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry.licensing.comparison import Effect
from registry.licensing.terms import Verdict

if TYPE_CHECKING:
    from registry.whatif.compare import Cell

# Of each cell, no more than this is told; the page of the version tells everything.
MAX_REASONS = 40
_EFFECTS = list(Effect)
_VERDICTS = [*reversed(Verdict)]


@dataclass
class Report:
    """Counts over every cell, and the cells that change."""

    cells: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    before: Counter[str] = field(default_factory=Counter)
    after: Counter[str] = field(default_factory=Counter)
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    approvals: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    versions: set[int] = field(default_factory=set)
    changed: list[dict[str, Any]] = field(default_factory=list)
    # Every cell, changed or not; only where a matrix is shown.
    keeps_all: bool = False

    def add(self, cell: "Cell") -> None:
        """Count a cell, and keep it if it changes."""
        effect, before, after = cell.effect, cell.before["verdict"], cell.after["verdict"]
        self.cells += 1
        self.effects[effect.value] += 1
        self.before[before] += 1
        self.after[after] += 1
        if before != after:
            self.moves[before, after] += 1
        for item in cell.admissions:
            self._count(item)
        if effect is not Effect.SAME:
            self.versions.add(cell.pair.version.pk)
        if effect is not Effect.SAME or self.keeps_all:
            self.changed.append(shown(cell))

    def _count(self, item: Any) -> None:
        self.approvals["approvals"] += 1
        self.approvals["denied_before"] += bool(item.before)
        self.approvals["denied_after"] += bool(item.after)
        if item.after and not item.before:
            self.approvals["newly_denied"] += 1
            self.approvals["nodes_affected"] += item.nodes
        if item.before and not item.after:
            self.approvals["newly_allowed"] += 1
        for code in {reason.code for reason in item.added}:
            self.codes[code] += 1

    def worst_first(self) -> list[dict[str, Any]]:
        """The cells that change: what ends an admission first, then by how restrictive the new verdict is."""
        return sorted(self.changed, key=_order)

    def summary(self) -> dict[str, Any]:
        """The counts as the REST interface spells them."""
        return {
            "cells": self.cells,
            "versions_changed": len(self.versions),
            **{effect.value: self.effects[effect.value] for effect in Effect},
            "before": {verdict.value: self.before[verdict.value] for verdict in Verdict},
            "after": {verdict.value: self.after[verdict.value] for verdict in Verdict},
            "moves": [
                {"before": before, "after": after, "cells": number}
                for (before, after), number in sorted(
                    self.moves.items(), key=lambda item: (-item[1], item[0])
                )
            ],
            "admissions": {
                name: self.approvals[name]
                for name in (
                    "approvals",
                    "denied_before",
                    "denied_after",
                    "newly_denied",
                    "newly_allowed",
                    "nodes_affected",
                )
            },
            "deny_codes": dict(sorted(self.codes.items(), key=lambda item: (-item[1], item[0]))),
        }


def over(cells: Iterable["Cell"], *, keeps_all: bool = False) -> Report:
    """The report over these cells."""
    report = Report(keeps_all=keeps_all)
    for cell in cells:
        report.add(cell)
    return report


def shown(cell: "Cell") -> dict[str, Any]:
    """A cell as the REST interface spells it, and as it is stored."""
    version, environment = cell.pair.version, cell.pair.environment
    told = cell.difference.to_json()
    return {
        "model_version": version.pk,
        "model": str(version.registered_model),
        "revision": version.short_revision,
        "environment": environment.name,
        "effect": cell.effect.value,
        "before": _answer(cell.before),
        "after": _answer(cell.after),
        "findings": told["findings"][:MAX_REASONS],
        "obligations": told["obligations"],
        "missing_facts": told["missing_facts"],
        "admissions": [item.to_json() for item in cell.admissions],
        "reasons": list(cell.reasons[:MAX_REASONS]),
    }


def _answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "verdict": answer["verdict"],
        "effective_licenses": list(answer["effective_licenses"]),
        "missing_facts": list(answer["missing_facts"]),
    }


def _order(cell: Mapping[str, Any]) -> tuple[Any, ...]:
    admissions = cell["admissions"]
    newly = any(item["before"] == "allow" and item["after"] == "deny" for item in admissions)
    return (
        _EFFECTS.index(Effect(cell["effect"])),
        not newly,
        _VERDICTS.index(Verdict(cell["after"]["verdict"])),
        -sum(item["nodes"] for item in admissions),
        cell["model"],
        cell["model_version"],
        cell["environment"],
    )
