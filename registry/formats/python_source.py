"""Brings Python source and notebooks into a syntax tree, within bounds; nothing is compiled, imported or run. Pure."""

import ast
import json
import re
import warnings
from typing import Any

from registry.formats.sign import Level, Sign

MAX_BYTES = 512 * 1024
# Marks between which every node of the tree stands: they bound its size before it is built.
MAX_MARKS = 120_000
MARKS = b"\n,;.=()[]{}:+-*/%&|^~<>@ "
MAX_CELLS = 2000
# PEP 263: an encoding is declared in one of the first two lines.
_DECLARED = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN = frozenset({"utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii", "utf_8", "latin-1", "iso-8859-1"})
# Characters that change the order in which a line is shown, and such as cannot be seen (CVE-2021-42574).
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u2060-\u2064\U000e0000-\U000e007f]")


class NotPython(ValueError):
    """The source cannot be understood, so nothing can be said about it; the message says why."""


def text_of(data: bytes) -> tuple[str, list[Sign]]:
    """The source as text, and what is odd about how it is written; raises `NotPython`."""
    if len(data) > MAX_BYTES:
        raise NotPython(f"it is longer than {MAX_BYTES} bytes")
    signs = []
    for line in data.split(b"\n", 2)[:2]:
        declared = _DECLARED.match(line)
        name = declared[1].decode("ascii", "replace").lower().replace("_", "-") if declared else "utf-8"
        if name not in _PLAIN:
            # With such a declaration Python reads other code than a person sees (utf-7, unicode_escape, rot13).
            raise NotPython(f"it declares the character encoding {name[:40]}, in which code can hide")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotPython("it is not UTF-8 text") from None
    unseen = _UNSEEN.search(text)
    if unseen:
        words = f"holds characters that cannot be seen or that reorder the line (U+{ord(unseen[0]):04X})"
        signs.append(Sign(Level.ATTACK, "unseen", words, text.count("\n", 0, unseen.start()) + 1))
    return text, signs


def parse(text: str) -> ast.Module:
    """The syntax tree; raises `NotPython`, whatever the text is."""
    data = text.encode("utf-8", "replace")
    if sum(data.count(mark) for mark in MARKS) > MAX_MARKS:
        raise NotPython("it has too many parts to be examined")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes that Python doubts are no matter here
            return ast.parse(text)
    except SyntaxError as error:
        raise NotPython(f"line {error.lineno}: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise NotPython("it is nested too deeply") from None
    except ValueError as error:
        raise NotPython(str(error)[:200]) from None


def notebook(data: bytes) -> tuple[str, list[Sign]]:
    """The code cells of a notebook as one source, its shell lines and active outputs as signs; raises `NotPython`."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        raise NotPython("it is not a notebook in JSON") from None
    cells = value.get("cells") if isinstance(value, dict) else None
    if not isinstance(cells, list):
        raise NotPython("it has no list of cells")
    if len(cells) > MAX_CELLS:
        raise NotPython(f"it has more than {MAX_CELLS} cells")
    lines: list[str] = []
    signs: list[Sign] = []
    for cell in cells:
        if isinstance(cell, dict):
            signs += _outputs(cell)
            if cell.get("cell_type") == "code":
                lines += _cell(_joined(cell.get("source")), first=len(lines) + 1, signs=signs)
    return "\n".join(lines) + "\n", signs


def _cell(source: str, *, first: int, signs: list[Sign]) -> list[str]:
    """The Python lines of a cell; what IPython alone understands is taken out, shell lines are told."""
    lines = source.split("\n")
    if lines[0].startswith("%%"):
        if lines[0].split()[0] in {"%%bash", "%%sh", "%%script", "%%!", "%%system", "%%perl", "%%ruby"}:
            signs.append(Sign(Level.DANGER, "shell", "has a cell for the shell", first))
        if lines[0].split()[0] not in {"%%time", "%%timeit", "%%capture"}:
            return [""] * len(lines)
        lines[0] = ""
    for place, line in enumerate(lines):
        bare = line.lstrip()
        if bare.startswith(("!", "%system", "%sx", "%run")):
            signs.append(Sign(Level.DANGER, "shell", "runs a command of the shell", first + place))
        if bare.startswith(("!", "%", "?")) or bare.endswith("?"):
            lines[place] = line[: len(line) - len(bare)] + "pass"
        elif re.match(r"\s*[\w.]+\s*=\s*[!%]", line):
            signs.append(Sign(Level.DANGER, "shell", "runs a command of the shell", first + place))
            lines[place] = line.split("=", 1)[0] + "= None"
    return lines


def _outputs(cell: dict[str, Any]) -> list[Sign]:
    found = []
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data") if isinstance(output, dict) else None
        for kind, shown in data.items() if isinstance(data, dict) else []:
            active = kind == "application/javascript" or (
                kind in {"text/html", "image/svg+xml"} and "<script" in _joined(shown).lower()
            )
            if active:
                found.append(Sign(Level.WARNING, "script", "has an output that holds a script"))
    return found


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return "".join(item for item in value if isinstance(item, str))
    return value if isinstance(value, str) else ""
