"""The question of an evaluation: parsed from JSON, refused when anything in it is not understood. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any

from governance.fields import Fields, InvalidField
from registry.licensing import facts, names
from registry.licensing.facts import DerivativePlan, OrgFacts, UseFacts
from registry.licensing.repositories import ANY, Revision
from registry.licensing.terms import Relation

# A lineage may have so many entries, and name so many models and edges among them.
MAX_ENTRIES = 2_000
MAX_MODELS = 4_000
MAX_EDGES = 20_000
# No model of today is older.
FIRST_DAY = date(2000, 1, 1)


class InvalidRequest(InvalidField):
    """The question has an unknown field, a wrong type or an impossible value."""

    code = "invalid_request"


@dataclass(frozen=True)
class Declared:
    """What a model card says of its license and its parents."""

    licenses: tuple[str, ...] = ()
    license_name: str | None = None
    license_link: str | None = None
    base_models: tuple[str, ...] = ()
    relation: Relation | None = None


@dataclass(frozen=True)
class LineageEntry:
    """How one model was made: from which parents, with which teachers; and what else is known or asked about it.

    `concluded_by` says that a person concluded the licenses which the registry has for it; `hints` are open questions.
    """

    model: str
    relation: Relation | None
    parents: tuple[str, ...]
    teachers: tuple[str, ...]
    revision: Revision = ANY
    hints: tuple[str, ...] = ()
    concluded_by: str | None = None


@dataclass(frozen=True)
class EvaluationRequest:
    """The question whether the organisation may use this model, on this date, in this way.

    `known` is what the registry has concluded about models, by name; it comes from the caller, never from JSON.
    """

    model: str | None
    evaluation_date: date
    revision: str | None = None
    revision_date: date | None = None
    licenses: tuple[str, ...] | None = None
    declared: Declared = field(default_factory=Declared)
    lineage: tuple[LineageEntry, ...] = ()
    org: OrgFacts = field(default_factory=OrgFacts)
    use: UseFacts = field(default_factory=UseFacts)
    derivative: DerivativePlan = field(default_factory=DerivativePlan)
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def known_of(self, model: str) -> tuple[str, ...]:
        """Return what the registry has concluded about a model, in whatever letter case it names it."""
        return self._known.get(model.casefold(), ())

    def spelled(self, name: str) -> str:
        """Return a name as the question spells it."""
        return self._spellings.get(name.casefold(), name)

    def revision_of(self, model: str) -> Revision:
        """Return the state of a model that is meant, as far as the question says; entries that disagree say nothing."""
        stated = {entry.revision for entry in self._about.get(model, ()) if entry.revision != ANY}
        if model == self.model and (self.revision or self.revision_date):
            stated.add(Revision(self.revision, self.revision_date))
        commits = {item.commit for item in stated if item.commit}
        days = {item.day for item in stated if item.day}
        return Revision(commits.pop() if len(commits) == 1 else None, days.pop() if len(days) == 1 else None)

    def concluder_of(self, model: str) -> str | None:
        """Return who concluded the licenses that the registry has for a model, where a person did."""
        return next((entry.concluded_by for entry in self._about.get(model, ()) if entry.concluded_by), None)

    def hints_of(self, model: str) -> tuple[str, ...]:
        """Return the open questions about how a model was made."""
        return tuple(sorted({hint for entry in self._about.get(model, ()) for hint in entry.hints}))

    @cached_property
    def _known(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for name, licenses in sorted(self.known.items()):
            found[name.casefold()] = tuple(sorted({*found.get(name.casefold(), ()), *licenses}))
        return found

    @cached_property
    def _spellings(self) -> Mapping[str, str]:
        return names.spellings(self.model, _names(self))

    @cached_property
    def _about(self) -> Mapping[str, Sequence[LineageEntry]]:
        found: dict[str, list[LineageEntry]] = defaultdict(list)
        for entry in self.lineage:
            found[entry.model].append(entry)
        return found


def parse_request(value: Any, *, today: date | None = None) -> EvaluationRequest:
    """Return a question from parsed JSON; `today` stands in for a missing date and bounds a given one."""
    fields = Fields(value, problem=InvalidRequest)
    on = fields.date_or_none("evaluation_date") or today
    if on is None:
        raise fields.fail("evaluation_date", "is required")
    if today is not None and on > today:
        raise fields.fail("evaluation_date", "lies in the future")
    if on < FIRST_DAY:
        raise fields.fail("evaluation_date", f"lies before {FIRST_DAY}")
    request = EvaluationRequest(
        model=_model_name(fields) if fields.has("model") else None,
        evaluation_date=on,
        revision=fields.text_or_none("revision"),
        revision_date=fields.date_or_none("revision_date"),
        licenses=fields.texts_or_none("licenses"),
        declared=parse_declared(fields.table("declared_metadata")),
        lineage=tuple(_entry(item) for item in fields.tables("lineage")),
        org=facts.parse_org(fields.raw("org"), on=on),
        use=facts.parse_use(fields.raw("use")),
        derivative=facts.parse_derivative(fields.raw("derivative")),
    )
    fields.done()
    _check_bounds(request, fields)
    if request.model is None and not request.licenses:
        raise fields.fail("model", "is required when no licenses are given")
    return _in_one_spelling(request)


def _model_name(fields: Fields) -> str:
    name = fields.text("model")
    if not names.is_plain(name):
        raise fields.fail("model", "must be the bare name, `publisher/name`, without address or revision")
    return name


def _names(request: EvaluationRequest) -> Iterator[str]:
    """Every name of a model that the question has, besides the one that is asked about."""
    yield from request.declared.base_models
    yield from request.derivative.base_models
    for entry in request.lineage:
        yield from (entry.model, *entry.parents, *entry.teachers)


def _in_one_spelling(request: EvaluationRequest) -> EvaluationRequest:
    """Return the question with every model under one spelling: an entry about another spelling is about the model."""

    def spelled(found: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(request.spelled(name) for name in found))

    lineage = (
        replace(
            entry,
            model=request.spelled(entry.model),
            parents=spelled(entry.parents),
            teachers=spelled(entry.teachers),
        )
        for entry in request.lineage
    )
    declared = replace(request.declared, base_models=spelled(request.declared.base_models))
    return replace(request, lineage=tuple(lineage), declared=declared)


def _check_bounds(request: EvaluationRequest, fields: Fields) -> None:
    edges = [(entry.model, name) for entry in request.lineage for name in (*entry.parents, *entry.teachers)]
    models = {name for edge in edges for name in edge} | set(request.declared.base_models)
    planned = {name.split("@", 1)[0] for name in request.derivative.base_models}
    for reserved in sorted(names.RESERVED & (models | planned)):
        raise fields.fail("lineage", f"{reserved} names no model")
    for count, limit, what in (
        (len(request.lineage), MAX_ENTRIES, "entries"),
        (len(models), MAX_MODELS, "models"),
        (len(edges), MAX_EDGES, "parents and teachers"),
    ):
        if count > limit:
            raise fields.fail("lineage", f"has more than {limit} {what}")


def parse_declared(fields: Fields) -> Declared:
    """Return the license keys of a model card; `license` and `base_model` may be one text or a list."""
    declared = Declared(
        licenses=_one_or_many(fields, "license"),
        license_name=fields.text_or_none("license_name"),
        license_link=fields.text_or_none("license_link"),
        base_models=_one_or_many(fields, "base_model"),
        relation=facts.relation_or_none(fields, "base_model_relation"),
    )
    fields.done()
    return declared


def _entry(fields: Fields) -> LineageEntry:
    entry = LineageEntry(
        model=_model_name(fields),
        relation=facts.relation_or_none(fields, "relation"),
        parents=fields.texts("parents"),
        teachers=_one_or_many(fields, "teacher"),
        revision=Revision(fields.text_or_none("revision"), fields.date_or_none("revision_date")),
        hints=fields.texts("hints"),
        concluded_by=fields.text_or_none("concluded_by"),
    )
    fields.done()
    return entry


def _one_or_many(fields: Fields, key: str) -> tuple[str, ...]:
    if isinstance(fields.raw(key), str):
        return (fields.text(key),)
    return fields.texts(key)
