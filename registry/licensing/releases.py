"""What a release of the catalogue holds, and how it differs from the one before. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

PROJECT, ORGANIZATION = "project", "organization"
Entry = Mapping[str, Any]
Entries = Mapping[str, Entry]


class Change(StrEnum):
    """What a release did to one license."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    OVERRIDDEN = "overridden"
    RESTORED = "restored"
    CHANGED_BENEATH = "changed_beneath"


def entry(digest: str, *, origin: str, overrides: str | None = None) -> dict[str, Any]:
    """The record in force for a license; `overrides` names the project's record that it hides."""
    return {"record_digest": digest, "origin": origin, "overrides": overrides}


def project_digest(found: Entry | None) -> str | None:
    """The project's record of a license, in force or hidden."""
    if found is None:
        return None
    digest = found["record_digest"] if found["origin"] == PROJECT else found["overrides"]
    return None if digest is None else str(digest)


def with_project(before: Entries, shipped: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The project's records replaced by these (id to digest); the organisation's stay where they are."""
    after = {license_id: entry(digest, origin=PROJECT) for license_id, digest in shipped.items()}
    for license_id, found in before.items():
        if found["origin"] == ORGANIZATION:
            after[license_id] = entry(
                found["record_digest"], origin=ORGANIZATION, overrides=shipped.get(license_id)
            )
    return after


def with_own(before: Entries, license_id: str, digest: str) -> dict[str, dict[str, Any]]:
    """One record of the organisation put in force, over the project's of the same id where there is one."""
    hidden = project_digest(before.get(license_id))
    return {**_copy(before), license_id: entry(digest, origin=ORGANIZATION, overrides=hidden)}


def without_own(before: Entries, license_id: str) -> dict[str, dict[str, Any]]:
    """One record of the organisation taken out of force; the project's comes back where there is one."""
    after = _copy(before)
    hidden = project_digest(after.pop(license_id))
    if hidden is not None:
        after[license_id] = entry(hidden, origin=PROJECT)
    return after


def changes(before: Entries, after: Entries) -> dict[str, str]:
    """What became of each license that is not as it was."""
    touched = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
    return {key: _change(before.get(key), after.get(key)).value for key in touched}


def _change(before: Entry | None, after: Entry | None) -> Change:
    if before is None:
        return Change.ADDED
    if after is None:
        return Change.REMOVED
    if before["origin"] != after["origin"]:
        return Change.OVERRIDDEN if after["origin"] == ORGANIZATION else Change.RESTORED
    if before["record_digest"] == after["record_digest"]:
        return Change.CHANGED_BENEATH
    return Change.CHANGED


def _copy(entries: Entries) -> dict[str, dict[str, Any]]:
    return {license_id: dict(found) for license_id, found in entries.items()}
