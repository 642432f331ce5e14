"""What a policy says of where models come from: rules on four attributes, and corrections of the data. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from governance import countries
from governance.fields import Fields

MAX_DECLARED = 1000
_COUNTRY = re.compile(r"[A-Z]{2}")
_PUBLISHER = re.compile(r"[A-Za-z0-9._-]{1,96}")
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,79}")


class Attribute(StrEnum):
    """What can be asked of a model's origin; a rule on one says nothing of the others."""

    DEVELOPER = "developer"
    LICENSOR = "licensor"
    GOVERNING_LAW = "governing_law"
    ANCESTORS = "ancestors"


class Stance(StrEnum):
    """What a rule does with a value that its lists cannot judge."""

    ACCEPT = "accept"
    DENY = "deny"


@dataclass(frozen=True)
class OriginRule:
    """A rule on one attribute; countries are ISO 3166 codes or regions.

    `unknown` is for values that nobody knows, `unverified` for those from memory, `none_stated` for a license
    that is known to choose no law.
    """

    denied: frozenset[str] = frozenset()
    allowed: frozenset[str] | None = None
    unknown: Stance = Stance.DENY
    unverified: Stance = Stance.ACCEPT
    none_stated: Stance = Stance.ACCEPT


@dataclass(frozen=True)
class DeclaredDeveloper:
    """Who stands behind a publisher's name, as the organisation says; it replaces what the project's data say."""

    publisher: str
    country: str
    source: str
    name: str
    licensor: str
    licensor_country: str


@dataclass(frozen=True)
class DeclaredLicense:
    """Who grants a license and which law it chooses, as the organisation says; a law of None is none stated."""

    license: str
    licensor: str
    licensor_country: str
    source: str
    law_country: str | None


Rules = Mapping[Attribute, OriginRule]


