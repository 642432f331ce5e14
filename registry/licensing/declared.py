"""Which license a model card's words stand for: never by a name alone that several publishers use. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.names import folded, matches
from registry.licensing.request import Declared
from registry.licensing.terms import License

# Hub licenses that say nothing but that the text must be read.
SILENT = frozenset({"other", UNKNOWN})

_REPOSITORY = re.compile(
    r"(?i)https?://(?:www\.)?(?:huggingface\.co|hf\.co|github\.com|raw\.githubusercontent\.com)/([\w.-]+/[\w.-]+)"
)
# Parts of a link that say that it leads to terms, not to which.
_GENERIC = re.compile(
    r"(licen[sc]e|terms|terms[-_]of[-_]use|use[-_]?policy|legalcode|deed|index)([._][a-z.]+)?"
)


@dataclass(frozen=True)
class DeclaredLicenses:
    """The records that a card's words stand for; without any, the reason, and those that were to choose from."""

    licenses: tuple[str, ...]
    reason: str
    candidates: tuple[str, ...] = ()
    # Whether the words leave everything to the text, and whether they mean something only beside it.
    is_silent: bool = False
    needs_text: bool = False


def declared_licenses(declared: Declared, model: str | None, catalog: Catalog) -> DeclaredLicenses:
    """Return the records that a card's license words stand for; a word that could stand for several stands for none."""
    if not declared.licenses:
        return DeclaredLicenses((), "the card declares no license")
    name, shared = declared.license_name, False
    found: set[str] = set()
    for word in declared.licenses:
        possible = _possible(word, name, model, catalog)
        meant = _meant(possible, model)
        if len(meant) != 1:
            silent = len(declared.licenses) == 1 and name is None and word.casefold() in SILENT
            return DeclaredLicenses((UNKNOWN,), _why(word, name, possible), _ids(possible), is_silent=silent)
        shared = shared or (name is not None and len(_named(name, catalog)) > 1)
        found.update(_ids(meant))
    words = ", ".join(declared.licenses) + (f" / {name}" if name else "")
    return DeclaredLicenses(
        tuple(sorted(found)), f"declared as {words}", tuple(sorted(found)), needs_text=shared
    )


def contradictions(declared: Declared, model: str | None, catalog: Catalog) -> tuple[str, ...]:
    """Return what a card says against itself: a link to the text of another license than the one it names."""
    meant = declared_licenses(declared, model, catalog)
    linked = _linked(declared.license_link or "", model, catalog)
    if not linked or not meant.licenses or meant.is_silent or linked & {*meant.licenses, *meant.candidates}:
        return ()
    spdx = {catalog.get(license_id).spdx for license_id in meant.licenses} - {None}
    if spdx & {catalog.get(license_id).spdx for license_id in linked}:
        return ()
    return (f"{meant.reason}, but its license_link leads to the text of {', '.join(sorted(linked))}",)


def _linked(link: str, model: str | None, catalog: Catalog) -> set[str]:
    """The licenses that a link leads to: of another repository, else by the names at its end."""
    if "://" not in link:
        return set()
    repository = _REPOSITORY.match(link)
    name = repository[1].removesuffix(".git") if repository else ""
    if name and name.casefold() == (model or "").casefold():
        return set()
    if possible := catalog.repositories.known(name).possible:
        return set(possible)
    words = _link_words(link)
    return {terms.id for terms in catalog.licenses.values() if words & _squeezed(terms)}


def _link_words(link: str) -> set[str]:
    """The words of a link that may name a license: the last part of its path, with or without what goes before it."""
    path = urlsplit(link)
    parts = [part for part in path.path.casefold().split("/") if part]
    while parts and _GENERIC.fullmatch(parts[-1]):
        parts.pop()
    if not parts:
        return set()
    last = re.sub(r"\.(html?|txt|md|pdf)$", "", parts[-1])
    words = {last, re.sub(r"[-_ ]v?\d[\d._]*$", "", last)}
    if (path.hostname or "").removeprefix("www.") == "creativecommons.org":
        words |= {f"cc-{'-'.join(parts[-2:])}", f"cc-{last}"}
    return {_squeeze(word) for word in words} - {""}


def _squeezed(terms: License) -> set[str]:
    names = {*folded(terms.hub.licenses), *folded(terms.hub.license_names)} - SILENT
    return {_squeeze(name) for name in names}


def _squeeze(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name)


def _ids(records: Sequence[License]) -> tuple[str, ...]:
    return tuple(sorted(terms.id for terms in records))


def _why(word: str, name: str | None, possible: Sequence[License]) -> str:
    shown = f"{word} / {name}" if name else word
    if len(possible) == 1:
        return f"the declared license {shown!r} is a name that only its publisher's own models bear"
    return f"the declared license {shown!r} stands for {'several known licenses' if possible else 'no known license'}"


def _possible(word: str, name: str | None, model: str | None, catalog: Catalog) -> list[License]:
    """Every record that a Hub license and name may stand for."""
    return [terms for terms in catalog.licenses.values() if _names(terms, word, name, model)]


def _meant(possible: Sequence[License], model: str | None) -> list[License]:
    """The publisher's own record goes first; one that belongs to other publishers is never meant by its name."""
    publisher = (model or "").split("/", 1)[0].casefold()
    own = [terms for terms in possible if publisher in folded(terms.hub.publishers)]
    return own or [terms for terms in possible if not terms.hub.publishers]


def _names(terms: License, word: str, name: str | None, model: str | None) -> bool:
    if terms.id == UNKNOWN or matches(model or "", terms.hub.excluded_repositories):
        return False
    if name is not None and name.casefold() != word.casefold():
        fits = word.casefold() in SILENT | folded(terms.hub.licenses)  # else the card names two licenses
        return fits and name.casefold() in folded(terms.hub.license_names)
    return word.casefold() in folded(terms.hub.licenses) and word.casefold() not in SILENT


def _named(name: str, catalog: Catalog) -> list[License]:
    return [
        terms for terms in catalog.licenses.values() if name.casefold() in folded(terms.hub.license_names)
    ]
