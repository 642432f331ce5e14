"""How far each license reaches through a lineage: from the models that are under it to those made from them. Pure."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from registry.licensing.catalog import Catalog
from registry.licensing.lineage import Ancestry, Edge
from registry.licensing.terms import License, Scope

Owners = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Burden:
    """How far one license reaches into the model, and from which models it comes."""

    license: str
    scope: Scope
    models: tuple[str, ...]
    # Whether it came through a teacher anywhere.
    learned: bool


@dataclass(frozen=True)
class Reach:
    """The licenses that reach the model, in the order of their ids, and those that others impose on each model."""

    burdens: tuple[Burden, ...]
    # Model -> license that it is not itself under -> a model under that license, from which it comes.
    imposed: Mapping[str, Mapping[str, str]]


@dataclass
class _Spread:
    """How far one license reaches into each model, and from which parent it came."""

    reach: dict[str, Scope]
    came_from: dict[str, str] = field(default_factory=dict)


def reach(ancestry: Ancestry, own: Owners, catalog: Catalog) -> Reach:
    """Spread every license from the models that are under it over those made from them."""
    owners: dict[str, list[str]] = defaultdict(list)
    for model in ancestry.models:
        for license_id in own.get(model, ()):
            owners[license_id].append(model)
    children, parents = _both_ways(ancestry.edges)
    weights = _given_weights(ancestry, own)
    burdens: list[Burden] = []
    imposed: dict[str, dict[str, str]] = defaultdict(dict)
    for license_id in sorted(owners):
        terms = catalog.get(license_id)
        spread = _spread(terms, owners[license_id], children, weights)
        for model, source in _sources(spread, set(owners[license_id])).items():
            imposed[model][license_id] = source
        scope = max(
            (spread.reach.get(root, Scope.NOT_COVERED) for root in ancestry.roots), key=lambda item: item.rank
        )
        if scope is not Scope.NOT_COVERED:
            carriers, learned = _carriers(terms, ancestry.roots, owners[license_id], parents, weights)
            burdens.append(Burden(license_id, scope, carriers, learned))
    return Reach(tuple(burdens), imposed)


def _both_ways(edges: Iterable[Edge]) -> tuple[dict[str, list[Edge]], dict[str, list[Edge]]]:
    children: dict[str, list[Edge]] = defaultdict(list)
    parents: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        children[edge.parent].append(edge)
        parents[edge.child].append(edge)
    return children, parents


def _spread(
    terms: License,
    owners: Sequence[str],
    children: Mapping[str, Sequence[Edge]],
    weights: Mapping[str, frozenset[str]],
) -> _Spread:
    """How far a license reaches into every model below its owners; repeated until nothing grows."""
    found = _Spread(dict.fromkeys(owners, Scope.COVERED))
    waiting = deque(owners)
    while waiting:
        parent = waiting.popleft()
        for edge in children.get(parent, ()):
            scope = _through(found.reach[parent], _step(terms, edge, weights))
            if scope.rank > found.reach.get(edge.child, Scope.NOT_COVERED).rank:
                found.reach[edge.child] = scope
                found.came_from.setdefault(edge.child, parent)
                waiting.append(edge.child)
    return found


def _sources(spread: _Spread, owners: set[str]) -> dict[str, str]:
    """For each model that a license reaches without being its own: the nearest owner it was seen to come from."""
    source = {owner: owner for owner in owners}
    for model in spread.came_from:  # in the order in which the license arrived: a parent before its children
        if model not in owners:
            source[model] = source[spread.came_from[model]]
    return {model: owner for model, owner in source.items() if model not in owners}


def _carriers(
    terms: License,
    roots: Iterable[str],
    owners: Iterable[str],
    parents: Mapping[str, Sequence[Edge]],
    weights: Mapping[str, frozenset[str]],
) -> tuple[tuple[str, ...], bool]:
    """The owners from which the license arrives, seen from below, and whether it passes a teacher on the way."""
    seen = {(root, False) for root in roots}
    waiting = deque(seen)
    while waiting:
        model, learned = waiting.popleft()
        for edge in parents.get(model, ()):
            state = (edge.parent, learned or edge.relation.is_learned)
            if state not in seen and _step(terms, edge, weights) is not Scope.NOT_COVERED:
                seen.add(state)
                waiting.append(state)
    carriers = sorted({model for model, _ in seen} & set(owners))
    return tuple(carriers), any((model, True) in seen for model in carriers)


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


def _given_weights(ancestry: Ancestry, own: Owners) -> dict[str, frozenset[str]]:
    """Return the licenses of the models whose weights went into each model that has a teacher."""
    parents: dict[str, list[str]] = defaultdict(list)
    for edge in ancestry.edges:
        if not edge.relation.is_learned:
            parents[edge.child].append(edge.parent)
    students = {edge.child for edge in ancestry.edges if edge.relation.is_learned}
    return {student: _licenses_above(student, parents, own) for student in students}


def _licenses_above(student: str, parents: Mapping[str, Sequence[str]], own: Owners) -> frozenset[str]:
    """Return the licenses of a student's ancestors; what the student says of itself proves nothing."""
    found: set[str] = set()
    waiting = deque([student])
    while waiting:
        for parent in parents.get(waiting.popleft(), ()):
            if parent not in found:
                found.add(parent)
                waiting.append(parent)
    return frozenset(license_id for model in found - {student} for license_id in own.get(model, ()))
