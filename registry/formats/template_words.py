"""What a chat template says that nobody has written into the conversation, and when it says so. Pure.

Words of its own, such as a default system prompt, are told and no more. What counts are words that appear only when a
message says something in particular or from some day on, addresses built from what people wrote, hidden characters.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from jinja2 import nodes

from registry.formats.sign import Level, Sign
from registry.formats.template import nodes_of

ROUNDS = 4
CONTENT = frozenset({"content", "text", "reasoning_content", "prompt"})
# Names of the parts that a message's content may have, which templates look for in it.
PARTS = frozenset(
    {
        "audio",
        "content",
        "document",
        "file",
        "image",
        "image_url",
        "input_audio",
        "text",
        "type",
        "url",
        "video",
    }
)
COMPARING = frozenset({"startswith", "endswith", "find", "rfind", "count", "index"})
# What stands for itself in a conversation rather than being said: tokens, tags, commands and marks.
_MARKUP = re.compile(r"[<\[{|/\\#`*_@$%^=~(]")
_WORD = re.compile(r"[^\W\d_]{3,}")
_ADDRESS = re.compile(r"(?i)\b(?:https?|ftp|wss?)://[^\s'\"<>]{3,200}")
_TOKEN = re.compile(r"<[^<>\n]{1,40}>")
_HIDING = tuple(
    re.compile(rf"(?i){pattern}")
    for pattern in (
        r"\bignore (?:all |any |the |your )*(?:previous|prior|above|earlier|other) (?:instructions?|messages?|rules?|prompts?)",
        r"\b(?:do not|don't|never) (?:tell|inform|warn|alert) (?:the |your )?(?:users?|anyone|people)\b(?! about (?:function|tool) calls)",
        r"\bwithout (?:telling|informing|warning|alerting|the knowledge of) (?:the |your )?(?:users?|anyone|people|them)\b",
        r"\b(?:secretly|covertly|stealthily|surreptitiously)\b",
        r"\b(?:insert|add|include|introduce|append|embed)\b.{0,60}\b(?:backdoors?|vulnerabilit(?:y|ies)|malware|exploits?)\b",
        r"(?:\bcurl |\bwget |\bpowershell\b|\brm -rf\b|/bin/(?:ba)?sh\b|\bbase64 -d\b)",
    )
)
_UNSEEN = re.compile(
    "[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufff9-\ufffb\U000e0000-\U000e0fff]|.\ufeff"
)
MIN_WORDS = 3
MANY_WORDS = 10


def words(tree: nodes.Template, source: str) -> list[Sign]:
    """What is remarkable about the words and characters of the template."""
    contents = _Contents(tree)
    found = [sign for node in nodes_of(tree) for sign in _node(node, contents)]
    for text, line in fixed(tree):
        found += said(text, line)
    return found + list(unseen(source))


def fixed(tree: nodes.Node) -> Iterator[tuple[str, int]]:
    """Every text of the template's own that may be put into the conversation, with its line."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.TemplateData):
            yield node.data, node.lineno
        elif isinstance(node, nodes.Const) and isinstance(node.value, str):
            yield node.value, node.lineno
        elif isinstance(node, nodes.Compare | nodes.Test):
            continue  # what is compared is not said
        elif isinstance(node, nodes.Call) and _is_refusal(node):
            continue  # the words of an error, which end the rendering
        elif isinstance(node, nodes.Getitem):
            pending.append(node.node)
        else:
            pending.extend(node.iter_child_nodes())


def sentences(tree: nodes.Node) -> str:
    """The words of the template's own in one line, without tokens and marks."""
    found = (text for text, _ in fixed(tree) if len(_WORD.findall(_TOKEN.sub(" ", text))) >= MIN_WORDS)
    return " ".join(" ".join(found).split())


def _is_refusal(node: nodes.Call) -> bool:
    return isinstance(node.node, nodes.Name) and node.node.name == "raise_exception"


