"""What a question says of one version itself: its licences, who concluded them, its ancestors, what is still open."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from registry.licensing import catalog
from registry.models import (
    FindingKind,
    LicenseConclusion,
    LicenseFinding,
    LineageStatement,
    ModelVersion,
    Relation,
)
from registry.models.conclusion import NOBODY

# Several licenses at once are written with AND.
CONJUNCTION = re.compile(r"\s+AND\s+|,\s*")
# What `of` reads of a version, for those who read many versions at once.
RELATED = (
    "license_findings",
    "lineage",
    "license_conclusions__concluded_by",
    "lineage_statements",
    "lineage_hints",
)
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Background:
    """The licences that apply to a version, and its part of the lineage in the words of a question."""

    licenses: tuple[str, ...]
    entries: tuple[dict[str, Any], ...]


# What the files of a resolved version say never changes, and what people said is named by its newest rows: so it is
# remembered by these names. Nothing is remembered of a draft, whose files are still to be read.
_REMEMBERED: dict[tuple[int, int | None, int | None], Background] = {}
MOST_REMEMBERED = 4096


def current(version: ModelVersion) -> Background:
    """The background of a version now."""
    return of_many([version.pk])[version.pk]


def of_many(version_ids: Collection[int]) -> dict[int, Background]:
    """The background of each of these versions now, with as many queries as for one."""
    said = ModelVersion.objects.filter(pk__in=version_ids).values_list(
        "pk", Max("license_conclusions"), Max("lineage_statements")
    )
    names = {name[0]: name for name in said}
    # Another thread may forget everything at any moment: each is looked for once.
    remembered = {version_id: _REMEMBERED.get(name) for version_id, name in names.items()}
    found = {version_id: known for version_id, known in remembered.items() if known is not None}
    missing = names.keys() - found.keys()
    if missing:
        rows = ModelVersion.objects.select_related("registered_model").prefetch_related(*RELATED)
        read = list(rows.filter(pk__in=missing))
        found |= {row.pk: of(row) for row in read}
        lasting = [row.pk for row in read if row.manifest_digest is not None][:MOST_REMEMBERED]
        if len(_REMEMBERED) + len(lasting) > MOST_REMEMBERED:
            _REMEMBERED.clear()
        _REMEMBERED.update({names[version_id]: found[version_id] for version_id in lasting})
    return found


def of(version: ModelVersion) -> Background:
    """The background of a version whose `RELATED` rows are at hand."""
    conclusion = newest_conclusion(version)
    licenses = tuple(conclusion.licenses) if conclusion else concluded(version.license_findings.all())
    return Background(licenses, tuple(_entries(version, conclusion)))


def concluded(findings: Iterable[LicenseFinding]) -> tuple[str, ...]:
    """The licenses that a version was concluded to be under by rules."""
    for finding in findings:
        if finding.kind == FindingKind.CONCLUDED:
            return tuple(CONJUNCTION.split(finding.license_id))
    return (catalog.UNKNOWN,)


def newest_conclusion(version: ModelVersion) -> LicenseConclusion | None:
    """The conclusion of a person that holds, if one was drawn."""
    return max(version.license_conclusions.all(), key=lambda row: row.pk, default=None)


def standing_statements(version: ModelVersion) -> list[LineageStatement]:
    """The statements of people that no later one corrects, in order."""
    rows = sorted(version.lineage_statements.all(), key=lambda row: row.pk)
    corrected = {row.supersedes_id for row in rows}
    return [row for row in rows if row.pk not in corrected]


def open_hints(version: ModelVersion) -> list[Any]:
    """The hints that nobody has answered yet, in order."""
    answered = {row.answers_id for row in version.lineage_statements.all()}
    return sorted(
        (hint for hint in version.lineage_hints.all() if hint.pk not in answered), key=lambda hint: hint.pk
    )


def _entries(version: ModelVersion, conclusion: LicenseConclusion | None) -> Iterator[dict[str, Any]]:
    """The edges of its files, then those that people stated; what files leave open counts as fine-tuning."""
    model = str(version.registered_model)
    edges: Sequence[Any] = sorted(version.lineage.all(), key=lambda row: row.pk)
    stated = [row for row in standing_statements(version) if row.relation != NOBODY]
    for edge in (*edges, *stated):
        relation = None if edge.relation == Relation.UNSTATED else edge.relation
        yield _entry(model, relation=relation, parents=[edge.base_model])
    # Which state of an ancestor is meant, where a file or a person names its commit.
    for edge in (*edges, *stated):
        if COMMIT.fullmatch(edge.base_revision):
            yield {**_entry(edge.base_model), "revision": edge.base_revision}
    about = {
        "revision": version.revision,
        "revision_date": version.committed_at.date().isoformat() if version.committed_at else None,
        "hints": [f"{hint.says} ({hint.path})" if hint.path else hint.says for hint in open_hints(version)],
        "concluded_by": f"user:{conclusion.concluded_by.username}" if conclusion else None,
    }
    if any(about.values()):
        yield {**_entry(model), **{key: value for key, value in about.items() if value}}


def _entry(model: str, *, relation: str | None = None, parents: Sequence[str] = ()) -> dict[str, Any]:
    return {"model": model, "relation": relation, "parents": list(parents), "teacher": None}
