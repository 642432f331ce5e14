"""Reads a tokenizer.json: its vocabulary, its added tokens and the rules around them, within bounds. Pure.

The merges, which are most of the file, are skipped over and never built, and numbers beside tokens are counted only.
"""

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

MAX_BYTES = 64 * 1024 * 1024
MAX_ENTRIES = 2_000_000
MAX_ADDED = 100_000
MAX_RULES_BYTES = 4 * 1024 * 1024
MAX_ID = 2**31
_NULL = msgspec.Raw(b"null")
# Members of which a second one would make readers disagree.
_ONCE = (
    "added_tokens",
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
    "model",
    "vocab",
    "merges",
)
_MEMBER = re.compile(rb'"(' + "|".join(_ONCE).encode() + rb')"\s*:')


class BadTokenizer(ValueError):
    """The file is not one that a tokenizer library reads; `member` names the place where that is known."""

    def __init__(self, message: str, member: str = "") -> None:
        super().__init__(message)
        self.member = member


class AddedToken(msgspec.Struct, frozen=True):
    """One token beside the vocabulary that training made."""

    id: int
    content: str
    special: bool = False
    normalized: bool | None = None
    single_word: bool | None = None
    lstrip: bool | None = None
    rstrip: bool | None = None


class _Model(msgspec.Struct):
    type: str | None = None
    vocab: msgspec.Raw = _NULL
    unk_token: str | None = None
    unk_id: int | None = None


class _File(msgspec.Struct):
    model: _Model
    added_tokens: list[AddedToken] | None = None
    normalizer: msgspec.Raw = _NULL
    pre_tokenizer: msgspec.Raw = _NULL
    post_processor: msgspec.Raw = _NULL
    decoder: msgspec.Raw = _NULL


@dataclasses.dataclass(frozen=True)
class Tokenizer:
    """What the file says; ids by token, and the rules as plain JSON."""

    kind: str
    vocabulary: Mapping[str, int]
    added: tuple[AddedToken, ...]
    rules: Mapping[str, Any]
    # Entries that stand in the file more often than once, and members that do.
    repeated_entries: int = 0
    repeated_members: tuple[str, ...] = ()

    @functools.cached_property
    def added_ids(self) -> Mapping[str, int]:
        """Ids of the added tokens."""
        return {item.content: item.id for item in self.added}

    @functools.cached_property
    def under_added(self) -> Mapping[int, str]:
        """Tokens of the vocabulary whose ids added tokens take, by id."""
        taken = set(self.added_ids.values())
        return {number: token for token, number in self.vocabulary.items() if number in taken}

    def id_of(self, token: str) -> int | None:
        """The id of a token; an added one wins over the vocabulary."""
        found = self.added_ids.get(token)
        return self.vocabulary.get(token) if found is None else found

    @property
    def size(self) -> int:
        """One more than the largest id."""
        largest = max(self.vocabulary.values(), default=-1)
        return 1 + max(largest, max((item.id for item in self.added), default=-1))


def parse(data: bytes) -> Tokenizer:
    """The tokenizer of a whole file; raises only `BadTokenizer`."""
    if len(data) > MAX_BYTES:
        raise BadTokenizer(f"it is longer than {MAX_BYTES} bytes")
    found = _decode(data, _File, "the file")
    added = tuple(found.added_tokens or ())
    if len(added) > MAX_ADDED:
        raise BadTokenizer(f"it has {len(added)} added tokens; at most {MAX_ADDED} are read", "added_tokens")
    vocabulary, repeated = _vocabulary(found.model)
    rules = {
        name: _rule(getattr(found, name), name)
        for name in ("normalizer", "pre_tokenizer", "post_processor", "decoder")
    }
    tokenizer = Tokenizer(
        kind=found.model.type or _kind(found.model),
        vocabulary=vocabulary,
        added=added,
        rules=rules,
        repeated_entries=repeated,
        repeated_members=tuple(_twice(data, vocabulary)),
    )
    _check_ids(tokenizer)
    return tokenizer


def _decode(data: bytes | msgspec.Raw, kind: Any, what: str, member: str = "") -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise BadTokenizer(f"{what} is nested too deeply", member) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise BadTokenizer(f"{what} cannot be read: {str(error)[:160]}", member) from None


def _vocabulary(model: _Model) -> tuple[dict[str, int], int]:
    """Ids by token, and how many entries are named more than once."""
    raw = bytes(model.vocab)
    if raw.startswith(b"["):  # Unigram: pairs of a piece and its score, whose place is the id
        pieces: list[tuple[str, float]] = _decode(
            raw, list[tuple[str, float]], "the vocabulary", "model.vocab"
        )
        _check_count(len(pieces))
        found = {piece: place for place, (piece, _) in enumerate(pieces)}
        return found, len(pieces) - len(found)
    if not raw.startswith(b"{"):
        raise BadTokenizer("it has no vocabulary", "model.vocab")
    # Each entry has one name, so that counting quotation marks tells how many there are before any is built.
    entries = raw.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"') // 2
    _check_count(entries)
    named: dict[str, int] = _decode(raw, dict[str, int], "the vocabulary", "model.vocab")
    return named, entries - len(named)


def _check_count(count: int) -> None:
    if count > MAX_ENTRIES:
        raise BadTokenizer(
            f"its vocabulary has {count} entries; at most {MAX_ENTRIES} are read", "model.vocab"
        )


def _check_ids(tokenizer: Tokenizer) -> None:
    numbers = tokenizer.vocabulary.values()
    if numbers and not (min(numbers) >= 0 and max(numbers) < MAX_ID):
        raise BadTokenizer("its vocabulary holds an id that no model has", "model.vocab")
    for item in tokenizer.added:
        if not 0 <= item.id < MAX_ID:
            raise BadTokenizer("an added token has an id that no model has", "added_tokens")


def _rule(raw: msgspec.Raw, name: str) -> Any:
    data = bytes(raw)
    if len(data) > MAX_RULES_BYTES:
        raise BadTokenizer(f"{name} is longer than {MAX_RULES_BYTES} bytes", name)
    return _decode(data, Any, name, name)


def _kind(model: _Model) -> str:
    if bytes(model.vocab).startswith(b"["):
        return "Unigram"
    return "BPE"


def _twice(data: bytes, vocabulary: Mapping[str, int]) -> Iterator[str]:
    """Members that stand in the file twice; an entry of the vocabulary may look like one."""
    count: dict[str, int] = {}
    for match in _MEMBER.finditer(data):
        name = match[1].decode()
        count[name] = count.get(name, 0) + 1
    for name, times in count.items():
        if times - (name in vocabulary) > 1:
            yield name


def steps(rule: Any, *, limit: int = 1000) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every step of a normaliser, pre-tokenizer, decoder or post-processor with its place, sequences opened."""
    pending = [("", rule)]
    while pending and limit:
        place, item = pending.pop()
        limit -= 1
        if isinstance(item, dict):
            yield place, item
            for name in ("normalizers", "pretokenizers", "decoders", "processors"):
                inner = item.get(name)
                if isinstance(inner, list):
                    pending.extend((f"{place}.{name}[{at}]", step) for at, step in enumerate(inner[:limit]))