class _Contents:
    """Which expressions stand for what people and tools wrote, and which for the date."""

    def __init__(self, tree: nodes.Template) -> None:
        self.content: set[str] = set()
        self.dated: set[str] = set()
        given = list(_given(tree))
        for _ in range(ROUNDS):
            for name, value in given:
                if self.is_content(value):
                    self.content.add(name)
                if self.is_dated(value):
                    self.dated.add(name)

    def is_content(self, node: nodes.Node | None) -> bool:
        """Whether it is the text of a message: not its role or kind."""
        pending = [node]
        while pending:
            inner = pending.pop()
            if inner is None:
                continue
            is_member = isinstance(inner, nodes.Getattr | nodes.Getitem) and _member(inner) in CONTENT
            if is_member or _name(inner) in self.content or _is_whole(inner):
                return True
            pending.extend(_whence(inner))
        return False

    def is_dated(self, node: nodes.Node) -> bool:
        """Whether it depends on the day."""
        return any(
            (isinstance(inner, nodes.Call) and _name(inner.node) == "strftime_now")
            or (isinstance(inner, nodes.Name | nodes.NSRef | nodes.Getattr) and _name(inner) in self.dated)
            for inner in nodes_of(node)
        )


def _is_whole(node: nodes.Node) -> bool:
    """Whether it is the whole conversation as one text."""
    return (
        isinstance(node, nodes.Filter)
        and node.name in {"tojson", "string", "join"}
        and _name(node.node) in {"messages", "message"}
    )


def _whence(node: nodes.Node) -> Iterable[nodes.Node | None]:
    """What an expression takes its text from."""
    if isinstance(node, nodes.Filter):
        return [] if node.name in {"length", "count"} else [node.node]
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        return [node.node.node]
    if isinstance(node, nodes.Getitem):
        return [] if isinstance(_key(node), str) else [node.node]
    return node.iter_child_nodes() if isinstance(node, nodes.Add | nodes.Concat | nodes.CondExpr) else []


def _given(tree: nodes.Template) -> Iterator[tuple[str, nodes.Node]]:
    macros = {node.name: node for node in nodes_of(tree) if isinstance(node, nodes.Macro)}
    for node in nodes_of(tree):
        if isinstance(node, nodes.Assign):
            yield _name(node.target), node.node
        elif isinstance(node, nodes.For) and not isinstance(node.target, nodes.Tuple):
            yield _name(node.target), node.iter
        elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name in macros:
            for argument, value in zip(macros[node.node.name].args, node.args, strict=False):
                yield argument.name, value


def _name(node: nodes.Node | None) -> str:
    if isinstance(node, nodes.NSRef):
        return f"{node.name}.{node.attr}"
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def _key(node: nodes.Getitem) -> object:
    return node.arg.value if isinstance(node.arg, nodes.Const) else None


def _member(node: nodes.Getattr | nodes.Getitem) -> object:
    return node.attr if isinstance(node, nodes.Getattr) else _key(node)


def _node(node: nodes.Node, contents: _Contents) -> Iterator[Sign]:
    if isinstance(node, nodes.If | nodes.CondExpr):
        yield from _branch(node, contents)
    elif isinstance(node, nodes.Filter) and node.name == "replace":
        yield from _replaces(node, node.node, node.args, contents)
    elif (
        isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr) and node.node.attr == "replace"
    ):
        yield from _replaces(node, node.node.node, node.args, contents)
    elif isinstance(node, nodes.Output):
        yield from _addresses(node.nodes, contents)
    elif isinstance(node, nodes.Add | nodes.Concat):
        yield from _addresses(node.iter_child_nodes(), contents)


def _branch(node: nodes.If | nodes.CondExpr, contents: _Contents) -> Iterator[Sign]:
    """Words that appear only where a message says something, or from some day on."""
    bodies = [node.expr1] if isinstance(node, nodes.CondExpr) else node.body
    count = sum(len(_WORD.findall(_TOKEN.sub(" ", text))) for body in bodies for text, _ in fixed(body))
    for inner in nodes_of(node.test):
        if isinstance(inner, nodes.Compare) and contents.is_dated(inner):
            yield Sign(Level.DANGER, "trigger", "behaves differently depending on the date", node.lineno)
        for phrase in _asked(inner, contents):
            if _is_said(phrase) and count >= MIN_WORDS:
                words_ = f"adds words of its own only where a message says {phrase[:60]!r}"
                yield Sign(Level.DANGER, "trigger", words_, node.lineno)
            elif phrase.strip() and count >= MANY_WORDS:
                words_ = f"adds many words of its own only where a message holds {phrase[:60]!r}"
                yield Sign(Level.WARNING, "trigger", words_, node.lineno)
            elif _is_said(phrase) and phrase not in PARTS:
                yield Sign(
                    Level.DOUBT,
                    "condition",
                    f"does something only where a message says {phrase[:60]!r}",
                    node.lineno,
                )


