"""The licence question of a version, from what the registry knows, and its answer; writes nothing."""

import dataclasses
import hashlib
from collections.abc import Mapping
from datetime import date
from typing import Any

from modelcustody_client import canonical

from registry import background, catalogs
from registry.attestations import FactsInForce
from registry.licensing import evaluate, request
from registry.licensing.catalog import Catalog
from registry.models import (
    ModelVersion,
    ServingEnvironment,
)

# How far behind a model its ancestors are followed; a longer line ends with an ancestor of unknown licence.
MAX_GENERATIONS = 16
# So many entries of ancestors make up a question; what lies behind them stays open, and says so.
MAX_ENTRIES, MAX_ENTRIES_LEFT = 1_500, 400
NOT_FOLLOWED = "the line of its ancestors is too long, and was not followed further"


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


def judge_shared(*, version: ModelVersion, on: date) -> dict[str, Any]:
    """The answer for a model that is handed on to others, whoever the organisation is: what must go with it."""
    background, known = background_of(version)
    use = {"distribute_weights": True, "distribute_derivative": bool(background["lineage"])}
    return answer({**background, "evaluation_date": on.isoformat(), "use": use}, known=known, today=on)


def background_of(version: ModelVersion) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """What a question says of a version itself, and what the registry concluded of it and of those behind it."""
    model = str(version.registered_model)
    found = background.current(version)
    known, entries = {model: found.licenses}, list(found.entries)
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
    if any(entry.concluded_by for entry in parsed.lineage):
        raise request.InvalidRequest("lineage", "only the registry says who concluded what")
    named = {parsed.model, *parsed.declared.base_models}
    for entry in parsed.lineage:
        named.update((entry.model, *entry.parents, *entry.teachers))
    revisions = {parsed.model: parsed.revision} if parsed.model and parsed.revision else {}
    known: dict[str, tuple[str, ...]] = {}
    entries: list[dict[str, Any]] = []
    _follow({name for name in named if name}, known=known, entries=entries, revisions=revisions)
    extended = {**question, "lineage": [*(question.get("lineage") or []), *entries]}
    return answer(extended, known=known, today=today)


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
        pins = {entry["model"]: entry["revision"] for entry in entries if "revision" in entry}
        versions = _registered(names, revisions=revisions, pins=pins)
        read = background.of_many([version.pk for version in versions.values()])
        grounds = {name: read[version.pk] for name, version in versions.items()}
        found = [entry for ground in grounds.values() for entry in ground.entries]
        if len(entries) + len(found) > MAX_ENTRIES:
            break
        known |= {name: ground.licenses for name, ground in grounds.items()}
        entries += found
        names = {parent for entry in found for parent in entry["parents"]} - set(known)
        if not names:
            return
    entries += [{"model": name, "hints": [NOT_FOLLOWED]} for name in sorted(names)[:MAX_ENTRIES_LEFT]]


def _registered(
    names: set[str], *, revisions: Mapping[str, str], pins: Mapping[str, str]
) -> dict[str, ModelVersion]:
    """The version that stands for each registered model: as asked for, else as a child names it, else the newest."""
    if not names:
        return {}
    publishers = {name.partition("/")[0] for name in names}
    rows = (
        ModelVersion.objects.filter(manifest_digest__isnull=False, registered_model__publisher__in=publishers)
        .filter(registered_model__name__in={name.partition("/")[2] for name in names})
        .select_related("registered_model")
        .order_by("resolved_at", "pk")
    )
    found: dict[str, ModelVersion] = {}
    for row in rows:
        name = str(row.registered_model)
        is_pinned = name in found and found[name].revision == pins.get(name) is not None
        if name in names and revisions.get(name, row.revision) == row.revision and not is_pinned:
            found[name] = row
    return found
