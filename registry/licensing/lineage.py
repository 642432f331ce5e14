"""What a model was made from, as stated or known: every model behind it, and the edges among them. Pure."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from registry.licensing.catalog import Catalog
from registry.licensing.names import PLANNED, THIS_MODEL
from registry.licensing.request import Declared, EvaluationRequest, LineageEntry
from registry.licensing.terms import Relation


@dataclass(frozen=True)
class Edge:
    """The child was made from the parent."""

    child: str
    parent: str
    relation: Relation


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
    return _reachable(roots, edges | planned, request, catalog)


def _declared(model: str, declared: Declared) -> Iterable[Edge]:
    """What a card calls its base gave weights, even where the card says that it was only learned from."""
    relation = declared.relation or Relation.FINETUNE
    for base in declared.base_models:
        yield Edge(model, base, relation)
        if relation.is_learned:
            yield Edge(model, base, Relation.FINETUNE)


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
        name = request.spelled(base.split("@", 1)[0])
        if name != model:
            yield Edge(PLANNED, name, Relation.FINETUNE if relation.is_learned else relation)


def _reachable(
    roots: Sequence[str], stated: Iterable[Edge], request: EvaluationRequest, catalog: Catalog
) -> Ancestry:
    behind: dict[str, set[Edge]] = defaultdict(set)
    for edge in stated:
        behind[edge.child].add(edge)
    found, waiting = set(roots), deque(roots)
    while waiting:
        model = waiting.popleft()
        for base in catalog.repositories.known(model, request.revision_of(model)).bases:
            behind[model].add(Edge(model, request.spelled(base), Relation.FINETUNE))
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