def _asked(node: nodes.Node, contents: _Contents) -> Iterator[str]:
    """The fixed texts that the content of a message is compared with."""
    if isinstance(node, nodes.Compare):
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        if any(contents.is_content(side) for side in sides):
            yield from (text for side in sides for text in _constants(side))
    elif isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        if node.node.attr in COMPARING and contents.is_content(node.node.node):
            yield from (text for argument in node.args for text in _constants(argument))
    elif isinstance(node, nodes.Test) and contents.is_content(node.node):
        yield from (text for argument in node.args for text in _constants(argument))
    elif isinstance(node, nodes.Filter) and node.name in {"selectattr", "rejectattr"}:
        asked = CONTENT & {text for argument in node.args[:1] for text in _constants(argument)}
        yield from (text for argument in node.args[2:] if asked for text in _constants(argument))


def _constants(node: nodes.Node) -> Iterable[str]:
    return [
        inner.value
        for inner in nodes_of(node)
        if isinstance(inner, nodes.Const) and isinstance(inner.value, str)
    ]


def _is_said(phrase: str) -> bool:
    """Whether it is something that people say, rather than a mark of the conversation's form."""
    return _WORD.search(phrase) is not None and _MARKUP.search(phrase) is None


def _replaces(
    node: nodes.Expr, whole: nodes.Node | None, arguments: list[nodes.Expr], contents: _Contents
) -> Iterator[Sign]:
    pair = [text for argument in arguments for text in _constants(argument)]
    if contents.is_content(whole) and len(pair) == 2 and all(_is_said(text) for text in pair):
        words_ = f"changes what messages say: {pair[0][:40]!r} becomes {pair[1][:40]!r}"
        yield Sign(Level.DANGER, "rewrites", words_, node.lineno)


def _addresses(parts: Iterable[nodes.Node], contents: _Contents) -> Iterator[Sign]:
    """An address that ends in what people wrote: whoever shows or opens it sends their words there."""
    for before, after in itertools.pairwise(parts):
        texts = [text for text, _ in fixed(before)]
        tail = _ADDRESS.search(texts[-1]) if texts else None
        if tail and tail.end() == len(texts[-1]) and contents.is_content(after):
            words_ = f"puts what messages say into an address ({tail[0][:80]})"
            yield Sign(Level.ATTACK, "address", words_, before.lineno)


def said(text: str, line: int) -> Iterator[Sign]:
    """What is remarkable about a text that is put into every conversation."""
    for pattern in _HIDING:
        match = pattern.search(text)
        if match:
            yield Sign(Level.WARNING, "hiding", f"says {match[0][:80]!r}", line)
    for match in _ADDRESS.finditer(text):
        yield Sign(Level.DOUBT, "address", f"names the address {match[0][:80]}", line)
    for token in _TOKEN.findall(text):
        if _is_look_alike(token):
            yield Sign(
                Level.DANGER,
                "look-alike",
                f"has a token with letters that only look like others ({token!a})",
                line,
            )
    yield from unseen(text, line)


def _is_look_alike(token: str) -> bool:
    """Whether Latin letters stand beside Greek or Cyrillic ones."""
    scripts = {unicodedata.name(mark, "").split(" ")[0] for mark in token if mark.isalpha()}
    return "LATIN" in scripts and bool(scripts & {"CYRILLIC", "GREEK"})


def unseen(text: str, line: int = 0) -> Iterator[Sign]:
    """Characters that nobody can see, or that change the order in which others are shown."""
    match = _UNSEEN.search(text)
    if match:
        code = ord(match[0][-1])
        is_grave = 0x202A <= code <= 0x202E or 0x2066 <= code <= 0x2069 or code >= 0xE0000
        at = line or text.count("\n", 0, match.start()) + 1
        words_ = f"holds characters that cannot be seen (U+{code:04X})"
        yield Sign(Level.ATTACK if is_grave else Level.WARNING, "unseen", words_, at)
