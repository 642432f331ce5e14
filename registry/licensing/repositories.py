"""Hub repositories that are known to be under a license, at any revision or only at some. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import translate

from registry.licensing.terms import License, Repositories


@dataclass(frozen=True)
class Revision:
    """Which state of a repository is meant, as far as anyone says: its commit, and the day of that commit."""

    commit: str | None = None
    day: date | None = None


ANY = Revision()
# A branch or tag may be named like a commit, and is none.
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Known:
    """What is known of one repository: its licenses, what it was made from, and what would have to be told.

    Where `missing` names something, `licenses` are only those that hold at every revision, and `possible` are all.
    """

    licenses: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Entry:
    license: str
    known: Repositories
    match: re.Pattern[str]


class RepositoryIndex:
    """The repositories of all records, found by publisher; the longest matching pattern that applies decides."""

    def __init__(self, licenses: Mapping[str, License]) -> None:
        self._entries: dict[str, list[_Entry]] = defaultdict(list)
        for license_id, terms in sorted(licenses.items()):
            for known in terms.repositories:
                pattern = known.pattern.casefold()
                entry = _Entry(license_id, known, re.compile(translate(pattern)))
                publisher, slash, _ = pattern.partition("/")
                fixed = slash and not set(publisher) & set("*?[")
                self._entries[publisher if fixed else ""].append(entry)

    def known(self, model: str, at: Revision = ANY) -> Known:
        """What is known of a repository in the state that is meant."""
        name = model.casefold()
        candidates = (*self._entries.get(name.partition("/")[0], ()), *self._entries.get("", ()))
        found = [entry for entry in candidates if entry.match.fullmatch(name)]
        if not found:
            return Known()
        sure, unsure = _applying(found, at)
        certain = {entry.license for entry in sure}
        possible = certain | {entry.license for entry in unsure}
        return Known(
            licenses=tuple(sorted(certain)),
            bases=tuple(sorted({base for entry in (*sure, *unsure) for base in entry.known.bases})),
            missing=_missing(at) if possible != certain else (),
            possible=tuple(sorted(possible)),
        )


def _applying(found: Iterable[_Entry], at: Revision) -> tuple[list[_Entry], list[_Entry]]:
    """The entries that hold, and those that may: from the longest pattern down, until one is found that holds."""
    by_length: dict[int, list[_Entry]] = defaultdict(list)
    for entry in found:
        by_length[len(entry.known.pattern)].append(entry)
    unsure: list[_Entry] = []
    for length in sorted(by_length, reverse=True):
        group = by_length[length]
        listed = [entry for entry in group if _is_listed(entry.known, at)]
        if listed:
            return listed, unsure
        states = [(entry, holds_at(entry.known, at)) for entry in group]
        unsure += [entry for entry, state in states if state is None]
        sure = [entry for entry, state in states if state]
        if sure:
            return sure, unsure
    return [], unsure


def _is_listed(known: Repositories, at: Revision) -> bool:
    commit = at.commit if at.commit and _COMMIT.fullmatch(at.commit) else ""
    return any(commit.startswith(listed) for listed in known.commits)


def holds_at(known: Repositories, at: Revision) -> bool | None:
    """Whether the repository is under the license in this state, or None.

    The day of a change has commits from before and from after it: only a list of commits can tell them apart.
    """
    if _is_listed(known, at):
        return True
    if known.since is None and known.before is None:
        if not known.commits:
            return True
        return None if at.commit is None else False
    if at.day is None or at.day in (known.since, known.before):
        return None
    after = known.since is None or at.day > known.since
    return after and (known.before is None or at.day < known.before)


def _missing(at: Revision) -> tuple[str, ...]:
    return ("revision",) if at.commit is None or at.day is not None else ("revision_date",)
