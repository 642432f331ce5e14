"""What the Hub says of a repository beside its files, in the words of `registry.observed`; None is "not told"."""

import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from registry.observed import Scan, SourceFacts
from registry.sources import base
from registry.sources.hub_api import HubApi

MOST_TEXT = 500
MOST_REFS = 5_000
MOST_COMMITS = 5_000
MOST_SCANS = 2_000  # the Hub shows 50 a page
# The Hub's words, the worst first.
LEVELS = ("unsafe", "suspicious", "caution", "error", "queued", "unscanned", "safe")


def observe(api: HubApi, *, revision: str, commit: str) -> SourceFacts:
    """One look; raises what says that repository or revision are gone, and what says to try again."""
    info = api.info(revision, securityStatus=True)
    now = _commit(info.get("sha"))
    made = commit_entry(api, commit)
    scan_status, issues = _security(info.get("securityRepoStatus"))
    licenses, license_name, license_link = _license(info)
    return SourceFacts(
        endpoint=api.endpoint,
        repository=text(info.get("id")) or None,
        commit=now,
        head=now if revision == "main" else _head(api),
        has_pinned=_has_pinned(api, revision, now=now, commit=commit),
        committed_at=None if (at := moment(made.get("date"))) is None else at.isoformat(),
        authors=_authors(made.get("authors")),
        commit_title=None if "title" not in made else text(made["title"]),
        refs=_refs(api),
        last_modified=text(info.get("lastModified")) or None,
        gated=_gated(info.get("gated")),
        private=_flag(info.get("private")),
        disabled=_flag(info.get("disabled")),
        license=licenses,
        license_name=license_name,
        license_link=license_link,
        scan_status=scan_status,
        scans=_scans(api, commit, issues),
    )


def text(value: object) -> str:
    """A text that may be stored: short, without control characters; nothing if it is none."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:MOST_TEXT].encode("utf-8", "replace").decode() if c.isprintable())


def moment(value: object) -> datetime | None:
    """A moment with its time zone, or None."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo else None


def commit_entry(api: HubApi, commit: str) -> Mapping[str, Any]:
    """What the history says of a commit; nothing where it does not tell."""
    try:
        newest = next(api.commits(commit), {})
    except base.FAILURES:
        return {}
    return newest if newest.get("id") == commit else {}


def _head(api: HubApi) -> str | None:
    try:
        return _commit(api.info().get("sha"))
    except base.FAILURES:
        return None


def _has_pinned(api: HubApi, revision: str, *, now: str | None, commit: str) -> bool | None:
    """Whether the commit is in the branch's history. None where that is not told, or too long to be read."""
    if now is None or now == commit:
        return None if now is None else True
    try:
        history: Iterator[Mapping[str, Any]] = api.commits(revision)
        first = next(history, {})
        if first.get("id") != now:  # not the history that was asked for
            return None
        for count, entry in enumerate(history):
            if entry.get("id") == commit:
                return True
            if count >= MOST_COMMITS:
                return None
    except base.FAILURES:
        return None
    return False


def _refs(api: HubApi) -> dict[str, str] | None:
    """Branches and tags by their full names, which keeps a tag apart from the branch of its name.

    None also where there are too many: a list that was cut short would say that the others are gone.
    """
    try:
        told = api.refs()
    except base.FAILURES:
        return None
    found = {}
    for kind in ("branches", "tags"):
        entries = told.get(kind)
        if isinstance(entries, list) and len(entries) > MOST_REFS:
            return None
        for entry in entries if isinstance(entries, list) else []:
            target = _commit(entry.get("targetCommit")) if isinstance(entry, dict) else None
            if target is not None and (name := text(entry.get("ref"))):
                found[name] = target
    return found


def _security(told: object) -> tuple[str | None, dict[str, str]]:
    """The repository's standing as a whole, and the files with issues; the source's own words."""
    if not isinstance(told, dict):
        return None, {}
    listed = told.get("filesWithIssues")
    issues = {
        text(entry.get("path")): text(entry.get("level"))
        for entry in itertools.islice(listed if isinstance(listed, list) else [], MOST_SCANS)
        if isinstance(entry, dict) and text(entry.get("path")) and text(entry.get("level"))
    }
    if issues:
        return min(issues.values(), key=lambda level: LEVELS.index(level) if level in LEVELS else -1), issues
    done = told.get("scansDone")
    return ("safe" if done is True else "queued" if done is False else None), issues


def _scans(api: HubApi, commit: str, issues: Mapping[str, str]) -> tuple[Scan, ...] | None:
    """What the scanners say of each file of the pinned commit."""
    found: dict[str, Scan] = {}
    try:
        for entry in itertools.islice(api.tree(commit, expand=True), MOST_SCANS):
            status, path = entry.get("securityFileStatus"), text(entry.get("path"))
            if isinstance(status, dict) and path and text(status.get("status")):
                found[path] = Scan(path, text(status["status"]), _details(status))
    except base.FAILURES:
        pass
    for path, level in issues.items():
        found.setdefault(path, Scan(path, level))
    return tuple(found[path] for path in sorted(found)) if found else None


def _details(status: Mapping[str, Any]) -> str:
    """Each scanner's own word, where one has any."""
    words = []
    for name, told in sorted(status.items()):
        if isinstance(told, dict) and (word := text(told.get("status"))):
            message = text(told.get("message"))
            words.append(f"{text(name)}: {word}{f' ({message})' if message else ''}")
    return "; ".join(words)[:MOST_TEXT]


def _license(info: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Id, name and link as the card declares them; "" where a card is told that declares none."""
    card = info.get("cardData")
    if not isinstance(card, dict):
        tags = info.get("tags")
        named = (
            [text(tag)[8:] for tag in tags if text(tag).startswith("license:")]
            if isinstance(tags, list)
            else []
        )
        return (named[0] if named else None), None, None
    license_id = card.get("license")
    ids = license_id if isinstance(license_id, list) else [license_id]
    return (
        ", ".join(text(one) for one in ids[:20] if text(one)),
        text(card.get("license_name")),
        text(card.get("license_link")),
    )


def _gated(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text(value) or None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _commit(value: object) -> str | None:
    return value if isinstance(value, str) and base.COMMIT.fullmatch(value) else None


def _authors(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    return tuple(
        text(one.get("user")) for one in value[:50] if isinstance(one, dict) and text(one.get("user"))
    )
