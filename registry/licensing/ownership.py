"""Which licenses each model of a lineage is itself under, and where that was learned. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from registry.licensing import detect, lineage
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.lineage import Ancestry
from registry.licensing.repositories import Known
from registry.licensing.request import EvaluationRequest


@dataclass(frozen=True)
class Ownership:
    """The licenses of one model; `question` names what an officer would have to look at."""

    model: str
    licenses: tuple[str, ...]
    reason: str
    question: str
    is_open: bool = False
    missing: tuple[str, ...] = ()


def owners(request: EvaluationRequest, ancestry: Ancestry, catalog: Catalog) -> list[Ownership]:
    """The licenses of every model in the lineage, in the order of their names."""
    return [_owned(model, request, catalog) for model in ancestry.models if model != lineage.PLANNED]


def _owned(model: str, request: EvaluationRequest, catalog: Catalog) -> Ownership:
    """As given, else as the registry concluded, else as declared and known of the repository."""
    is_subject = model == lineage.subject(request)
    question = "license_source" if is_subject else "ancestor_license"
    repository = catalog.repositories.known(model, request.revision_of(model))
    if is_subject and request.licenses:
        return _told(model, request.licenses, "given with the question", question, catalog)
    if concluded := request.known.get(model):
        return _concluded(model, concluded, request, repository, catalog)
    if is_subject and request.declared.licenses:
        declared = detect.declared_licenses(request.declared, model, catalog)
        if not repository.possible:
            return _told(model, declared.licenses, declared.reason, question, catalog)
        claimed = set(declared.licenses) - {UNKNOWN}
        return _inferred(model, claimed, f"{declared.reason}; ", repository, question, catalog)
    if repository.possible:
        return _inferred(model, (), "", repository, question, catalog)
    words = "no license is known" if is_subject else "neither registered nor known to the catalogue"
    name = "license_source" if is_subject else "ancestor_unresolved"
    missing = () if is_subject else (f"lineage.{model}.license",)
    return Ownership(model, (UNKNOWN,), words, name, is_open=True, missing=missing)


def _told(model: str, licenses: Iterable[str], reason: str, question: str, catalog: Catalog) -> Ownership:
    found = tuple(sorted(set(licenses)))
    is_open = any(item == UNKNOWN or item not in catalog.licenses for item in found)
    return Ownership(model, found, reason, question, is_open)


def _concluded(
    model: str, concluded: Iterable[str], request: EvaluationRequest, repository: Known, catalog: Catalog
) -> Ownership:
    """A person's conclusion stands; one by rules never lifts what a name is known for: anyone may register a folder."""
    question = "license_source" if model == lineage.subject(request) else "ancestor_license"
    known_for = sorted(set(repository.possible) - set(concluded))
    if person := request.settled.get(model):
        although = f", although the repository is known for {', '.join(known_for)}" if known_for else ""
        return _told(model, concluded, f"concluded by {person}{although}", question, catalog)
    if not repository.missing:
        more = sorted(set(repository.licenses) - set(concluded))
        reason = f"; inferred from the repository: {', '.join(more)}" if more else ""
        return _told(model, {*concluded, *more}, f"concluded by the registry{reason}", question, catalog)
    at_commit = request.revision_of(model).commit is not None
    if at_commit and set(concluded) <= set(repository.possible):
        return _told(
            model, concluded, "concluded by the registry from the files of the commit", question, catalog
        )
    return _inferred(model, concluded, "concluded by the registry; ", repository, question, catalog)


def _inferred(
    model: str, stated: Iterable[str], words: str, repository: Known, question: str, catalog: Catalog
) -> Ownership:
    """What the repository is known for, besides what is stated; where that changed, the revision must be told."""
    if not repository.missing:
        reason = f"{words}inferred from the repository: {', '.join(repository.licenses)}"
        return _told(model, {*stated, *repository.licenses}, reason, question, catalog)
    reason = f"{words}the repository changed its license, it was under {', '.join(repository.possible)}: which holds depends on the revision"
    prefix = "" if question == "license_source" else f"lineage.{model}."
    return Ownership(
        model,
        tuple(sorted({UNKNOWN, *stated, *repository.licenses})),
        reason,
        question,
        is_open=True,
        missing=tuple(f"{prefix}{name}" for name in repository.missing),
    )
