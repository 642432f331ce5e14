"""Which licenses each model of a lineage is itself under, and where that was learned. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry.licensing import lineage, names
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.declared import DeclaredLicenses, contradictions, declared_licenses
from registry.licensing.lineage import Ancestry
from registry.licensing.repositories import Known
from registry.licensing.request import EvaluationRequest


@dataclass(frozen=True)
class Ownership:
    """The licenses of one model, and which of them it claims itself; `question` is what an officer would look at."""

    model: str
    licenses: tuple[str, ...]
    reason: str
    question: str
    is_open: bool = False
    missing: tuple[str, ...] = ()
    claimed: tuple[str, ...] = (UNKNOWN,)


def owners(request: EvaluationRequest, ancestry: Ancestry, catalog: Catalog) -> list[Ownership]:
    """The licenses of every model in the lineage, in the order of their names."""
    subject = lineage.subject(request)
    others = [
        _Model(model, request, catalog).owned()
        for model in ancestry.models
        if model not in (subject, names.PLANNED)
    ]
    behind = {license_id for owned in others for license_id in owned.licenses}
    own = _Model(subject, request, catalog).owned(behind)
    return sorted([own, *others], key=lambda owned: owned.model)


class _Model:
    """One model, and everything that says something of its license."""

    def __init__(self, model: str, request: EvaluationRequest, catalog: Catalog) -> None:
        self.model, self.request, self.catalog = model, request, catalog
        self.is_subject = model == lineage.subject(request)
        self.repository: Known = catalog.repositories.known(model, request.revision_of(model))

    def owned(self, behind: Iterable[str] = ()) -> Ownership:
        """As given, else as the registry concluded, else as declared and known of the repository."""
        given, declared = self.request.licenses, self.request.declared
        if self.is_subject and given:
            return replace(self._inferred(given, "given with the question"), claimed=tuple(sorted(given)))
        if concluded := self.request.known_of(self.model):
            return self._concluded(concluded)
        if self.is_subject and declared.licenses:
            return self._declared(self._meant(behind))
        if self.repository.possible:
            return replace(self._inferred((), ""), claimed=self.repository.licenses or (UNKNOWN,))
        if self.is_subject:
            return Ownership(self.model, (UNKNOWN,), "no license is known", "license_source", is_open=True)
        words = "neither registered nor known to the catalogue, so its license is not known"
        missing = (f"lineage.{self.model}.license",)
        return Ownership(self.model, (UNKNOWN,), words, "ancestor_unresolved", is_open=True, missing=missing)

    def _concluded(self, concluded: tuple[str, ...]) -> Ownership:
        """A person's conclusion stands; rules never lift what a name is known for: anyone may register a folder."""
        more = sorted(set(self.repository.possible) - set(concluded))
        if person := self.request.concluder_of(self.model):
            although = f", although the repository is known for {', '.join(more)}" if more else ""
            return self._told(concluded, f"concluded by {person}{although}", claimed=concluded)
        at_commit = self.request.revision_of(self.model).commit is not None
        if self.repository.missing and at_commit and set(concluded) <= set(self.repository.possible):
            return self._told(
                concluded, "concluded by the registry from the files of the commit", claimed=concluded
            )
        return replace(self._inferred(concluded, "concluded by the registry"), claimed=concluded)

    def _meant(self, behind: Iterable[str]) -> DeclaredLicenses:
        """Return what the card means; one that contradicts itself means nothing."""
        if against := contradictions(self.request.declared, self.model, self.catalog):
            return DeclaredLicenses((UNKNOWN,), "; ".join(against))
        found = declared_licenses(self.request.declared, self.model, self.catalog)
        return _settled_by(found, set(behind))

    def _declared(self, declared: DeclaredLicenses) -> Ownership:
        if not self.repository.possible:
            return self._told(declared.licenses, declared.reason, claimed=declared.licenses)
        found = self._inferred(set(declared.licenses) - {UNKNOWN}, declared.reason)
        return replace(found, claimed=declared.licenses)

    def _inferred(self, stated: Iterable[str], words: str) -> Ownership:
        """What the repository is known for, besides what is stated; where that changed, the revision must be told."""
        known, link = self.repository, "; " if words else ""
        if not known.missing:
            more = sorted(set(known.licenses) - set(stated))
            inferred = f"{link}inferred from the repository: {', '.join(more)}" if more else ""
            return self._told({*stated, *known.licenses}, words + inferred)
        prefix = "" if self.is_subject else f"lineage.{self.model}."
        return Ownership(
            model=self.model,
            licenses=tuple(sorted({UNKNOWN, *stated, *known.licenses})),
            reason=f"{words}{link}its repository changed the license and was under {', '.join(known.possible)}: "
            "which one applies depends on the revision",
            question=self._question,
            is_open=True,
            missing=tuple(f"{prefix}{name}" for name in known.missing),
        )

    def _told(
        self, licenses: Iterable[str], reason: str, *, claimed: tuple[str, ...] = (UNKNOWN,)
    ) -> Ownership:
        found = tuple(sorted(set(licenses)))
        is_open = any(item == UNKNOWN or item not in self.catalog.licenses for item in found)
        return Ownership(self.model, found, reason, self._question, is_open, claimed=tuple(sorted(claimed)))

    @property
    def _question(self) -> str:
        return "license_source" if self.is_subject else "ancestor_license"


def _settled_by(declared: DeclaredLicenses, behind: set[str]) -> DeclaredLicenses:
    """A word that stands for several licenses stands for the one that a model behind it brings, if that is one."""
    brought = sorted(set(declared.candidates) & behind)
    if len(brought) != 1:
        return declared
    reason = f"{declared.reason}; of these {brought[0]} comes with a model behind it"
    return DeclaredLicenses(tuple(brought), reason)
