"""The licence question of a version, from what the registry knows, and its answer; writes nothing."""

import dataclasses
import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from modelcustody_client import canonical

from registry import catalogs
from registry.attestations import FactsInForce
from registry.licensing import catalog, evaluate, request
from registry.licensing.catalog import Catalog
from registry.models import (
    FindingKind,
    LicenseFinding,
    LineageEdge,
    ModelVersion,
    Relation,
    ServingEnvironment,
)

# How far behind a model its ancestors are followed; a longer line ends with an ancestor of unknown licence.
MAX_GENERATIONS = 16
# Several licenses at once are written with AND.
CONJUNCTION = re.compile(r"\s+AND\s+|,\s*")


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A question and its answer, as they are stored."""

    request: dict[str, Any]
    result: dict[str, Any]
    organization: FactsInForce | None
    evaluation_digest: str

    @property
    def verdict(self) -> str:
        """The verdict's word."""
        return str(self.result["verdict"])


def judge(
    *,
    version: ModelVersion,
    environment: ServingEnvironment,
    organization: FactsInForce | None,
    on: date,
    terms: Catalog | None = None,
) -> Judgement:
    """Ask whether the organisation may use this version there, on this day; by default, by the terms in force."""
    background, known = background_of(version)
    question: dict[str, Any] = {
        **background,
        "evaluation_date": on.isoformat(),
        "org": dict(organization.facts) if organization else {},
        "use": environment.use,
    }
    result = answer(question, known=known, today=on, terms=terms)
    stored = {
        **question,
        "known": {name: list(ids) for name, ids in sorted(known.items())},
        "attestations": organization.attestations if organization else {},
    }
    digest = hashlib.sha256(canonical.dumps({"request": stored, "result": result})).hexdigest()
    return Judgement(stored, result, organization, f"sha256:{digest}")


def background_of(version: ModelVersion) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """What a question says of a version itself, and what the registry concluded of it and of those behind it."""
    model = str(version.registered_model)
    licenses, edges = _written(version.pk)
    known, entries = {model: licenses}, _entries(model, edges)
    _add_ancestors(known, entries)
    return {"model": model, "revision": version.revision, "lineage": entries}, known


def answer(
    question: Mapping[str, Any],
    *,
    known: Mapping[str, tuple[str, ...]],
    today: date,
    terms: Catalog | None = None,
) -> dict[str, Any]:
    """The answer to a question in the vocabulary of the REST interface; by default, by the terms in force."""
    parsed = dataclasses.replace(request.parse_request(question, today=today), known=known)
    return evaluate.evaluate(parsed, terms or catalogs.current()).to_json()


def answer_with_registry(question: Mapping[str, Any], *, today: date) -> dict[str, Any]:
    """The same, with what this registry concluded about the models that the question names."""
    parsed = request.parse_request(question, today=today)
    named = {parsed.model, *parsed.declared.base_models}
    for entry in parsed.lineage:
        named.update((entry.model, *entry.parents, *entry.teachers))
    revisions = {parsed.model: parsed.revision} if parsed.model and parsed.revision else {}
    known: dict[str, tuple[str, ...]] = {}
    entries: list[dict[str, Any]] = []
    _follow({name for name in named if name}, known=known, entries=entries, revisions=revisions)
    extended = {**question, "lineage": [*(question.get("lineage") or []), *entries]}
    return answer(extended, known=known, today=today)


def concluded(findings: Iterable[LicenseFinding]) -> tuple[str, ...]:
    """The licenses that a version was concluded to be under."""
    for finding in findings:
        if finding.kind == FindingKind.CONCLUDED:
            return tuple(CONJUNCTION.split(finding.license_id))
    return (catalog.UNKNOWN,)


@functools.lru_cache(maxsize=512)
def _written(version_id: int) -> tuple[tuple[str, ...], tuple[LineageEdge, ...]]:
    """Licences and ancestors of a resolved version: written once with it, so they are remembered."""
    findings = LicenseFinding.objects.filter(version_id=version_id)
    edges = LineageEdge.objects.filter(version_id=version_id).order_by("pk")
    return concluded(findings), tuple(edges)


def _entries(model: str, edges: Iterable[LineageEdge]) -> list[dict[str, Any]]:
    """A version's edges in the words of a question; what the files do not say counts as fine-tuning."""
    return [
        {
            "model": model,
            "relation": None if edge.relation == Relation.UNSTATED else edge.relation,
            "parents": [edge.base_model],
            "teacher": None,
        }
        for edge in edges
    ]


def _add_ancestors(known: dict[str, tuple[str, ...]], entries: list[dict[str, Any]]) -> None:
    parents = {parent for entry in entries for parent in entry["parents"]} - set(known)
    _follow(parents, known=known, entries=entries, revisions={})


def _follow(
    names: set[str],
    *,
    known: dict[str, tuple[str, ...]],
    entries: list[dict[str, Any]],
    revisions: Mapping[str, str],
) -> None:
    """Add what the registry knows of these models and of those behind them, a generation at a time."""
    for _ in range(MAX_GENERATIONS):
        versions = _registered(names, revisions=revisions)
        known |= {name: concluded(version.license_findings.all()) for name, version in versions.items()}
        found = [
            entry for name, version in versions.items() for entry in _entries(name, version.lineage.all())
        ]
        entries += found
        names = {parent for entry in found for parent in entry["parents"]} - set(known)
        if not names:
            return


def _registered(names: set[str], *, revisions: Mapping[str, str]) -> dict[str, ModelVersion]:
    """The version that stands for each registered model: the one named, else the one resolved last."""
    if not names:
        return {}
    publishers = {name.partition("/")[0] for name in names}
    rows = (
        ModelVersion.objects.filter(manifest_digest__isnull=False, registered_model__publisher__in=publishers)
        .filter(registered_model__name__in={name.partition("/")[2] for name in names})
        .select_related("registered_model")
        .prefetch_related("license_findings", "lineage")
        .order_by("resolved_at", "pk")
    )
    found: dict[str, ModelVersion] = {}
    for row in rows:
        name = str(row.registered_model)
        if name in names and revisions.get(name, row.revision) == row.revision:
            found[name] = row
    return found
