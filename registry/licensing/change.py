"""What changed from one answer to a later one about the same use. Pure."""

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Any

from registry.licensing.terms import State, Verdict

Answer = Mapping[str, Any]
# Another digest of the catalogue alone changes nothing: an unrelated record may have been added.
INCIDENTAL = frozenset({"catalog_digest"})
REASONS_SHOWN = 3
LONGEST_REASON = 300


class Direction(StrEnum):
    """How a verdict compares with an earlier one."""

    WORSE = auto()
    BETTER = auto()
    SAME = auto()


def direction(was: Answer, now: Answer) -> Direction:
    """Whether the later verdict restricts more, less, or as much."""
    before, after = Verdict(was["verdict"]).rank, Verdict(now["verdict"]).rank
    if before == after:
        return Direction.SAME
    return Direction.WORSE if after > before else Direction.BETTER


def says_the_same(was: Answer, now: Answer) -> bool:
    """Whether verdict, findings, facts used, obligations and conflicts are all as they were."""
    return all(was.get(name) == now.get(name) for name in (was.keys() | now.keys()) - INCIDENTAL)


def new_obligations(was: Answer, now: Answer) -> list[Mapping[str, Any]]:
    """The obligations that the earlier answer did not have; wording may change, the duty is its license, id and clause."""
    known = {_duty(item) for item in was["obligations"]}
    return [
        item
        for item in now["obligations"]
        # Answers from before obligations named their license have none to compare.
        if _duty(item) not in known and (None, *_duty(item)[1:]) not in known
    ]


def _duty(obligation: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    return obligation.get("license"), obligation.get("id"), obligation.get("clause")


def why(answer: Answer) -> str:
    """What stands in the way, in a few words; empty when nothing does."""
    if answer["missing_facts"]:
        return _listed("missing: ", list(answer["missing_facts"]))
    reasons = [str(item["reason"]) for item in answer["findings"] if item["outcome"] != State.MET.value]
    return _listed("", list(dict.fromkeys(reasons)))


def _listed(prefix: str, items: list[str]) -> str:
    shown = [item[:LONGEST_REASON] for item in items[:REASONS_SHOWN]]
    more = f" (and {len(items) - len(shown)} more)" if len(items) > len(shown) else ""
    return f"{prefix}{'; '.join(shown)}{more}" if shown else ""
