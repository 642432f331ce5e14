"""How a tokenizer differs from that of the model that it was made from. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from registry.formats.tokenizer import Tokenizer
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed
from registry.verification.tokens.words import LISTED, is_control, some

# More entries than this with other ids are another tokenizer, not a change to this one.
FEW = 0.2


def findings(path: str, mine: Tokenizer, base: Tokenizer, *, model: str) -> Iterator[Finding]:
    """Named differences; a control token that was moved is the gravest."""
    yield from _vocabulary(path, mine, base, model)
    yield from _added(path, mine, base, model)
    for name in mine.rules:
        if mine.rules[name] != base.rules.get(name):
            yield failed(
                f"The {name.replace('_', ' ')} is another one than that of {model}.",
                path=path, member=name, severity=Severity.LOW,
                before=_kind(base.rules.get(name)), after=_kind(mine.rules[name]),
            )  # fmt: skip


def digest(tokenizer: Tokenizer) -> str:
    """The name of a vocabulary: the SHA-256 of its entries with their ids, in order of the entries."""
    entries = msgspec.json.encode(dict(tokenizer.vocabulary), order="deterministic")
    return f"sha256:{hashlib.sha256(entries).hexdigest()}"


def _vocabulary(path: str, mine: Tokenizer, base: Tokenizer, model: str) -> Iterator[Finding]:
    if mine.vocabulary == base.vocabulary:
        return
    moved = [
        token for token, number in mine.vocabulary.items() if base.vocabulary.get(token, number) != number
    ]
    shared = len(mine.vocabulary.keys() & base.vocabulary.keys())
    evidence: dict[str, Any] = {
        "before": digest(base),
        "after": digest(mine),
        "moved": moved[:LISTED],
        "count": len(moved),
    }
    if moved and len(moved) <= FEW * max(1, shared):
        yield failed(
            f"{len(moved)} entries of the vocabulary have other ids than in {model}, such as "
            f"{some(moved)}: the model "
            "would read other words than were written.",
            path=path, member="model.vocab", **evidence,
        )  # fmt: skip
    elif moved:
        words = (
            f"The vocabulary is another one than that of {model}: {len(moved)} of {shared} shared entries "
            "have other ids."
        )
        yield failed(words, path=path, member="model.vocab", severity=Severity.LOW, **evidence)
    else:
        new, gone = (
            len(mine.vocabulary.keys() - base.vocabulary.keys()),
            len(base.vocabulary.keys() - mine.vocabulary.keys()),
        )
        yield failed(
            f"The vocabulary has {new} entries that {model} lacks, and lacks {gone}.",
            path=path, member="model.vocab", severity=Severity.LOW, **evidence,
        )  # fmt: skip


def _added(path: str, mine: Tokenizer, base: Tokenizer, model: str) -> Iterator[Finding]:
    mine_ids, base_ids = mine.added_ids, base.added_ids
    moved = [token for token in mine_ids if base_ids.get(token, mine_ids[token]) != mine_ids[token]]
    if moved:
        control = [token for token in moved if is_control(token)]
        yield failed(
            f"{'Control tokens' if control else 'Added tokens'} have other ids than in {model}: "
            f"{some(control or moved)}.",
            path=path, member="added_tokens", tokens=moved[:LISTED],
        )  # fmt: skip
    renamed = _renamed(mine, base)
    if renamed:
        yield failed(
            f"Control tokens of {model} have another name here under the same id: {some(renamed)}.",
            path=path, member="added_tokens", tokens=renamed[:LISTED], severity=Severity.MEDIUM,
        )  # fmt: skip
    new = [token for token in mine_ids if token not in base_ids and token not in base.vocabulary]
    gone = [token for token in base_ids if token not in mine_ids and token not in mine.vocabulary]
    for tokens, words, severity in (
        (new, f"Tokens were added that {model} lacks", Severity.INFO),
        (gone, f"Added tokens of {model} are missing", Severity.LOW),
    ):
        if tokens:
            yield failed(
                f"{words}: {some(tokens)}.",
                path=path,
                member="added_tokens",
                severity=severity,
                tokens=tokens[:LISTED],
            )
    flags = [
        item.content
        for item in mine.added
        if item.content in base_ids and item.special != _special(base).get(item.content)
    ]
    if flags:
        words = f"Tokens are special here and not in {model}, or the other way round: {some(flags)}."
        yield failed(words, path=path, member="added_tokens", severity=Severity.LOW, tokens=flags[:LISTED])


def _renamed(mine: Tokenizer, base: Tokenizer) -> list[str]:
    """Control tokens whose id another control token has now; reserved places may be named."""
    names = {item.id: item.content for item in mine.added}
    return [
        item.content
        for item in base.added
        if is_control(item.content)
        and names.get(item.id, item.content) != item.content
        and not any(
            word in item.content.lower() for word in ("reserved", "unused", "extra", "placeholder", "dummy")
        )
    ]


def _special(tokenizer: Tokenizer) -> Mapping[str, bool]:
    return {item.content: item.special for item in tokenizer.added}


def _kind(rule: Any) -> str:
    return str(rule.get("type"))[:80] if isinstance(rule, dict) else "none"
