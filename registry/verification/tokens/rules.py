"""What a tokenizer does to text before and after the model sees it: its normaliser, patterns and decoder. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from registry.formats.pattern_syntax import BadPattern
from registry.formats.patterns import can_explode
from registry.formats.tokenizer import Tokenizer, steps
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed
from registry.verification.tokens.words import shown

_KNOWN: Mapping[str, frozenset[str]] = {
    "normalizer": frozenset(
        {
            "Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Strip", "BertNormalizer",
            "Replace", "Prepend", "Precompiled", "Nmt", "ByteLevel",
        }
    ),
    "pre_tokenizer": frozenset(
        {
            "Sequence", "ByteLevel", "Metaspace", "Whitespace", "WhitespaceSplit", "Split", "Digits",
            "Punctuation", "BertPreTokenizer", "CharDelimiterSplit", "UnicodeScripts", "FixedLength",
        }
    ),
    "post_processor": frozenset({"Sequence", "ByteLevel", "TemplateProcessing", "BertProcessing", "RobertaProcessing"}),
    "decoder": frozenset(
        {
            "Sequence", "ByteLevel", "Metaspace", "Replace", "ByteFallback", "Fuse", "Strip", "WordPiece",
            "BPEDecoder", "CTC",
        }
    ),
}  # fmt: skip
_WHERE = {"normalizer": "what people write", "decoder": "what the model answers"}


def findings(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    """Everything about the rules of one tokenizer.json."""
    for name, rule in tokenizer.rules.items():
        for place, step in steps(rule):
            yield from _step(path, name, f"{name}{place}", step)


def _step(path: str, name: str, member: str, step: Mapping[str, Any]) -> Iterator[Finding]:
    kind = str(step.get("type"))
    if kind not in _KNOWN[name]:
        yield failed(
            f"The step {member} is of the kind {kind[:40]!a}, which is not known here.",
            path=path, member=member, severity=Severity.LOW,
        )  # fmt: skip
    if kind == "Replace" and name in _WHERE:
        yield from _replacement(path, name, member, step)
    pattern = step.get("pattern")
    if isinstance(pattern, dict) and isinstance(pattern.get("Regex"), str):
        yield from pattern_findings(path, f"{member}.pattern.Regex", pattern["Regex"])


def _replacement(path: str, name: str, member: str, step: Mapping[str, Any]) -> Iterator[Finding]:
    """Replacing marks and spaces is usual; replacing words changes what was said."""
    pattern, content = step.get("pattern"), step.get("content")
    wanted = pattern.get("String") if isinstance(pattern, dict) else None
    words = [text for text in (wanted, content) if isinstance(text, str) and _has_word(text)]
    if words:
        yield failed(
            f"The tokenizer rewrites words in {_WHERE[name]}: {shown(str(wanted or pattern))} becomes "
            f"{shown(str(content))}.",
            path=path, member=member,
        )  # fmt: skip


def _has_word(text: str) -> bool:
    return sum(mark.isalnum() for mark in text) > 1


def pattern_findings(path: str, member: str, pattern: str) -> Iterator[Finding]:
    """Whether a pattern can take time that doubles with every character; the pattern is never run."""
    try:
        explodes = can_explode(pattern)
    except BadPattern as error:
        yield failed(
            f"The pattern in {member} cannot be judged: {error}.",
            path=path, member=member, pattern=pattern[:300], severity=Severity.MEDIUM,
        )  # fmt: skip
        return
    if explodes:
        yield failed(
            f"The pattern in {member} can take time that doubles with every character of a text, so "
            "that one request "
            f"would hold up a server: {pattern[:120]!a}.",
            path=path, member=member, pattern=pattern[:300],
        )  # fmt: skip