@dataclass(frozen=True)
class OriginPolicy:
    """The section `[origin]`, with what each environment adds to it; an environment only narrows."""

    denied_countries: frozenset[str] = frozenset()
    rules: Rules = field(default_factory=lambda: MappingProxyType({}))
    environments: Mapping[str, "OriginPolicy"] = field(default_factory=lambda: MappingProxyType({}))
    developers: Mapping[str, DeclaredDeveloper] = field(default_factory=lambda: MappingProxyType({}))
    licenses: Mapping[str, DeclaredLicense] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Codes in `denied_countries` that name no country; a policy may not be loaded with them any more."""
        every = [self, *self.environments.values()]
        found = {code for one in every for code in one.denied_countries if not countries.is_named(code)}
        return tuple(sorted(found))


def parse(section: Fields, *, environments: Mapping[str, Fields]) -> OriginPolicy:
    """Return what the section says, with the `origin` tables of the environments."""
    denied = _denied(section)
    if denied is None:
        raise section.fail("denied_countries", "is required")
    policy = OriginPolicy(
        denied_countries=denied,
        rules=_rules(section),
        environments=MappingProxyType({name: _narrowing(one) for name, one in environments.items()}),
        developers=_developers(section),
        licenses=_licenses(section),
    )
    section.done()
    return policy


def _narrowing(section: Fields) -> OriginPolicy:
    policy = OriginPolicy(denied_countries=_denied(section) or frozenset(), rules=_rules(section))
    section.done()
    return policy


def _denied(section: Fields) -> frozenset[str] | None:
    codes = section.texts_or_none("denied_countries")
    for code in codes or ():
        if not _COUNTRY.fullmatch(code):
            raise section.fail("denied_countries", "must be ISO 3166 alpha-2 codes")
    return None if codes is None else frozenset(codes)


def _rules(section: Fields) -> Rules:
    return MappingProxyType(
        {
            attribute: _rule(section.table(attribute.value), attribute)
            for attribute in Attribute
            if section.has(attribute.value)
        }
    )


def _rule(table: Fields, attribute: Attribute) -> OriginRule:
    denied, allowed = _countries(table, "denied"), _countries(table, "allowed")
    stances = {key: table.choice_or_none(key, Stance) for key in ("unknown", "unverified")}
    if denied is None and allowed is None and Stance.DENY not in stances.values():
        raise table.fail("denied", "is required, or allowed, or that what is unknown is denied")
    if both := sorted((denied or frozenset()) & (allowed or frozenset())):
        raise table.fail("allowed", f"names {both[0]}, which is denied")
    rule = OriginRule(
        denied=denied or frozenset(),
        allowed=allowed,
        unknown=stances["unknown"] or Stance.DENY,
        unverified=stances["unverified"] or Stance.ACCEPT,
        none_stated=_none_stated(table, attribute, is_open=allowed is None),
    )
    table.done()
    return rule


def _none_stated(table: Fields, attribute: Attribute, *, is_open: bool) -> Stance:
    """Without a word on it, a list of what is allowed does not hold "no law chosen", and a list of what is denied neither."""
    if attribute is not Attribute.GOVERNING_LAW:
        return Stance.ACCEPT
    return table.choice_or_none("none_stated", Stance) or (Stance.ACCEPT if is_open else Stance.DENY)


def _countries(table: Fields, key: str) -> frozenset[str] | None:
    codes = table.texts_or_none(key)
    for code in codes or ():
        _check_country(table, key, code, regions=True)
    return None if codes is None else frozenset(codes)


def _check_country(table: Fields, key: str, code: str, *, regions: bool = False) -> None:
    if code in countries.CODES or (regions and code in countries.REGIONS):
        return
    meant = countries.MISTAKEN.get(code)
    hint = f"; write {meant}" if meant else ""
    raise table.fail(key, f"{code} is no ISO 3166 alpha-2 code{hint}")


def _country(table: Fields, key: str) -> str:
    code = table.text(key)
    _check_country(table, key, code)
    return code


def _developers(section: Fields) -> Mapping[str, DeclaredDeveloper]:
    found = {}
    for table in _bounded(section, "declared"):
        publisher = table.text("publisher")
        if not _PUBLISHER.fullmatch(publisher):
            raise table.fail("publisher", f"must match {_PUBLISHER.pattern}")
        country, name = _country(table, "country"), table.text_or_none("name") or publisher
        licensor = table.text_or_none("licensor")
        if table.has("licensor_country") and licensor is None:
            raise table.fail("licensor", "is required beside its country")
        one = DeclaredDeveloper(
            publisher=publisher.casefold(),
            country=country,
            source=table.text("source"),
            name=name,
            licensor=licensor or name,
            licensor_country=_country(table, "licensor_country") if licensor else country,
        )
        table.raw("licensor_country")
        table.done()
        if one.publisher in found:
            raise table.fail("publisher", "is declared twice")
        found[one.publisher] = one
    return MappingProxyType(found)


def _licenses(section: Fields) -> Mapping[str, DeclaredLicense]:
    found = {}
    for table in _bounded(section, "declared_licenses"):
        license_id = table.text("license")
        if not _LICENSE.fullmatch(license_id) or license_id == "unknown":
            raise table.fail("license", f"must be the id of a license, and match {_LICENSE.pattern}")
        law = table.text("law_country")
        if law != "none_stated":
            _check_country(table, "law_country", law)
        one = DeclaredLicense(
            license=license_id,
            licensor=table.text("licensor"),
            licensor_country=_country(table, "licensor_country"),
            source=table.text("source"),
            law_country=None if law == "none_stated" else law,
        )
        table.done()
        if license_id in found:
            raise table.fail("license", "is declared twice")
        found[license_id] = one
    return MappingProxyType(found)


def _bounded(section: Fields, key: str) -> Iterable[Fields]:
    tables = list(section.tables(key))
    if len(tables) > MAX_DECLARED:
        raise section.fail(key, f"must be at most {MAX_DECLARED} tables")
    return tables
