"""What a model was made from, and which licenses reach it through that. Pure."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from registry.licensing import detect
from registry.licensing.catalog import Catalog
from registry.licensing.request import Declared, EvaluationRequest, LineageEntry
from registry.licensing.terms import License, Relation, Scope

THIS_MODEL = "(this model)"
PLANNED = "(planned derivative)"


@dataclass(frozen=True)
class Edge:
    """The child was made from the parent."""

    child: str
    parent: str
    relation: Relation


@dataclass(frozen=True)
class Burden:
    """How far one license reaches into the model, and from which models it comes."""

    license: str
    scope: Scope
    models: tuple[str, ...]
    # Whether it came through a teacher anywhere.
    learned: bool


@dataclass(frozen=True)
class Ancestry:
    """The models behind a model: every one reachable, the edges among them, and those that form cycles."""

    roots: tuple[str, ...]
    models: tuple[str, ...]
    edges: tuple[Edge, ...]
    cycles: tuple[str, ...]


def subject(request: EvaluationRequest) -> str:
    """Return the name of the model that is asked about."""
    return request.model or THIS_MODEL


def trace(request: EvaluationRequest, catalog: Catalog) -> Ancestry:
    """Everything behind the model and behind the derivative that is planned from it, as stated or known."""
    model = subject(request)
    edges = set(_declared(model, request.declared))
    for entry in request.lineage:
        edges.update(_entry(entry))
    planned = set(_planned(model, request))
    roots = (model, PLANNED) if planned else (model,)
    return _reachable(roots, edges | planned, catalog)


def _declared(model: str, declared: Declared) -> Iterable[Edge]:
    for base in declared.base_models:
        yield Edge(model, base, declared.relation or Relation.FINETUNE)


def _entry(entry: LineageEntry) -> Iterable[Edge]:
    """Parents give weights and teachers give behaviour; a learned relation without a teacher learned from its parents."""
    relation = entry.relation or Relation.FINETUNE
    taught = relation if relation.is_learned else Relation.SYNTHETIC_OUTPUTS
    given = Relation.FINETUNE if relation.is_learned and entry.teachers else relation
    for parent in entry.parents:
        yield Edge(entry.model, parent, given)
    for teacher in entry.teachers:
        yield Edge(entry.model, teacher, taught)


def _planned(model: str, request: EvaluationRequest) -> Iterable[Edge]:
    plan = request.derivative
    if not plan.is_planned:
        return
    relation = plan.relation or Relation.FINETUNE
    yield Edge(PLANNED, model, relation)
    for base in plan.base_models:
        name = base.split("@", 1)[0]
        if name != model:
            yield Edge(PLANNED, name, Relation.FINETUNE if relation.is_learned else relation)


def _reachable(roots: Sequence[str], stated: Iterable[Edge], catalog: Catalog) -> Ancestry:
    behind: dict[str, set[Edge]] = defaultdict(set)
    for edge in stated:
        behind[edge.child].add(edge)
    found, waiting = set(roots), deque(roots)
    while waiting:
        model = waiting.popleft()
        for base in detect.repository_bases(model, catalog):
            behind[model].add(Edge(model, base, Relation.FINETUNE))
        for parent in {edge.parent for edge in behind[model]} - found:
            found.add(parent)
            waiting.append(parent)
    inner = sorted(
        (edge for model in found for edge in behind[model]),
        key=lambda edge: (edge.child, edge.parent, edge.relation),
    )
    return Ancestry(tuple(roots), tuple(sorted(found)), tuple(inner), _cycles(found, inner))


def _cycles(models: set[str], edges: Sequence[Edge]) -> tuple[str, ...]:
    """Return the models that remain when those without parents, then those without children, are taken away in turn."""
    left = _peel(models, [(edge.child, edge.parent) for edge in edges])
    return tuple(sorted(_peel(left, [(edge.parent, edge.child) for edge in edges])))


def _peel(models: set[str], pairs: Sequence[tuple[str, str]]) -> set[str]:
    needs: dict[str, set[str]] = {model: set() for model in models}
    users: dict[str, set[str]] = defaultdict(set)
    for child, parent in pairs:
        if child in models and parent in models:
            needs[child].add(parent)
            users[parent].add(child)
    free = deque(model for model, parents in needs.items() if not parents)
    while free:
        done = free.popleft()
        for child in users[done]:
            needs[child].discard(done)
            if not needs[child]:
                free.append(child)
        del needs[done]
    return set(needs)


def burdens(ancestry: Ancestry, own: Mapping[str, Sequence[str]], catalog: Catalog) -> tuple[Burden, ...]:
    """Every license that reaches the model, as far as it reaches, in the order of their ids."""
    owners: dict[str, list[str]] = defaultdict(list)
    for model in ancestry.models:
        for license_id in own.get(model, ()):
            owners[license_id].append(model)
    children: dict[str, list[Edge]] = defaultdict(list)
    for edge in ancestry.edges:
        children[edge.parent].append(edge)
    weights = _given_weights(ancestry, own)
    found = []
    for license_id in sorted(owners):
        reach = _spread(catalog.get(license_id), owners[license_id], children, weights)
        scope = max(
            (reach.get(root, Scope.NOT_COVERED) for root in ancestry.roots), key=lambda item: item.rank
        )
        if scope is not Scope.NOT_COVERED:
            learned = _through_teacher(owners[license_id], children)
            found.append(Burden(license_id, scope, tuple(owners[license_id]), learned))
    return tuple(found)


def _spread(
    terms: License,
    owners: Sequence[str],
    children: Mapping[str, Sequence[Edge]],
    weights: Mapping[str, frozenset[str]],
) -> dict[str, Scope]:
    """How far a license reaches into every model below its owners; repeated until nothing grows."""
    reach = dict.fromkeys(owners, Scope.COVERED)
    waiting = deque(owners)
    while waiting:
        parent = waiting.popleft()
        for edge in children.get(parent, ()):
            scope = _through(reach[parent], _step(terms, edge, weights))
            if scope.rank > reach.get(edge.child, Scope.NOT_COVERED).rank:
                reach[edge.child] = scope
                waiting.append(edge.child)
    return reach


def _through_teacher(owners: Sequence[str], children: Mapping[str, Sequence[Edge]]) -> bool:
    """Whether some model below the owners learned from a teacher that carries their license."""
    seen, waiting = set(owners), deque(owners)
    while waiting:
        for edge in children.get(waiting.popleft(), ()):
            if edge.relation.is_learned:
                return True
            if edge.child not in seen:
                seen.add(edge.child)
                waiting.append(edge.child)
    return False


def _step(terms: License, edge: Edge, weights: Mapping[str, frozenset[str]]) -> Scope:
    """Return the scope of one relation; a ban on students spares the students that the license names."""
    scope = terms.scope[edge.relation]
    if scope is Scope.PROHIBITED and weights.get(edge.child, frozenset()) & set(terms.student_exceptions):
        return Scope.COVERED
    return scope


def _through(parent: Scope, step: Scope) -> Scope:
    """Return what a child inherits: a doubt or a breach stays; otherwise the narrower of the two, unless the step is worse."""
    if parent.rank >= Scope.NEEDS_REVIEW.rank:
        return max(parent, step, key=lambda scope: scope.rank)
    if step.rank >= Scope.NEEDS_REVIEW.rank:
        return step
    return min(parent, step, key=lambda scope: scope.rank)


def _given_weights(ancestry: Ancestry, own: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str]]:
    """Return the licenses of the models whose weights went into each model that has a teacher."""
    parents: dict[str, list[str]] = defaultdict(list)
    for edge in ancestry.edges:
        if not edge.relation.is_learned:
            parents[edge.child].append(edge.parent)
    students = {edge.child for edge in ancestry.edges if edge.relation.is_learned}
    return {student: _licenses_above(student, parents, own) for student in students}


def _licenses_above(
    student: str, parents: Mapping[str, Sequence[str]], own: Mapping[str, Sequence[str]]
) -> frozenset[str]:
    """Return the licenses of a student's ancestors; what the student says of itself proves nothing."""
    found: set[str] = set()
    waiting = deque([student])
    while waiting:
        for parent in parents.get(waiting.popleft(), ()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return frozenset(license_id for model in found - {student} for license_id in own.get(model, ()))
