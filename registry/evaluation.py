"""The licence question of a version, from what the registry knows, and its answer; writes nothing."""

import dataclasses
import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Q
from modelcustody_client import canonical

from registry.description import license_catalog
from registry.licensing import catalog, evaluate, facts, request
from registry.models import (
    FindingKind,
    LicenseFinding,
    LineageEdge,
    ModelVersion,
    OrganizationProfile,
    Relation,
    ServingEnvironment,
)

# How far behind a model its ancestors are followed; a longer line ends with an ancestor of unknown licence.
MAX_GENERATIONS = 16
# Several licenses at once are written with AND.
CONJUNCTION = re.compile(r"\s+AND\s+|,\s*")


@dataclasses.dataclass(frozen=True)
class Registered:
    """What the registry knows of a model: the licences it was concluded to be under, and its own lineage."""

    licenses: tuple[str, ...]
    entries: list[dict[str, Any]]


# What a version says of itself: its licences, and its edges to ancestors.
Written = tuple[tuple[str, ...], tuple[LineageEdge, ...]]
# What is known of those of the models that are registered.
LookUp = Callable[[set[str]], Mapping[str, Registered]]


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A question and its answer, as they are stored."""

    request: dict[str, Any]
    result: dict[str, Any]
    organization: OrganizationProfile | None

    @property
    def verdict(self) -> str:
        """The verdict's word."""
        return str(self.result["verdict"])

    @functools.cached_property
    def evaluation_digest(self) -> str:
        """The name of question and answer together."""
        content = canonical.dumps({"request": self.request, "result": self.result})
        return f"sha256:{hashlib.sha256(content).hexdigest()}"


def judge(
    *,
    version: ModelVersion,
    environment: ServingEnvironment,
    organization: OrganizationProfile | None,
    on: date,
) -> Judgement:
    """Ask whether the organisation may use this version there, on this day."""
    model = str(version.registered_model)
    licenses, edges = _written(version.pk)
    known, entries = {model: licenses}, entries_of(model, edges)
    follow(parents_of(entries) - set(known), known=known, entries=entries, look_up=_registered)
    asking = Asking(organization=organization, on=on, catalog=license_catalog())
    return asking.judge(version, environment, known=known, entries=entries)


class Asking:
    """Questions of one organisation on one day, against one catalogue; facts are parsed once for all of them."""

    def __init__(
        self, *, organization: OrganizationProfile | None, on: date, catalog: catalog.Catalog
    ) -> None:
        self._organization, self._on, self._catalog = organization, on, catalog
        self._org: dict[str, Any] = organization.facts if organization else {}
        self._parsed_org = facts.parse_org(self._org, on=on)
        self._parsed_use: dict[int, facts.UseFacts] = {}

    def judge(
        self,
        version: ModelVersion,
        environment: ServingEnvironment,
        *,
        known: Mapping[str, tuple[str, ...]],
        entries: list[dict[str, Any]],
    ) -> Judgement:
        """The verdict on one version, from its lineage and what the registry concluded about it."""
        question: dict[str, Any] = {
            "model": str(version.registered_model),
            "revision": version.revision,
            "lineage": entries,
            "evaluation_date": self._on.isoformat(),
        }
        parsed = dataclasses.replace(
            request.parse_request(question, today=self._on),
            org=self._parsed_org,
            use=self._use(environment),
            known=known,
        )
        result = evaluate.evaluate(parsed, self._catalog).to_json()
        listed = {name: list(ids) for name, ids in sorted(known.items())}
        stored = {**question, "org": self._org, "use": environment.use, "known": listed}
        return Judgement(stored, result, self._organization)

    def _use(self, environment: ServingEnvironment) -> facts.UseFacts:
        if environment.pk not in self._parsed_use:
            self._parsed_use[environment.pk] = facts.parse_use(environment.use)
        return self._parsed_use[environment.pk]


def answer(
    question: Mapping[str, Any], *, known: Mapping[str, tuple[str, ...]], today: date
) -> dict[str, Any]:
    """The answer to a question in the vocabulary of the REST interface."""
    parsed = dataclasses.replace(request.parse_request(question, today=today), known=known)
    return evaluate.evaluate(parsed, license_catalog()).to_json()


