"""The license records of `catalog/*.toml`: load, validate strictly, name by digest. Pure."""

import hashlib
import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from registry.licensing.record_reader import InvalidCatalog, parse_license
from registry.licensing.repositories import RepositoryIndex
from registry.licensing.terms import Grant, License

FOLDER = Path(__file__).parent / "catalog"
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Catalog:
    """All license records by id, and the digest that names exactly this set."""

    licenses: Mapping[str, License]
    catalog_digest: str

    @cached_property
    def repositories(self) -> RepositoryIndex:
        """Which Hub repositories are known to be under which license."""
        return RepositoryIndex(self.licenses)

    @cached_property
    def grants(self) -> Mapping[str, tuple[tuple[License, Grant], ...]]:
        """Return what signed agreements lift, by the license whose conditions they lift."""
        found: dict[str, list[tuple[License, Grant]]] = defaultdict(list)
        for _, terms in sorted(self.licenses.items()):
            for grant in terms.grants:
                found[grant.of].append((terms, grant))
        return {license_id: tuple(grants) for license_id, grants in found.items()}

    def get(self, license_id: str) -> License:
        """Return the record of a license; one that is not here is the unknown license."""
        return self.licenses.get(license_id, self.licenses[UNKNOWN])


def load(folder: Path = FOLDER) -> Catalog:
    """Read every record of a folder."""
    return build((path.name, path.read_bytes()) for path in sorted(folder.glob("*.toml")))


def build(files: Iterable[tuple[str, bytes]]) -> Catalog:
    """Return a catalogue from the names and contents of its files."""
    records: dict[str, dict[str, Any]] = {}
    licenses: dict[str, License] = {}
    for name, content in files:
        record = read_record(name, content)
        found = parse_license(record, path=name)
        if found.id in licenses or name != f"{found.id}.toml":
            raise InvalidCatalog(f"{name}.id", "must be unique and the name of its file")
        licenses[found.id], records[found.id] = found, record
    return together(licenses, records)


def together(licenses: Mapping[str, License], records: Mapping[str, Any]) -> Catalog:
    """Return the catalogue of these records, as written and as parsed; they must fit each other."""
    _check_together(licenses)
    return Catalog(MappingProxyType(dict(licenses)), _digest(dict(records)))


def _digest(records: Mapping[str, Any]) -> str:
    text = json.dumps(records, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_record(name: str, content: bytes) -> dict[str, Any]:
    """Return a record as it is written; what it says is not checked yet."""
    try:
        return tomllib.loads(content.decode())
    except (
        ValueError,
        RecursionError,
    ) as problem:  # no UTF-8, no TOML, or a number or nesting past all reason
        raise InvalidCatalog(name, str(problem)) from problem


def _check_together(licenses: Mapping[str, License]) -> None:
    if UNKNOWN not in licenses:
        raise InvalidCatalog("catalog", f"needs a record {UNKNOWN!r}")
    for found in licenses.values():
        for other in sorted(set(found.student_exceptions) - set(licenses)):
            raise InvalidCatalog(f"{found.id}.toml", f"names the unknown record {other!r}")
        for grant in found.grants:
            if grant.of not in licenses or grant.of in (UNKNOWN, found.id):
                raise InvalidCatalog(
                    f"{found.id}.toml", f"lifts conditions of no known license: {grant.of!r}"
                )
