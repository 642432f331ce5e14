"""Licence questions as they come in: one object, a list of them, or one a line. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

from modelcustody_client import canonical

from governance.errors import GovernanceError, InvalidInput

MAX_BYTES = 8 * 1024 * 1024
MAX_QUESTIONS = 10_000


class MalformedJson(InvalidInput):
    """The bytes are not JSON, or say the same thing twice."""

    code = "malformed_json"


class Form(StrEnum):
    """How the questions came, which is how the answers go."""

    ONE = auto()
    LIST = auto()
    LINES = auto()


@dataclass(frozen=True)
class Questions:
    """Questions in order."""

    items: tuple[Mapping[str, Any], ...]
    form: Form = Form.ONE

    def only(self) -> Mapping[str, Any]:
        """The one question; raises `InvalidInput` where there are several, or none."""
        if len(self.items) != 1:
            raise InvalidInput(f"one question is wanted, not {len(self.items)}")
        return self.items[0]

    def answered(self, answer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> list[dict[str, Any]]:
        """Every answer; the first question that is not understood refuses all, naming its place."""
        return [self._one(place, item, answer) for place, item in enumerate(self.items)]

    def _one(
        self,
        place: int,
        item: Mapping[str, Any],
        answer: Callable[[Mapping[str, Any]], dict[str, Any]],
    ) -> dict[str, Any]:
        try:
            return answer(item)
        except GovernanceError as error:
            if self.form is not Form.ONE:
                error.detail = f"{self._place(place)}: {error.detail}"
            raise

    def _place(self, place: int) -> str:
        return f"line {place + 1}" if self.form is Form.LINES else f"[{place}]"


def read(data: bytes) -> Questions:
    """The questions in some bytes; raises `MalformedJson` or `InvalidInput`."""
    try:
        value = canonical.loads(data, max_bytes=MAX_BYTES)
    except canonical.NotCanonical as error:
        lines = [line for line in data[: MAX_BYTES + 1].splitlines() if line.strip()]
        if len(data) > MAX_BYTES or len(lines) < 2 or not lines[0].rstrip().endswith(b"}"):
            raise MalformedJson(str(error)) from error
        return _questions([_line(number, line) for number, line in enumerate(lines)], Form.LINES)
    if isinstance(value, list):
        return _questions(value, Form.LIST)
    return _questions([value], Form.ONE)


def _line(number: int, line: bytes) -> Any:
    try:
        return canonical.loads(line, max_bytes=MAX_BYTES)
    except canonical.NotCanonical as error:
        raise MalformedJson(f"line {number + 1}: {error}") from error


def _questions(values: list[Any], form: Form) -> Questions:
    if not 1 <= len(values) <= MAX_QUESTIONS:
        raise InvalidInput(f"1 to {MAX_QUESTIONS:,} questions are answered at once, not {len(values):,}")
    found = Questions(tuple(values), form)
    for place, value in enumerate(values):
        if not isinstance(value, Mapping):
            where = "" if form is Form.ONE else f"{found._place(place)}: "  # noqa: SLF001 - its own class
            raise InvalidInput(f"{where}the question must be a JSON object")
    return found


def written(answers: list[dict[str, Any]], form: Form) -> str:
    """The answers in the form in which the questions came."""
    if form is Form.LINES:
        return "\n".join(json.dumps(item, ensure_ascii=False) for item in answers)
    return json.dumps(answers[0] if form is Form.ONE else answers, ensure_ascii=False, indent=2)
