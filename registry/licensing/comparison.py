"""What differs between two answers to the same question under other facts. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from registry.licensing.terms import State, Verdict

Answer = Mapping[str, Any]


class Effect(StrEnum):
    """What a change does to a verdict."""

    WORSE = "worse"
    BETTER = "better"
    # The verdict stays, for other reasons or with other duties.
    DIFFERENT = "different"
    SAME = "same"


@dataclass(frozen=True)
class FindingChange:
    """A condition that was looked at before, after, or both, with another outcome."""

    license: str | None
    condition: str
    clause: str | None
    before: str | None
    after: str | None
    reason: str
    remedy: str | None

    @property
    def sentence(self) -> str:
        """The change in words."""
        where = ", ".join(part for part in (self.license, self.clause) if part)
        subject = f"{where}: " if where else ""
        if self.after is None:
            return f"{subject}{_words(self.condition)} no longer matters"
        if self.after == State.MET and self.before is not None:
            return f"{subject}holds: {self.reason}"
        return f"{subject}{self.reason}"

    def to_json(self) -> dict[str, Any]:
        """The change as the REST interface spells it."""
        return {
            "license": self.license,
            "condition": self.condition,
            "clause": self.clause,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Difference:
    """Two verdicts, and everything that came or went between them."""

    before: Verdict
    after: Verdict
    findings: tuple[FindingChange, ...] = ()
    obligations_added: tuple[Mapping[str, Any], ...] = ()
    obligations_removed: tuple[Mapping[str, Any], ...] = ()
    missing_added: tuple[str, ...] = ()
    missing_removed: tuple[str, ...] = ()
    conflicts_added: tuple[str, ...] = ()
    conflicts_removed: tuple[str, ...] = ()

    @property
    def effect(self) -> Effect:
        """Worse and better by the order of restriction; otherwise whether anything differs at all."""
        if self.after.rank != self.before.rank:
            return Effect.WORSE if self.after.rank > self.before.rank else Effect.BETTER
        return Effect.DIFFERENT if self._differs else Effect.SAME

    @property
    def _differs(self) -> bool:
        return self != Difference(self.before, self.after)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every change in a sentence, what weighs most first."""
        weight = [State.VIOLATED.value, State.UNKNOWN.value, State.MET.value, None]
        ordered = sorted(self.findings, key=lambda item: weight.index(item.after))
        return (
            *(item.sentence for item in ordered),
            *self.conflicts_added,
            *(f"no longer a conflict: {text}" for text in self.conflicts_removed),
            *(f"new duty: {item['do']}" for item in self.obligations_added),
            *(f"no longer due: {item['do']}" for item in self.obligations_removed),
        )

    def to_json(self) -> dict[str, Any]:
        """What came and went, as the REST interface spells it."""
        return {
            "findings": [item.to_json() for item in self.findings],
            "obligations": {
                "added": [dict(item) for item in self.obligations_added],
                "removed": [dict(item) for item in self.obligations_removed],
            },
            "missing_facts": {"added": list(self.missing_added), "removed": list(self.missing_removed)},
            "reasons": list(self.reasons),
        }


def difference(before: Answer, after: Answer) -> Difference:
    """Hold one answer against another; both as the contract spells them."""
    return Difference(
        before=Verdict(before["verdict"]),
        after=Verdict(after["verdict"]),
        findings=tuple(_findings(before["findings"], after["findings"])),
        obligations_added=_only(after["obligations"], before["obligations"]),
        obligations_removed=_only(before["obligations"], after["obligations"]),
        missing_added=_new(before["missing_facts"], after["missing_facts"]),
        missing_removed=_new(after["missing_facts"], before["missing_facts"]),
        conflicts_added=_new(_texts(before["conflicts"]), _texts(after["conflicts"])),
        conflicts_removed=_new(_texts(after["conflicts"]), _texts(before["conflicts"])),
    )


def _findings(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> Iterable[FindingChange]:
    was, now = _numbered(before), _numbered(after)
    for key in [*was, *(key for key in now if key not in was)]:
        old, new = was.get(key), now.get(key)
        shown = new or old
        if shown is None or _told(old) == _told(new):
            continue
        if new is None and shown["outcome"] == State.MET:
            continue  # what never stood in the way is no news when it goes
        yield FindingChange(
            license=shown["license"],
            condition=shown["condition"],
            clause=shown["clause"],
            before=old["outcome"] if old else None,
            after=new["outcome"] if new else None,
            reason=shown["reason"],
            remedy=shown["remedy"],
        )


def _told(finding: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    """What of a finding counts as news; the words of a condition that holds do not."""
    if finding is None:
        return None
    outcome = finding["outcome"]
    return (outcome,) if outcome == State.MET else (outcome, finding["reason"])


def _numbered(
    findings: Iterable[Mapping[str, Any]],
) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    """Findings by license, condition and clause; several of one kind keep their order."""
    seen: Counter[tuple[Any, ...]] = Counter()
    found = {}
    for item in findings:
        key = (item["license"], item["condition"], item["clause"])
        found[(*key, seen[key])] = item
        seen[key] += 1
    return found


def _only(these: Iterable[Mapping[str, Any]], those: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    kept = list(those)
    return tuple(item for item in these if item not in kept)


def _new(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    old = set(before)
    return tuple(item for item in after if item not in old)


def _texts(conflicts: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(item["reason"]) for item in conflicts]


def _words(code: str) -> str:
    return code.replace("_", " ")
