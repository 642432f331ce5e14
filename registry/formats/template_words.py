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
from registry.formats.template_contents import CONTENT, Contents

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
    contents = Contents(tree)
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


def _looked_up(node: nodes.Node, contents: Contents) -> Iterator[Sign]:
    """Words of the template's own that stand in a table under what a message says."""
    whole: nodes.Node | None = None
    if isinstance(node, nodes.Getitem):
        whole, asked = node.node, [node.arg]
    elif (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Getattr)
        and node.node.attr in {"get", "pop"}
    ):
        whole, asked = node.node.node, node.args[:1]
    table = contents.table(whole)
    if table is None or not any(contents.is_content(key) for key in asked):
        return
    words_ = [
        text for pair in table.items for text, _ in fixed(pair.value) if len(_WORD.findall(text)) >= MIN_WORDS
    ]
    if words_:
        says = f"adds words of its own by what a message says: {words_[0][:60]!r}"
        yield Sign(Level.DANGER, "trigger", says, node.lineno)


def _node(node: nodes.Node, contents: Contents) -> Iterator[Sign]:
    yield from _looked_up(node, contents)
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


def _branch(node: nodes.If | nodes.CondExpr, contents: Contents) -> Iterator[Sign]:
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


def _asked(node: nodes.Node, contents: Contents) -> Iterator[str]:
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
    node: nodes.Expr, whole: nodes.Node | None, arguments: list[nodes.Expr], contents: Contents
) -> Iterator[Sign]:
    pair = [text for argument in arguments for text in _constants(argument)]
    if contents.is_content(whole) and len(pair) == 2 and all(_is_said(text) for text in pair):
        words_ = f"changes what messages say: {pair[0][:40]!r} becomes {pair[1][:40]!r}"
        yield Sign(Level.DANGER, "rewrites", words_, node.lineno)


def _addresses(parts: Iterable[nodes.Node], contents: Contents) -> Iterator[Sign]:
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
