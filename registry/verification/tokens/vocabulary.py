"""Whether the added tokens of a tokenizer are where they say they are, and are what they look like. Pure."""

from collections.abc import Iterator
from typing import Any

from registry.formats.tokenizer import Tokenizer
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed
from registry.verification.tokens.words import LISTED, invisible, is_word, looks, shown, some


def findings(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    """Everything about one tokenizer.json by itself."""
    yield from _repeated(path, tokenizer)
    yield from _twice(path, tokenizer)
    yield from _misplaced(path, tokenizer)
    yield from _hidden(path, tokenizer)
    yield from _alike(path, tokenizer)
    yield from _plain_words(path, tokenizer)
    yield from _shared_ids(path, tokenizer)
    yield from _post_processor(path, tokenizer)


def _repeated(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    for member in tokenizer.repeated_members:
        yield failed(
            f"The member {member} is there twice, so that readers may disagree.", path=path, member=member
        )
    if tokenizer.repeated_entries:
        words = (
            f"{tokenizer.repeated_entries} entries of the vocabulary are there twice, so that readers may "
            "disagree."
        )
        severity = Severity.LOW if tokenizer.kind == "Unigram" else None
        yield failed(words, path=path, member="model.vocab", severity=severity)


def _twice(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    """Two added tokens with one id, or one token with two."""
    ids: dict[int, str] = {}
    contents: dict[str, int] = {}
    for item in tokenizer.added:
        other = ids.setdefault(item.id, item.content)
        if other != item.content:
            yield failed(
                f"The added tokens {shown(other)} and {shown(item.content)} both have the id {item.id}.",
                path=path, member="added_tokens", id=item.id,
            )  # fmt: skip
            return
        if contents.setdefault(item.content, item.id) != item.id:
            yield failed(
                f"The added token {shown(item.content)} has the ids {contents[item.content]} and {item.id}.",
                path=path, member="added_tokens", token=item.content[:200],
            )  # fmt: skip
            return


def _misplaced(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    """Added tokens that take the place of another entry, or that the vocabulary has elsewhere."""
    taking = [
        item for item in tokenizer.added if tokenizer.under_added.get(item.id, item.content) != item.content
    ]
    if taking:
        first = taking[0]
        other = tokenizer.under_added[first.id]
        yield failed(
            f"The added token {shown(first.content)} has the id {first.id}, which is that of "
            f"{shown(other)} in the "
            f"vocabulary: what the one means, the model learnt as the other ({len(taking)} such tokens).",
            path=path,
            member="added_tokens",
            tokens=[
                {
                    "id": item.id,
                    "added": item.content[:200],
                    "vocabulary": tokenizer.under_added[item.id][:200],
                }
                for item in taking[:LISTED]
            ],
        )
    moved = [item for item in tokenizer.added if tokenizer.vocabulary.get(item.content, item.id) != item.id]
    if moved:
        first = moved[0]
        yield failed(
            f"The added token {shown(first.content)} has the id {first.id}, and the vocabulary says "
            f"{tokenizer.vocabulary[first.content]} ({len(moved)} such tokens).",
            path=path,
            member="added_tokens",
            tokens=[{"id": item.id, "added": item.content[:200]} for item in moved[:LISTED]],
        )


def _hidden(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    found = [item.content for item in tokenizer.added if item.special and invisible(item.content)]
    if found:
        yield failed(
            f"Special tokens have characters that cannot be seen: {some(found)}.",
            path=path,
            member="added_tokens",
            characters=sorted({code for content in found[:LISTED] for code in invisible(content)}),
        )
    if any(not item.content for item in tokenizer.added):
        yield failed("An added token is empty.", path=path, member="added_tokens", severity=Severity.MEDIUM)


def _alike(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    """Special tokens that look the same to a person and are not."""
    seen: dict[str, str] = {}
    for item in tokenizer.added:
        if not item.special:
            continue
        other = seen.setdefault(looks(item.content), item.content)
        if other != item.content and other.casefold() != item.content.casefold():
            yield failed(
                f"The special tokens {other[:80]!a} and {item.content[:80]!a} look the same.",
                path=path, member="added_tokens", severity=Severity.MEDIUM,
            )  # fmt: skip
            return


def _plain_words(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    found = [item.content for item in tokenizer.added if item.special and is_word(item.content)]
    if found:
        yield failed(
            "Ordinary words are special tokens, which are left out of answers and never split: "
            f"{some(found)}.",
            path=path, member="added_tokens", severity=Severity.MEDIUM, tokens=found[:LISTED],
        )  # fmt: skip


def _shared_ids(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    shared = len(tokenizer.vocabulary) - len(set(tokenizer.vocabulary.values()))
    if shared:
        yield failed(
            f"{shared} entries of the vocabulary share an id with another entry.",
            path=path, member="model.vocab", severity=Severity.MEDIUM,
        )  # fmt: skip


def _post_processor(path: str, tokenizer: Tokenizer) -> Iterator[Finding]:
    """Tokens that the frame of each text names by id must have that id."""
    for place, token, number in _framed(tokenizer.rules.get("post_processor")):
        known = tokenizer.id_of(token)
        if known != number:
            yield failed(
                f"The frame of every text names {shown(token)} with the id {number}; the tokenizer says "
                f"{'it has none' if known is None else known}.",
                path=path, member=f"post_processor{place}",
            )  # fmt: skip
            return


def _framed(rule: Any) -> Iterator[tuple[str, str, int]]:
    inner = rule.get("processors") if isinstance(rule, dict) else None
    steps: list[Any] = inner if isinstance(inner, list) else [rule]
    for step in steps[:100]:
        if not isinstance(step, dict):
            continue
        for name in ("sep", "cls"):
            pair = step.get(name)
            if (
                isinstance(pair, list)
                and len(pair) == 2
                and isinstance(pair[0], str)
                and type(pair[1]) is int
            ):
                yield f".{name}", pair[0], pair[1]
        special = step.get("special_tokens")
        for item in list(special.values())[:1000] if isinstance(special, dict) else []:
            ids, tokens = (item.get("ids"), item.get("tokens")) if isinstance(item, dict) else (None, None)
            if isinstance(ids, list) and isinstance(tokens, list):
                for number, token in zip(ids, tokens, strict=False):
                    if type(number) is int and isinstance(token, str):
                        yield ".special_tokens", token, number
