"""The fixed prompts of the smoke test, and what any sound model's answers have in common. Pure."""

import dataclasses
import math
from collections.abc import Sequence

from modelcustody_client import canonical

PROMPTS = (
    "The capital of France is",
    "Question: What is two plus three? Answer:",
    "Water freezes at a temperature of",
    "def add(a, b):\n    return",
    "Einmal eins ist",
)
MAX_TOKENS = 24
# Greedy, so that the same files on the same engine give the same tokens.
# A sound model may find nothing to say; one token it must.
SAMPLING: dict[str, int] = {"temperature": 0, "seed": 0, "min_tokens": 1, "max_tokens": MAX_TOKENS}
# The first prompt is asked again at the end.
QUESTIONS = (*PROMPTS, PROMPTS[0])
MAX_GARBAGE = 0.1


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What the engine said to one prompt, token by token."""

    prompt: str
    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float | None, ...]
    finish_reason: str
    duration_ms: float


def suite_digest() -> str:
    """Names the questions and how they are asked."""
    suite = {"questions": list(QUESTIONS), "sampling": SAMPLING, "version": 1}
    return canonical.digest(suite)


def fingerprint(answers: Sequence[Answer]) -> str:
    """SHA-256 over the token ids of all answers, in order."""
    tokens = [list(answer.token_ids) for answer in answers]
    return canonical.digest(tokens)


def faults(answers: Sequence[Answer]) -> list[str]:
    """Why these are not the answers of a sound model; empty where they may be."""
    if len(answers) != len(QUESTIONS):
        return [f"{len(answers)} of {len(QUESTIONS)} prompts were answered"]
    found = [
        f"prompt {place}: {fault}" for place, answer in enumerate(answers, 1) for fault in _faults(answer)
    ]
    if answers[0].token_ids != answers[-1].token_ids:
        found.append(
            "the first prompt, asked again, was answered with other tokens although sampling was greedy"
        )
    return found


def _faults(answer: Answer) -> list[str]:
    found = []
    if not answer.token_ids or not answer.text.strip():
        found.append("the answer is empty")
    elif answer.text.count("\ufffd") > MAX_GARBAGE * len(answer.text):
        found.append("the answer is not text")
    if len(answer.logprobs) != len(answer.token_ids):
        found.append("not every token has a probability")
    elif not all(value is not None and math.isfinite(value) for value in answer.logprobs):
        found.append("a token's probability is not a number")
    return found
