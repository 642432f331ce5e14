"""Reads the templates of Ollama models, which are written for Go's text/template, without running them. Pure.

The language cannot reach files, programs or the network: it calls the functions that it is given, and reads the
conversation. So an allow-list over its words, and a look at what it says, are all that there is to ask.
Source: pkg.go.dev/text/template (actions, functions) and Ollama's template package (json, currentDate, ...).
"""

import re
from collections.abc import Iterator

from registry.formats.sign import Level, Sign
from registry.formats.template_words import said

MAX_CHARACTERS = 256 * 1024
MAX_ACTIONS = 20_000
MAX_WIDTH = 1000
KEYWORDS = frozenset(
    {
        "block",
        "break",
        "continue",
        "define",
        "else",
        "end",
        "if",
        "range",
        "template",
        "with",
        "nil",
        "true",
        "false",
    }
)
FUNCTIONS = frozenset(
    {
        "and", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt", "ne", "not", "or", "print", "printf", "println", "slice",
        "urlquery",  # of Go itself; `call`, which calls what the data holds, is left out
        "currentDate", "json", "toTypeScriptType", "yesterdayDate", "formatTools", "last", "contains",
    }
)  # fmt: skip
_ACTION = re.compile(r"\{\{-?(.*?)-?\}\}", re.DOTALL)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`|\'(?:[^\'\\]|\\.)*\'')
_WORD = re.compile(r"(?<![\w.$])[A-Za-z_]\w*")
_WIDE = re.compile(r"%[-+# 0]*(\d+)")
_ASKED = re.compile(r"^\s*(?:else\s+)?if\b(?=.*\.(?:Content|Prompt)\b)", re.DOTALL)
_PROSE = re.compile(r"[^\W\d_]{3,}")


class BadGoTemplate(ValueError):
    """The template cannot be understood, so nothing can be said about it."""


def signs(source: str) -> list[Sign]:
    """What the template does beyond putting text together; raises `BadGoTemplate`."""
    if len(source) > MAX_CHARACTERS:
        raise BadGoTemplate(f"it is longer than {MAX_CHARACTERS} characters")
    if source.count("{{") != source.count("}}"):
        raise BadGoTemplate("an action is opened and not closed")
    found: list[Sign] = []
    line, end, depth = 1, 0, 0
    for number, match in enumerate(_ACTION.finditer(source)):
        if number >= MAX_ACTIONS:
            raise BadGoTemplate(f"it has more than {MAX_ACTIONS} actions")
        text, inside = source[end : match.start()], match[1]
        found += said(text, line)
        line += text.count("\n")
        if not inside.lstrip().startswith("/*"):
            found += _action(inside, line)
            words = _WORD.findall(_QUOTED.sub(" ", inside))
            depth += bool(words) and words[0] in {"if", "range", "with", "define", "block"}
            depth -= words[:1] == ["end"]
        line, end = line + match[0].count("\n"), match.end()
    if depth:
        raise BadGoTemplate("its blocks are not all closed")
    return found + list(said(source[end:], line))


def sentences(source: str) -> str:
    """The words of the template's own in one line."""
    return " ".join(_ACTION.sub(" ", source).split())


def _action(inside: str, line: int) -> Iterator[Sign]:
    quoted = [item[1:-1] for item in _QUOTED.findall(inside)]
    for word in dict.fromkeys(_WORD.findall(_QUOTED.sub(" ", inside))):
        if word not in KEYWORDS | FUNCTIONS:
            yield Sign(Level.DANGER, "call", f"calls {word[:40]}", line)
    for text in quoted:
        if any(int(width[:6]) > MAX_WIDTH for width in _WIDE.findall(text)):
            yield Sign(Level.DANGER, "count", "pads text without a sensible end", line)
        yield from said(text, line)
    if _ASKED.match(inside):
        for text in quoted:
            if _PROSE.search(text) and not re.search(r"[<\[{|/\\]", text):
                words = f"does something only where a message says {text[:60]!r}"
                yield Sign(Level.DANGER, "trigger", words, line)
