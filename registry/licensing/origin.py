"""Where a model and everything behind it come from: developers, licensors, laws, as facts with their sources. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence

from governance.policy.origin import Attribute
from governance.policy.origin_rules import OriginFact, State
from registry.licensing import names, ownership
from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.lineage import Ancestry
from registry.licensing.origins import Developer, LawKind, LicenseOrigin, Licensor, LicensorKind, Origins
from registry.licensing.request import EvaluationRequest

# Only plain letters: another alphabet's letter is another publisher, whatever it looks like.
_NAME = re.compile(r"([A-Za-z0-9._-]{1,96})/[^/]+")


def own_licenses(
    request: EvaluationRequest, ancestry: Ancestry, catalog: Catalog
) -> dict[str, tuple[str, ...]]:
    """Return the licenses of each model, as an evaluation takes them to be."""
    return {owned.model: owned.licenses for owned in ownership.owners(request, ancestry, catalog)}


def find(
    ancestry: Ancestry, own: Mapping[str, Sequence[str]], origins: Origins, *, subject: str
) -> tuple[OriginFact, ...]:
    """Return every fact about the model and its whole ancestry, teachers included; what nobody knows is a fact too.

    A license counts wherever it stands in the ancestry, even where it does not reach the model itself.
    """
    found: set[OriginFact] = set()
    for model in ancestry.models:
        if model == names.PLANNED:
            continue
        developer = developer_of(model, origins)
        found.update(
            _developer(model, developer, Attribute.DEVELOPER if model == subject else Attribute.ANCESTORS)
        )
        for license_id in own.get(model) or (UNKNOWN,):
            found.update(_licensors(model, license_id, developer, origins))
            found.update(_laws(model, license_id, origins))
    return tuple(sorted(found))


def developer_of(model: str, origins: Origins) -> Developer | None:
    """Return who stands behind the publisher in front of a model's name."""
    named = _NAME.fullmatch(model)
    return origins.developers.get(named[1].casefold()) if named else None


def seat(org: Mapping[str, object]) -> str | None:
    """Return where the licensee is seated: an individual's domicile, else the principal place of business."""
    place = org.get("domicile" if org.get("entity_type") == "individual" else "principal_place_of_business")
    return place if isinstance(place, str) else None


def for_seat(facts: Sequence[OriginFact], place: str | None) -> tuple[OriginFact, ...]:
    """Return the facts without licensors that grant only to licensees seated elsewhere."""
    return tuple(fact for fact in facts if fact.holds_for(place))


def _developer(model: str, developer: Developer | None, attribute: Attribute) -> Iterator[OriginFact]:
    if developer is None:
        yield OriginFact(attribute, model, State.UNKNOWN)
        return
    for country in developer.countries:
        yield OriginFact(
            attribute,
            model,
            State.KNOWN,
            country=country,
            name=developer.name,
            verification=developer.verification,
            source=developer.source,
        )


def _licensors(
    model: str, license_id: str, developer: Developer | None, origins: Origins
) -> Iterator[OriginFact]:
    """Whom the license names; or else, where whoever published the work grants it, the developer's legal entities."""
    said = origins.licenses.get(license_id)
    by_author = said is not None and said.licensor is LicensorKind.AUTHOR
    licensors = _named(said) if not by_author else developer.licensors if developer else ()
    if not licensors:
        yield OriginFact(Attribute.LICENSOR, model, State.UNKNOWN, license=license_id, by_author=by_author)
    for licensor in licensors:
        yield OriginFact(
            Attribute.LICENSOR,
            model,
            State.KNOWN if licensor.country else State.UNKNOWN,
            country=licensor.country or "",
            name=licensor.name,
            license=license_id,
            verification=licensor.verification,
            source=licensor.source,
            by_author=by_author,
            seated_in=licensor.seated_in,
            not_seated_in=licensor.not_seated_in,
        )


def _named(said: LicenseOrigin | None) -> tuple[Licensor, ...]:
    return said.licensors if said is not None else ()


def _laws(model: str, license_id: str, origins: Origins) -> Iterator[OriginFact]:
    said = origins.licenses.get(license_id)
    if said is None or said.governing_law is LawKind.UNKNOWN:
        yield OriginFact(Attribute.GOVERNING_LAW, model, State.UNKNOWN, license=license_id)
        return
    if said.governing_law is LawKind.NONE_STATED:
        yield OriginFact(
            Attribute.GOVERNING_LAW,
            model,
            State.NONE_STATED,
            license=license_id,
            verification=said.verification,
            source=said.source,
        )
    for law in said.laws:
        yield OriginFact(
            Attribute.GOVERNING_LAW,
            model,
            State.KNOWN,
            country=law.country,
            name=f"{law.law}; {law.forum}" if law.forum else law.law,
            license=license_id,
            verification=law.verification,
            source=law.source,
        )
