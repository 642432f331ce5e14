"""What the page of a licence shows: its record in words, generic over every kind of condition."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from audit import overview
from registry import catalogs, drafts, holdings
from registry.licensing import differences, records, wording
from registry.licensing.releases import Entries, project_digest
from registry.licensing.terms import Condition, License, Obligation
from registry.models import CatalogRelease, LicenseProposal, LicenseRecord, Origin

SHOWN_VERSIONS = 20
SHOWN_RELEASES = 50
# Members of a license with a place of their own on the page; whatever else a record may hold is shown below them.
PLACED = {
    "id", "name", "publisher", "spdx", "category", "effective_on", "verification", "sources", "note", "hub",
    "texts", "templates", "repositories", "scope", "conditions", "obligations",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Term:
    """A condition or an obligation as a lawyer reads it."""

    title: str
    code: str
    meaning: str
    clause: str
    words: list[tuple[str, str]]
    badge: str
    verification: str = ""
    remedy: str = ""


def gather(row: LicenseRecord) -> dict[str, Any]:
    """The context of the page's template."""
    release = catalogs.in_force()
    entries = release.entries if release is not None else {}
    found = records.parse_kept(row.license_id, row.record)
    under = holdings.versions_under(row.license_id)
    proposals, releases = list(_proposals(row.license_id)), history(row.license_id)
    return {
        "title": found.name,
        "terms": found,
        "conditions": [condition(one) for one in found.conditions],
        "obligations": [obligation(one) for one in found.obligations],
        "scope": [(wording.name(relation), wording.plain(reach)) for relation, reach in found.scope.items()],
        "hub": wording.members(found.hub),
        "repositories": [
            (one.pattern, wording.value(dataclasses.replace(one, pattern=""))) for one in found.repositories
        ],
        "more": more(found),
        "is_readable": records.is_readable(row.license_id, row.record),
        "is_in_force": drafts.is_in_force(row, entries),
        "standing": standing(row, entries),
        "beside": beside(row, entries),
        "proposals": proposals,
        "releases": releases,
        "versions": list(under.select_related("registered_model")[:SHOWN_VERSIONS]),
        "version_count": holdings.counts([row.license_id]).get(row.license_id, 0),
        "entries": overview.latest_decisions(
            [
                *(f"license-proposal:{one.pk}" for one in proposals),
                *(f"catalog-release:{one.pk}" for one in releases),
            ],
            limit=SHOWN_VERSIONS,
        ),
    }


def condition(found: Condition) -> Term:
    """A condition: what it is about, its figures, and what follows when it does not hold."""
    own = wording.members(found.parameters)
    rest = wording.members(
        found, without={"kind", "clause", "effect", "parameters", "remedy", "verification"}
    )
    return Term(
        title=wording.name(found.kind),
        code=found.kind,
        meaning=wording.meaning(found.parameters),
        clause=found.clause,
        words=own + rest,
        badge=found.effect.value,
        verification=found.verification.value,
        remedy=found.remedy or "",
    )


def obligation(found: Obligation) -> Term:
    """An obligation: what must be done, when, and the evidence of it."""
    rest = wording.members(found, without={"id", "do", "clause", "trigger"})
    return Term(
        title=found.do,
        code=found.id,
        meaning="",
        clause=found.clause,
        words=[("When", wording.plain(found.trigger.value)), *rest],
        badge="",
    )


def more(found: License) -> list[tuple[str, list[str]]]:
    """Whatever else the record holds, item by item."""
    shown = []
    for field in dataclasses.fields(found):
        content = getattr(found, field.name)
        if field.name in PLACED or not content:
            continue
        items = content if isinstance(content, tuple) else (content,)
        shown.append((wording.name(field.name), [wording.value(item) for item in items]))
    return shown


def standing(row: LicenseRecord, entries: Entries) -> dict[str, Any]:
    """Where the record stands: in force, hiding the project's, hidden by the organisation's, or neither."""
    entry = entries.get(row.license_id)
    hidden = project_digest(entry)
    others = LicenseRecord.objects.filter(license_id=row.license_id)
    found: dict[str, Any] = {"word": "superseded", "other": None}
    if drafts.is_in_force(row, entries):
        found["word"] = "override" if entry and entry["overrides"] else "in force"
        if entry and entry["overrides"]:
            found["other"] = others.filter(origin=Origin.PROJECT, record_digest=hidden).first()
    elif entry is not None and row.origin == Origin.PROJECT and row.record_digest == hidden:
        found["word"] = "overridden"
        found["other"] = others.filter(origin=entry["origin"], record_digest=entry["record_digest"]).first()
    elif entry is not None:
        found["other"] = others.filter(origin=entry["origin"], record_digest=entry["record_digest"]).first()
    return found


def beside(row: LicenseRecord, entries: Entries) -> tuple[differences.Difference, ...]:
    """The record line by line against the project's, where the organisation's hides it."""
    entry = entries.get(row.license_id)
    hidden = project_digest(entry)
    if entry is None or entry["origin"] == Origin.PROJECT or hidden is None:
        return ()
    kept: Mapping[str, Any] = catalogs.on_file([hidden, entry["record_digest"]])
    return differences.differences(kept[hidden], kept[entry["record_digest"]])


def history(license_id: str) -> list[CatalogRelease]:
    """The releases that did something to a license, newest first, each with the word for it."""
    rows = list(
        CatalogRelease.objects.filter(changes__has_key=license_id)
        .defer("entries")
        .select_related("proposal")
        .order_by("-pk")[:SHOWN_RELEASES]
    )
    for row in rows:
        row.word = row.changes[license_id]  # type: ignore[attr-defined]
    return rows


def _proposals(license_id: str) -> Any:
    return (
        LicenseProposal.objects.filter(record__license_id=license_id)
        .select_related("record", "proposed_by", "closed_by", "release")
        .order_by("-pk")[:SHOWN_RELEASES]
    )
