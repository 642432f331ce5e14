"""Answers as text for a terminal. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

MARKS = {"worse": "- ", "better": "+ ", "different": "~ ", "same": "  "}


def of_answer(answer: Mapping[str, Any]) -> str:
    """One answer, and where facts were moved what changes."""
    lines = [
        f"Verdict: {answer['verdict']}",
        f"Licences: {', '.join(answer['effective_licenses']) or 'none known'}",
        *(f"  must: {item['do']} ({item['clause']})" for item in answer["obligations"]),
        *(f"  {item['outcome']}: {item['reason']}" for item in answer["findings"]),
        *(f"  conflict: {item['reason']}" for item in answer["conflicts"]),
        *(f"  missing fact: {fact}" for fact in answer["missing_facts"]),
    ]
    moved = answer.get("what_if")
    if moved is not None:
        lines += [
            "",
            f"What if: {moved['answer']['verdict']} ({_move(moved['effect'])})",
            *(f"  {reason}" for reason in moved["reasons"]),
            *(f"  now missing: {fact}" for fact in moved["missing_facts"]["added"]),
            *(f"  no longer missing: {fact}" for fact in moved["missing_facts"]["removed"]),
        ]
    return "\n".join(lines)


def of_matrix(found: Mapping[str, Any]) -> str:
    """The verdicts of one model, an environment a line."""
    rows = [(cell["environment"], cell["before"]["verdict"], cell) for cell in found["cells"]]
    moved = found["is_moved"]
    head = ["Environment", "Verdict now", *(["What if"] if moved else [])]
    table = [[name, verdict, *([_after(cell)] if moved else [])] for name, verdict, cell in rows]
    lines = [f"{found['model']} ({found['revision']})", "", *_aligned([head, *table])]
    for name, _, cell in rows:
        told = [
            *(cell["reasons"] if moved else []),
            *(f"missing fact: {fact}" for fact in _missing(cell, moved=moved)),
        ]
        if told:
            lines += ["", f"{name}:", *(f"  {text}" for text in told)]
    return "\n".join(lines)


def _missing(cell: Mapping[str, Any], *, moved: bool) -> list[str]:
    missing: list[str] = cell["after" if moved else "before"]["missing_facts"]
    return missing


def _after(cell: Mapping[str, Any]) -> str:
    return f"{MARKS[cell['effect']]}{cell['after']['verdict']} ({_move(cell['effect'])})"


def _move(effect: str) -> str:
    return {"same": "no change", "different": "other reasons or duties"}.get(effect, effect)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
