"""The licence question of a version, from what the registry knows, and its answer; writes nothing."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from django.db.models import QuerySet
from modelcustody_client import canonical

from registry import background, catalogs
from registry.attestations import FactsInForce
from registry.background import Background
from registry.licensing import evaluate, facts, request
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
NONE: Mapping[str, str] = MappingProxyType({})
# What is known of those of the models that are registered, at the revisions that some of them are pinned to.
LookUp = Callable[[set[str], Mapping[str, str]], Mapping[str, Background]]


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A question and its answer, as they are stored."""

    request: dict[str, Any]
    result: dict[str, Any]
    organization: FactsInForce | None

    @property
    def verdict(self) -> str:
        """The verdict's word."""
        return str(self.result["verdict"])

    @functools.cached_property
    def evaluation_digest(self) -> str:
        """The name of question and answer together."""
        return canonical.digest({"request": self.request, "result": self.result})


def judge(
    *,
    version: ModelVersion,
    environment: ServingEnvironment,
    organization: FactsInForce | None,
    on: date,
    terms: Catalog | None = None,
) -> Judgement:
    """Ask whether the organisation may use this version there, on this day; by default, by the terms in force."""
    asking = Asking(organization=organization, on=on, terms=terms or catalogs.current())
    return asking.judge(environment, *background_of(version))


class Asking:
    """Questions of one organisation on one day, by one catalogue; its facts are read once for all of them."""

    def __init__(self, *, organization: FactsInForce | None, on: date, terms: Catalog) -> None:
        self._organization, self._on, self._terms = organization, on, terms
        self._org = dict(organization.facts) if organization else {}
        self._attestations = organization.attestations if organization else {}
        self._parsed_org = facts.parse_org(self._org, on=on)
        self._parsed_use: dict[int, facts.UseFacts] = {}

    def judge(
        self,
        environment: ServingEnvironment,
        background: Mapping[str, Any],
        known: Mapping[str, tuple[str, ...]],
    ) -> Judgement:
        """The verdict on one version, from what `background_of` says of it."""
        question = {**background, "evaluation_date": self._on.isoformat()}
        parsed = dataclasses.replace(
            request.parse_request(question, today=self._on),
            org=self._parsed_org,
            use=self._use(environment),
            known=known,
        )
        result = evaluate.evaluate(parsed, self._terms).to_json()
        stored = {
            **question,
            "org": self._org,
            "use": environment.use,
            "known": {name: list(ids) for name, ids in sorted(known.items())},
            "attestations": self._attestations,
        }
        return Judgement(stored, result, self._organization)

    def _use(self, environment: ServingEnvironment) -> facts.UseFacts:
        if environment.pk not in self._parsed_use:
            self._parsed_use[environment.pk] = facts.parse_use(environment.use)
        return self._parsed_use[environment.pk]


def judge_shared(*, version: ModelVersion, on: date) -> dict[str, Any]:
    """The answer for a model that is handed on to others, whoever the organisation is: what must go with it."""
    background, known = background_of(version)
    is_derived = any(entry["parents"] for entry in background["lineage"])
    use = {"distribute_weights": True, "distribute_derivative": is_derived}
    return answer({**background, "evaluation_date": on.isoformat(), "use": use}, known=known, today=on)


def background_of(
    version: ModelVersion, *, own: Background | None = None, look_up: LookUp | None = None
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """What a question says of a version itself, and what the registry concluded of it and of those behind it.

    Whoever asks about many versions brings what it has read of them, and where to look up those behind them.
    """
    model = str(version.registered_model)
    found = own or background.current(version)
    known, entries = {model: found.licenses}, list(found.entries)
    parents = {parent for entry in entries for parent in entry["parents"]} - set(known)
    _follow(parents, known=known, entries=entries, look_up=look_up or _registered)
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
    _follow(
        {name for name in named if name},
        known=known,
        entries=entries,
        look_up=functools.partial(_registered, revisions=revisions),
    )
    extended = {**question, "lineage": [*(question.get("lineage") or []), *entries]}
    return answer(extended, known=known, today=today)


def _follow(
    names: set[str],
    *,
    known: dict[str, tuple[str, ...]],
    entries: list[dict[str, Any]],
    look_up: LookUp,
) -> None:
    """Add what the registry knows of these models and of those behind them, a generation at a time."""
    for _ in range(MAX_GENERATIONS):
        grounds = look_up(names, pins_of(entries))
        found = [entry for ground in grounds.values() for entry in ground.entries]
        if len(entries) + len(found) > MAX_ENTRIES:
            break
        known |= {name: ground.licenses for name, ground in grounds.items()}
        entries += found
        names = {parent for entry in found for parent in entry["parents"]} - set(known)
        if not names:
            return
    left = sorted(names)[:MAX_ENTRIES_LEFT]
    entries += [
        {"model": name, "relation": None, "parents": [], "teacher": None, "hints": [NOT_FOLLOWED]}
        for name in left
    ]


def pins_of(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The revisions of models that the entries name."""
    return {entry["model"]: entry["revision"] for entry in entries if "revision" in entry}


def _registered(
    names: set[str], pins: Mapping[str, str], *, revisions: Mapping[str, str] = NONE
) -> dict[str, Background]:
    """The version that stands for each registered model: as asked for, else as a child names it, else the newest."""
    if not names:
        return {}
    rows = of_models(names).order_by("resolved_at", "pk")
    found: dict[str, ModelVersion] = {}
    for row in rows:
        name = str(row.registered_model)
        is_pinned = name in found and found[name].revision == pins.get(name) is not None
        if name in names and revisions.get(name, row.revision) == row.revision and not is_pinned:
            found[name] = row
    read = background.of_many([version.pk for version in found.values()])
    return {name: read[version.pk] for name, version in sorted(found.items())}


def of_models(names: Iterable[str]) -> QuerySet[ModelVersion]:
    """The resolved versions of these models, and perhaps of some with similar names."""
    split = [name.partition("/") for name in names]
    return (
        ModelVersion.objects.filter(manifest_digest__isnull=False)
        .filter(registered_model__publisher__in={publisher for publisher, _, _ in split})
        .filter(registered_model__name__in={name for _, _, name in split})
        .select_related("registered_model")
        .defer("card")
    )
