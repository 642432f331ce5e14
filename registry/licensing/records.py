"""License records as they are kept: named by digest, read with care, and still there when they cannot be read. Pure."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from modelcustody_client import canonical

from governance.fields import InvalidField
from registry.licensing import catalog, record_reader
from registry.licensing.record_reader import InvalidCatalog
from registry.licensing.terms import License, Relation

Record = Mapping[str, Any]
MAX_TOML_BYTES = 256 * 1024


def record_digest(record: Record) -> str:
    """The name of a record: the hash of its canonical JSON, so that comments and order do not matter."""
    return canonical.digest(record)


def read_toml(text: str, *, path: str = "toml") -> dict[str, Any]:
    """A record as someone wrote it; refused when it is no TOML, or too long for a license."""
    content = text.encode("utf-8", "surrogatepass")
    if len(content) > MAX_TOML_BYTES:
        raise InvalidCatalog(path, f"has at most {MAX_TOML_BYTES} bytes, not {len(content)}")
    return catalog.read_record(path, content)


@functools.cache
def shipped() -> Mapping[str, Record]:
    """The project's records that come with this release, by id."""
    found = {
        path.stem: catalog.read_record(path.name, path.read_bytes())
        for path in sorted(catalog.FOLDER.glob("*.toml"))
    }
    return MappingProxyType(found)


def parse_kept(license_id: str, record: Record) -> License:
    """A record that is on file. One that this release no longer understands decides nothing: a person must."""
    try:
        return record_reader.parse_license(record, path=license_id)
    except InvalidField as problem:
        return record_reader.parse_license(_unreadable(license_id, problem), path=license_id)


def is_readable(license_id: str, record: Record) -> bool:
    """Whether this release understands a record that is on file."""
    try:
        record_reader.parse_license(record, path=license_id)
    except InvalidField:
        return False
    return True


def _unreadable(license_id: str, problem: InvalidField) -> Record:
    return {
        "id": license_id,
        "name": f"{license_id} (the record on file cannot be read)",
        "publisher": "unknown",
        "category": "unknown",
        "verification": "from_memory_unverified",
        "scope": {relation.value: "needs_review" for relation in Relation},
        "conditions": [
            {
                "kind": "manual_review",
                "clause": "the whole record",
                "effect": "needs_review",
                "verification": "from_memory_unverified",
                "on_outputs": True,
                "reason": f"This release does not understand the record on file: {problem}"[:1900],
                "remedy": "Propose the record anew, as this release understands it.",
            }
        ],
    }
