"""What cannot all be true of a lineage: cards that claim too much, names that cannot all be borne. Pure."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.licensing.answer import Conflict, Finding, NamingConflict
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.derivatives import spaced
from registry.licensing.logic import Truth, both
from registry.licensing.ownership import Ownership
from registry.licensing.reach import Reach
from registry.licensing.terms import State, Verdict

# So many contradictions are told one by one.
LISTED = 500


@dataclass(frozen=True)
class NamingDuty:
    """A license wants the model's name to begin with a word, where `due` holds."""

    license: str
    prefix: str
    clause: str
    due: Truth


def declared_conflicts(
    owners: Sequence[Ownership], reach: Reach, subject: str, catalog: Catalog
) -> tuple[Conflict, ...]:
    """Every model that claims more freedom, or another freedom, than the models behind it leave."""
    burdens = {burden.license: burden.models for burden in reach.burdens}
    found = []
    for owned in owners:
        imposed: Mapping[str, tuple[str, ...]]
        if owned.model == subject:
            imposed = burdens
        else:
            sources = reach.imposed.get(owned.model, {})
            imposed = {license_id: (source,) for license_id, source in sources.items()}
            imposed = {**imposed, **dict.fromkeys(set(owned.licenses) - set(owned.claimed), (owned.model,))}
        found += [
            Conflict(owned.model, owned.claimed, license_id, models)
            for license_id, models in sorted(imposed.items())
            if _contradicts(owned.claimed, license_id, catalog)
        ]
    return tuple(sorted(found, key=lambda one: (one.model != subject, one.model, one.imposed)))


def _contradicts(claimed: Sequence[str], imposed: str, catalog: Catalog) -> bool:
    """Whether a license that applies is missing from what is claimed, and nothing claimed is of a stricter kind."""
    if imposed in claimed or UNKNOWN in (imposed, *claimed) or imposed not in catalog.licenses:
        return False
    freedom = max((catalog.get(item).category.rank for item in claimed), default=2)
    return catalog.get(imposed).category.rank >= max(1, freedom)


def declared_findings(conflicts: Sequence[Conflict]) -> list[Finding]:
    """The conflicts as findings; the licenses apply anyway, so that they change no verdict."""
    found = [_declared_finding(conflict) for conflict in conflicts[:LISTED]]
    if len(conflicts) > LISTED:
        reason = f"{len(conflicts) - LISTED} more cards behind the model leave out a license that applies"
        found.append(Finding(None, "declared_license_conflict", State.VIOLATED, None, reason))
    return found


def _declared_finding(conflict: Conflict) -> Finding:
    return Finding(
        license=conflict.imposed,
        condition="declared_license_conflict",
        outcome=State.VIOLATED,
        clause=None,
        reason=conflict.reason,
        remedy=f"Treat {conflict.model} as under {conflict.imposed} too; ask its publisher to correct the card.",
    )


def naming_conflicts(duties: Iterable[NamingDuty]) -> list[tuple[NamingConflict, Finding]]:
    """Every two licenses whose words cannot both stand at the beginning of one name."""
    once = {(duty.license, duty.prefix): duty for duty in duties}
    found = []
    for one, other in itertools.combinations([once[key] for key in sorted(once)], 2):
        if one.license != other.license and not _fit(one.prefix, other.prefix):
            conflict = NamingConflict((one.license, other.license), (one.prefix, other.prefix))
            found.append((conflict, _naming_finding(conflict, one, other)))
    return found


def _fit(one: str, other: str) -> bool:
    first, second = spaced(one), spaced(other)
    return first.startswith(second) or second.startswith(first)


def _naming_finding(conflict: NamingConflict, one: NamingDuty, other: NamingDuty) -> Finding:
    """Where both duties are due the use is ruled out; otherwise someone must see to it that they never are."""
    due = both(one.due, other.due)
    return Finding(
        license=", ".join(conflict.licenses),
        condition="naming_conflict",
        outcome=State.VIOLATED if due.value else State.UNKNOWN,
        clause=f"{one.clause}; {other.clause}",
        reason=conflict.reason,
        effect=Verdict.PROHIBITED if due.value else Verdict.NEEDS_REVIEW,
        missing=tuple(sorted(due.missing)),
        remedy="Keep the model from others, or obtain a license that lifts one of the naming duties.",
    )
