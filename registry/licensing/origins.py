"""The origin data of `origins/`: developers, licensors and governing laws; loaded, validated strictly, named by digest. Pure."""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from governance import countries
from governance.fields import Fields, InvalidField
from registry.licensing.terms import Verification

FOLDER = Path(__file__).parent / "origins"
_PUBLISHER = re.compile(r"[A-Za-z0-9._-]{1,96}")
_ID = re.compile(r"[a-z0-9][a-z0-9.+-]{0,79}")


class InvalidOrigins(InvalidField):
    """The origin data say something that the rules would not understand."""

    code = "invalid_origins"


class LicensorKind(StrEnum):
    """Who grants a license: someone whom its text names, whoever published the work, or nobody knows."""

    NAMED = "named"
    AUTHOR = "author"
    UNKNOWN = "unknown"


class LawKind(StrEnum):
    """Whether the text of a license chooses a law."""

    STATED = "stated"
    NONE_STATED = "none_stated"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Licensor:
    """One legal entity that grants; the regions limit it to licensees seated there, or not seated there."""

    name: str
    country: str | None
    seated_in: tuple[str, ...]
    not_seated_in: tuple[str, ...]
    verification: Verification
    source: str


@dataclass(frozen=True)
class Developer:
    """Who stands behind the names of publishers on the Hub."""

    id: str
    name: str
    publishers: tuple[str, ...]
    countries: tuple[str, ...]
    headquarters: str | None
    since: date | None
    as_of: date
    verification: Verification
    source: str
    note: str | None
    licensors: tuple[Licensor, ...]


@dataclass(frozen=True)
class Law:
    """One law that a license chooses, and where disputes go."""

    country: str
    law: str
    forum: str | None
    verification: Verification
    source: str


@dataclass(frozen=True)
class LicenseOrigin:
    """Who grants a license, and under which law."""

    licensor: LicensorKind
    licensors: tuple[Licensor, ...]
    governing_law: LawKind
    laws: tuple[Law, ...]
    verification: Verification
    source: str
    as_of: date


@dataclass(frozen=True)
class Origins:
    """All origin data, by publisher in small letters and by license id, and the digest that names exactly this set."""

    developers: Mapping[str, Developer]
    licenses: Mapping[str, LicenseOrigin]
    origins_digest: str


def load(folder: Path = FOLDER) -> Origins:
    """Read every file of the two folders."""
    return build(
        (str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.glob("*/*.toml"))
    )


def build(files: Iterable[tuple[str, bytes]]) -> Origins:
    """Return the data from the names and contents of their files."""
    developers: dict[str, Developer] = {}
    licenses: dict[str, LicenseOrigin] = {}
    documents: dict[str, Any] = {}
    for name, content in files:
        documents[name] = _toml(name, content)
        fields = Fields(documents[name], path=name, problem=InvalidOrigins)
        as_of = _day(fields)
        for table in fields.tables("developers"):
            _add_developer(developers, table, as_of)
        for table in fields.tables("licenses"):
            _add_licenses(licenses, table, as_of)
        fields.done()
    text = json.dumps(documents, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    return Origins(MappingProxyType(developers), MappingProxyType(licenses), digest)


def _toml(name: str, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InvalidOrigins(name, str(problem)) from problem


def _day(fields: Fields) -> date:
    """Return the day on which the facts of a file were last looked at."""
    day = fields.date_or_none("as_of")
    if day is None:
        raise fields.fail("as_of", "is required")
    return day


def _add_developer(known: dict[str, Developer], table: Fields, as_of: date) -> None:
    developer = Developer(
        id=_matching(table, "id", table.text("id"), _ID),
        name=table.text("name"),
        publishers=tuple(
            _matching(table, "publishers", one, _PUBLISHER) for one in table.texts("publishers")
        ),
        countries=_countries(table, "countries"),
        headquarters=table.text_or_none("headquarters"),
        since=table.date_or_none("since"),
        as_of=as_of,
        verification=table.choice("verification", Verification),
        source=table.text("source"),
        note=table.text_or_none("note"),
        licensors=_licensors(table),
    )
    table.done()
    if not developer.publishers:
        raise table.fail("publishers", "is required")
    if any(one.seated_in or one.not_seated_in for one in developer.licensors):
        raise table.fail("licensors", "of some licensees only belong to a license")
    if any(developer.id == other.id for other in known.values()):
        raise table.fail("id", "is there twice")
    for publisher in developer.publishers:
        if known.setdefault(publisher.casefold(), developer) is not developer:
            raise table.fail("publishers", f"{publisher} is there twice")


def _add_licenses(known: dict[str, LicenseOrigin], table: Fields, as_of: date) -> None:
    ids = tuple(_matching(table, "ids", one, _ID) for one in table.texts("ids"))
    origin = LicenseOrigin(
        licensor=table.choice("licensor", LicensorKind),
        licensors=_licensors(table),
        governing_law=table.choice("governing_law", LawKind),
        laws=tuple(_law(item) for item in table.tables("laws")),
        verification=table.choice("verification", Verification),
        source=table.text("source"),
        as_of=as_of,
    )
    table.done()
    if not ids:
        raise table.fail("ids", "is required")
    if (origin.licensor is LicensorKind.NAMED) != bool(origin.licensors):
        raise table.fail("licensors", "are there exactly when the licensor is named")
    if (origin.governing_law is LawKind.STATED) != bool(origin.laws):
        raise table.fail("laws", "are there exactly when a law is stated")
    _check_everyone_has_one(table, origin.licensors)
    for license_id in ids:
        if known.setdefault(license_id, origin) is not origin:
            raise table.fail("ids", f"{license_id} is there twice")


def _check_everyone_has_one(table: Fields, licensors: tuple[Licensor, ...]) -> None:
    """Refuse licensors of some licensees where others would be left with none."""
    seated = {frozenset(one.seated_in) for one in licensors if one.seated_in}
    others = {frozenset(one.not_seated_in) for one in licensors if one.not_seated_in}
    if seated != others or len(seated) > 1 or any(one.seated_in and one.not_seated_in for one in licensors):
        raise table.fail(
            "licensors", "must leave no licensee without one: the same seated_in and not_seated_in"
        )


def _licensors(table: Fields) -> tuple[Licensor, ...]:
    found = []
    for item in table.tables("licensors"):
        found.append(
            Licensor(
                name=item.text("name"),
                country=_countries(item, "country")[0] if item.has("country") else None,
                seated_in=_regions(item, "seated_in"),
                not_seated_in=_regions(item, "not_seated_in"),
                verification=item.choice("verification", Verification),
                source=item.text("source"),
            )
        )
        item.done()
    return tuple(found)


def _law(item: Fields) -> Law:
    law = Law(
        country=_countries(item, "country")[0],
        law=item.text("law"),
        forum=item.text_or_none("forum"),
        verification=item.choice("verification", Verification),
        source=item.text("source"),
    )
    item.done()
    return law


def _countries(table: Fields, key: str) -> tuple[str, ...]:
    """Return the codes of a list, or of the one text that stands there."""
    codes = (table.text(key),) if isinstance(table.raw(key), str) else table.texts(key)
    if not codes or not set(codes) <= countries.CODES:
        raise table.fail(key, "must be ISO 3166 alpha-2 codes")
    return codes


def _regions(table: Fields, key: str) -> tuple[str, ...]:
    codes = table.texts(key)
    if not all(countries.is_named(code) for code in codes):
        raise table.fail(key, "must be ISO 3166 alpha-2 codes, EU or EEA")
    return codes


def _matching(table: Fields, key: str, value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise table.fail(key, f"must match {pattern.pattern}")
    return value