def answer_with_registry(question: Mapping[str, Any], *, today: date) -> dict[str, Any]:
    """The same, with what this registry concluded about the models that the question names."""
    parsed = request.parse_request(question, today=today)
    named = {parsed.model, *parsed.declared.base_models}
    for entry in parsed.lineage:
        named.update((entry.model, *entry.parents, *entry.teachers))
    revisions = {parsed.model: parsed.revision} if parsed.model and parsed.revision else {}
    known: dict[str, tuple[str, ...]] = {}
    entries: list[dict[str, Any]] = []
    follow(
        {name for name in named if name},
        known=known,
        entries=entries,
        look_up=lambda names: registered(names, revisions=revisions),
    )
    extended = {**question, "lineage": [*(question.get("lineage") or []), *entries]}
    return answer(extended, known=known, today=today)


def concluded(findings: Iterable[LicenseFinding]) -> tuple[str, ...]:
    """The licenses that a version was concluded to be under."""
    for finding in findings:
        if finding.kind == FindingKind.CONCLUDED:
            return tuple(CONJUNCTION.split(finding.license_id))
    return (catalog.UNKNOWN,)


@functools.lru_cache(maxsize=512)
def _written(version_id: int) -> Written:
    """Licences and ancestors of a resolved version: written once with it, so they are remembered."""
    return written([version_id])[version_id]


def written(version_ids: Sequence[int]) -> dict[int, Written]:
    """Licences and ancestors of each version, as its files were found to say."""
    findings: dict[int, list[LicenseFinding]] = {key: [] for key in version_ids}
    edges: dict[int, list[LineageEdge]] = {key: [] for key in version_ids}
    for finding in LicenseFinding.objects.filter(version_id__in=version_ids):
        findings[finding.version_id].append(finding)
    for edge in LineageEdge.objects.filter(version_id__in=version_ids).order_by("pk"):
        edges[edge.version_id].append(edge)
    return {key: (concluded(findings[key]), tuple(edges[key])) for key in version_ids}


def entries_of(model: str, edges: Iterable[LineageEdge]) -> list[dict[str, Any]]:
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


def parents_of(entries: Iterable[Mapping[str, Any]]) -> set[str]:
    """The models that the entries name as parents."""
    return {parent for entry in entries for parent in entry["parents"]}


def follow(
    names: set[str], *, known: dict[str, tuple[str, ...]], entries: list[dict[str, Any]], look_up: LookUp
) -> None:
    """Add what the registry knows of these models and of those behind them, a generation at a time."""
    for _ in range(MAX_GENERATIONS):
        found = look_up(names)
        known |= {name: model.licenses for name, model in found.items()}
        further = [entry for model in found.values() for entry in model.entries]
        entries += further
        names = parents_of(further) - set(known)
        if not names:
            return


def _registered(names: set[str]) -> dict[str, Registered]:
    return registered(names, revisions={})


def registered(names: Iterable[str], *, revisions: Mapping[str, str]) -> dict[str, Registered]:
    """What is known of each registered model, from the version named, else from the one resolved last."""
    names = set(names)
    if not names:
        return {}
    rows = ModelVersion.objects.filter(
        manifest_digest__isnull=False,
        registered_model__publisher__in={name.partition("/")[0] for name in names},
        registered_model__name__in={name.partition("/")[2] for name in names},
    )
    for name, revision in revisions.items():
        publisher, _, short = name.partition("/")
        of_model = Q(registered_model__publisher=publisher, registered_model__name=short)
        rows = rows.filter(~of_model | Q(revision=revision))
    newest = (
        rows.select_related("registered_model")
        .prefetch_related("license_findings", "lineage")
        .order_by("registered_model_id", "-resolved_at", "-pk")
        .distinct("registered_model_id")
    )
    found = {str(row.registered_model): row for row in newest}
    return {
        name: Registered(concluded(row.license_findings.all()), entries_of(name, row.lineage.all()))
        for name, row in sorted(found.items())
        if name in names
    }
