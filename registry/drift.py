"""What changed at the source of a version since it was registered, in words, with what to do about it. Pure.

A fact that one of the two looks does not tell is not compared: silence is neither a change nor a sign that all is well.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from registry.lifecycle import Severity
from registry.observed import SUSPICIOUS, UNSAFE, SourceFacts

TAGS = "refs/tags/"
DANGEROUS = UNSAFE | SUSPICIOUS
MOST_NAMED = 10
LICENSE_FACTS = {"license": "the licence", "license_name": "its name", "license_link": "its link"}
# Refusals that say something of the source; any other, such as a host that is not configured, says something of us.
GONE = frozenset(
    {
        "repository_not_found",
        "repository_disabled",
        "repository_renamed",
        "revision_not_found",
        "gated_repository",
        "source_not_found",
    }
)


@dataclasses.dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is not as it was; `kind` is the kind of alert that it becomes, `facts` the same for programs."""

    kind: str
    severity: Severity
    message: str
    remedy: str
    facts: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Registered:
    """What of a version matters here: the name and revision that were asked for, and the commit that was pinned."""

    repository: str
    requested: str
    commit: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Looked:
    """What one look found: what drifted, and the kinds about which the source said enough to decide."""

    drifts: tuple[Drift, ...]
    kinds: frozenset[str]


