"""One question with moved facts beside it: both answers, and what differs. Reads what it is given to ask with."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from registry.licensing.changes import PARTS, Change, Step, parse_step
from registry.licensing.comparison import difference

Ask = Callable[[Mapping[str, Any]], dict[str, Any]]
MEMBER = "what_if"


def answered(question: Mapping[str, Any], *, today: date, ask: Ask) -> dict[str, Any]:
    """The answer; where the question has a member `what_if`, with the answer to the moved question beside it."""
    plain = {key: value for key, value in question.items() if key != MEMBER}
    moves = question.get(MEMBER)
    found = ask(plain)
    if moves is None:
        return found
    return {**found, MEMBER: compared(plain, found, parse_step(moves, on=today), ask=ask)}


def compared(question: Mapping[str, Any], before: dict[str, Any], step: Step, *, ask: Ask) -> dict[str, Any]:
    """The answer under moved facts, and what differs from the answer as it is."""
    change = Change((step,))
    moved = {part: change.moved(part, question.get(part) or {}) for part in PARTS}
    after = ask({**question, **moved})
    found = difference(before, after)
    return {"effect": found.effect.value, "answer": after, **found.to_json()}