def compare(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked:
    """Everything that drifted between two looks."""
    drifts: list[Drift] = []
    kinds = {"source_gone"}  # it answered
    for look in LOOKS:
        found = look(registered, before, now)
        if found is None:
            continue
        drifts += found.drifts
        kinds |= found.kinds
    return Looked(tuple(drifts), frozenset(kinds))


def gone(registered: Registered, *, code: str, why: str) -> Looked:
    """The source refuses: what it once gave is no longer there, or not for us."""
    return Looked(
        (
            Drift(
                "source_gone",
                Severity.HIGH,
                f"{registered.repository} can no longer be had: {why}",
                "The stored copy stays usable, and nothing else replaces it: do not let it be pruned. Find out from the "
                "publisher why it went (a withdrawn licence, a security problem, a renamed account), and decide "
                "whether the approvals still stand.",
                {"code": code},
            ),
        ),
        frozenset({"source_gone"}),
    )


def _look(kind: str, *drifts: Drift) -> Looked:
    return Looked(drifts, frozenset({kind}))


def _moved(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    """A tag that names another commit: tags are promises."""
    tag = TAGS + registered.requested
    if before.refs is None or now.refs is None or tag not in before.refs:
        return None
    if now.refs.get(tag) == before.refs[tag]:
        return _look("source_moved")
    target = now.refs.get(tag)
    words = f"now names {target[:12]}" if target else "is gone"
    return _look(
        "source_moved",
        Drift(
            "source_moved",
            Severity.HIGH,
            f"The tag {registered.requested} named {before.refs[tag][:12]} when it was registered, and {words}.",
            "What is stored and approved stays the commit that was pinned. Ask the publisher why the tag moved; register "
            "the new commit as a version of its own, and compare the two.",
            {"tag": registered.requested, "before": before.refs[tag], "now": target},
        ),
    )


def _rewritten(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    if now.has_pinned is None:
        return None
    if now.has_pinned:
        return _look("history_rewritten")
    return _look(
        "history_rewritten",
        Drift(
            "history_rewritten",
            Severity.HIGH,
            f"The history of {registered.requested or 'the branch'} no longer contains the pinned commit "
            f"{(registered.commit or '')[:12]}: it was rewritten.",
            "The publisher withdrew or replaced what is approved here. Find out why before the next renewal; compare the "
            "present commit with the stored one.",
            {"pinned": registered.commit, "now": now.commit},
        ),
    )


def _new(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    """The branch went on, as branches do; a rewritten one is told apart elsewhere."""
    newest = now.head if now.head is not None else now.commit
    if newest is None or registered.commit is None:
        return None
    if newest in {registered.commit, before.head}:
        return _look("new_revision")
    return _look(
        "new_revision",
        Drift(
            "new_revision",
            Severity.INFO,
            f"{registered.repository} has a newer revision, {newest[:12]}.",
            "Nothing has to be done. To use it, register it as a version of its own; the page that compares two versions "
            "shows what changed.",
            {"now": newest},
        ),
    )


def _renamed(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    if now.repository is None:
        return None
    if now.repository == (before.repository or registered.repository):
        return _look("source_renamed")
    return _look(
        "source_renamed",
        Drift(
            "source_renamed",
            Severity.MEDIUM,
            f"{registered.repository} is called {now.repository} now.",
            "Make sure that the new name belongs to the same publisher: a name that was given up can be taken by someone "
            "else. Register further versions under the new name.",
            {"before": before.repository or registered.repository, "now": now.repository},
        ),
    )


def _listing(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    """Sources without commits: the same address lists other files."""
    if before.listing_digest is None or now.listing_digest is None:
        return None
    if before.listing_digest == now.listing_digest:
        return _look("source_changed")
    return _look(
        "source_changed",
        Drift(
            "source_changed",
            Severity.HIGH,
            "The source no longer lists the files that were registered: some were added, removed or replaced.",
            "What is approved stays what was registered. Where the files are used in place, verify the version again at "
            "once; otherwise register the new state as a version of its own.",
            {"before": before.listing_digest, "now": now.listing_digest},
        ),
    )


def _license(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    changed = _changed(before, now, tuple(LICENSE_FACTS))
    if changed is None:
        return None
    if not changed:
        return _look("license_changed")
    words = "; ".join(
        f"{LICENSE_FACTS[name]} from {old or 'nothing'} to {new or 'nothing'}"
        for name, (old, new) in changed.items()
    )
    return _look(
        "license_changed",
        Drift(
            "license_changed",
            Severity.HIGH,
            f"The publisher changed the declared licence: {words}.",
            "Whether the new terms reach the commit that is stored is a question for a lawyer: some licences bind the "
            "version that was received, some name the latest text. Keep the stored licence files as evidence and "
            "conclude the licence anew.",
            changed,
        ),
    )


def _access(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    changed = _changed(before, now, ("gated", "private", "disabled"))
    if changed is None:
        return None
    if not changed:
        return _look("gating_changed")
    severity = Severity.HIGH if now.disabled and "disabled" in changed else Severity.MEDIUM
    words = "; ".join(
        f"{name}: {_word(old)} before, {_word(new)} now" for name, (old, new) in changed.items()
    )
    return _look(
        "gating_changed",
        Drift(
            "gating_changed",
            severity,
            f"Who may fetch the files changed: {words}.",
            "A gate asks for terms to be accepted: read them, and record who accepted them for the organisation. A "
            "repository that was disabled may hold something dangerous: look at its page before it is used again.",
            changed,
        ),
    )


def _scans(registered: Registered, before: SourceFacts, now: SourceFacts) -> Looked | None:
    """A file that the source's scanners now hold to be dangerous; a scan that only finished is no news."""
    if now.scans is None and now.scan_status is None:
        return None
    known = {(scan.path, scan.status.casefold()) for scan in before.scans or ()}
    worse = {
        scan.path: scan.status
        for scan in now.scans or ()
        if scan.status.casefold() in DANGEROUS and (scan.path, scan.status.casefold()) not in known
    }
    status = (now.scan_status or "").casefold()
    if not worse and (status not in DANGEROUS or status == (before.scan_status or "").casefold()):
        return _look("scan_changed")
    named = ", ".join(f"{path} ({word})" for path, word in sorted(worse.items())[:MOST_NAMED])
    more = f" and {len(worse) - MOST_NAMED} more" if len(worse) > MOST_NAMED else ""
    return _look(
        "scan_changed",
        Drift(
            "scan_changed",
            Severity.HIGH,
            f"The source's own scanners now warn: {named + more if worse else now.scan_status}.",
            "Verify the version again and read what the scanners say. If there is doubt, quarantine the version: that "
            "stops every node at once, and can be lifted.",
            {"files": worse, "status": now.scan_status},
        ),
    )


def _changed(before: SourceFacts, now: SourceFacts, names: tuple[str, ...]) -> dict[str, list[Any]] | None:
    """[before, now] of each fact that changed; None where no look tells any of them twice."""
    pairs = {name: [getattr(before, name), getattr(now, name)] for name in names}
    told = {name: pair for name, pair in pairs.items() if None not in pair}
    return {name: pair for name, pair in told.items() if pair[0] != pair[1]} if told else None


def _word(value: object) -> str:
    return str(value) if not isinstance(value, bool) else "yes" if value else "no"


LOOKS: tuple[Callable[[Registered, SourceFacts, SourceFacts], Looked | None], ...] = (
    _moved,
    _rewritten,
    _new,
    _renamed,
    _listing,
    _license,
    _access,
    _scans,
)
