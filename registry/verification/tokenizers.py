"""C15: the tokenizer says one thing in all its files, fits the weights, and cannot be used against its users. Pure."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from registry.formats import safetensors, tokenizer
from registry.formats.tokenizer import BadTokenizer, Tokenizer
from registry.lifecycle import Severity
from registry.verification.checkpoints import CONFIG, folder_of, members_of
from registry.verification.outcomes import Finding, failed, passed, skipped, undecided
from registry.verification.subject import NotReadable, Seen, Subject
from registry.verification.tokens import agreement, ancestry, rules, vocabulary
from registry.verification.tokens.agreement import Described, token_text
from registry.verification.tokens.words import shown

TOKENIZER, TOKENIZER_CONFIG, SPECIAL = "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"
GENERATION = "generation_config.json"
PIECE_SUFFIXES = (".model", ".spm")
NAMES = frozenset({TOKENIZER, TOKENIZER_CONFIG, SPECIAL, "added_tokens.json", "vocab.json"})
# So many added tokens past the last row of the embedding are an oversight that models in use have.
FEW_BEYOND = 64
_EMBEDDINGS = (
    "model.embed_tokens.weight", "embed_tokens.weight", "language_model.model.embed_tokens.weight",
    "transformer.wte.weight", "wte.weight", "gpt_neox.embed_in.weight", "model.decoder.embed_tokens.weight",
    "transformer.word_embeddings.weight", "embeddings.word_embeddings.weight",
    "bert.embeddings.word_embeddings.weight", "roberta.embeddings.word_embeddings.weight",
    "base_model.model.model.embed_tokens.weight",
)  # fmt: skip


def tokens(subject: Subject) -> Iterator[Finding]:
    """C15: added tokens where they belong, no hidden ones, no rewriting, no pattern that explodes."""
    folders = sorted({folder_of(file.path) for file in subject.files() if _is_tokenizer(file)})
    if not folders:
        yield skipped("The model brings no tokenizer of a kind that can be looked at.")
        return
    found = [finding for folder in folders for finding in _folder(subject, folder)]
    if not found:
        count = sum(_is_tokenizer(file) for file in subject.files())
        yield passed(
            f"All files of the tokenizer ({count}) agree; no added token takes another's place, no "
            "pattern can explode, "
            "and nothing rewrites what is said."
        )
    yield from found


def _is_tokenizer(file: Seen) -> bool:
    return file.name in NAMES or file.suffix in PIECE_SUFFIXES


def _folder(subject: Subject, folder: str) -> Iterator[Finding]:
    """One folder's tokenizer; what cannot be read is said of its own file."""
    problems: list[Finding] = []
    main = _main(subject.seen.get(folder + TOKENIZER), problems)
    described = Described(
        tokenizer=main,
        tokenizer_path=folder + TOKENIZER,
        config=_small(subject, folder + TOKENIZER_CONFIG, problems),
        config_path=folder + TOKENIZER_CONFIG,
        special=_small(subject, folder + SPECIAL, problems),
        special_path=folder + SPECIAL,
    )
    yield from problems
    if main is not None:
        yield from vocabulary.findings(described.tokenizer_path, main)
        yield from rules.findings(described.tokenizer_path, main)
        yield from _rows(subject, folder, main)
        yield from _ends(subject, folder, described)
        yield from _bases(subject, described.tokenizer_path, main)
    yield from agreement.findings(described)
    for file in subject.files():
        if folder_of(file.path) == folder:
            yield from _beside(file, main)


def _main(file: Seen | None, problems: list[Finding]) -> Tokenizer | None:
    if file is None:
        return None
    if not file.is_whole:
        problems.append(
            undecided(f"{file.path} is too large ({file.size} bytes) to be examined.", path=file.path)
        )
        return None
    try:
        return tokenizer.parse(file.start)
    except BadTokenizer as error:
        problems.append(failed(f"The tokenizer is malformed: {error}.", path=file.path, member=error.member))
        return None


def _small(subject: Subject, path: str, problems: list[Finding]) -> Mapping[str, Any]:
    file = subject.seen.get(path)
    if file is None:
        return {}
    try:
        return members_of(file)
    except NotReadable as error:
        problems.append(undecided(f"The tokenizer's configuration cannot be examined: {error}.", path=path))
        return {}


def _beside(file: Seen, main: Tokenizer | None) -> Iterator[Finding]:
    if file.name == "added_tokens.json":
        yield from agreement.added_tokens(file, main)
    elif file.name == "vocab.json":
        yield from agreement.vocabulary(file, main)
    elif file.suffix in PIECE_SUFFIXES:
        yield from agreement.pieces(file, main)


def _rows(subject: Subject, folder: str, main: Tokenizer) -> Iterator[Finding]:
    """No id past the last row of the embedding."""
    rows = _embedding_rows(subject, folder)
    path = folder + TOKENIZER
    if rows is None or main.size <= rows:
        return
    beyond = [item.content for item in main.added if item.id >= rows]
    largest = max(main.vocabulary.values(), default=-1)
    if largest >= rows:
        yield failed(
            f"The vocabulary goes up to the id {largest}, but the model has only {rows} rows for tokens.",
            path=path, member="model.vocab", rows=rows,
        )  # fmt: skip
    elif beyond:
        yield failed(
            f"{len(beyond)} added tokens, such as {shown(beyond[0])}, have no row in the model ({rows} "
            "rows).",
            path=path, member="added_tokens", rows=rows, severity=Severity.LOW if len(beyond) <= FEW_BEYOND else None,
        )  # fmt: skip


def _embedding_rows(subject: Subject, folder: str) -> int | None:
    """How many tokens the weights know, else how many the configuration says."""
    for path, header in subject.headers.items():
        if folder_of(path) == folder and isinstance(header, safetensors.Header):
            for tensor in header.tensors:
                if tensor.name in _EMBEDDINGS and len(tensor.shape) == 2:
                    return tensor.shape[0]
    size = _quiet(subject, folder + CONFIG).get("vocab_size")
    return size if type(size) is int and size > 0 else None


def _ends(subject: Subject, folder: str, described: Described) -> Iterator[Finding]:
    """The token that ends a text must be among the ids at which generation ends."""
    token = token_text(described.config.get("eos_token")) or token_text(described.special.get("eos_token"))
    number = (
        described.tokenizer.id_of(token) if described.tokenizer is not None and token is not None else None
    )
    ends: set[int] = set()
    for name in (CONFIG, GENERATION):
        value = _quiet(subject, folder + name).get("eos_token_id")
        ends.update(item for item in (value if isinstance(value, list) else [value]) if type(item) is int)
    if token is not None and number is not None and ends and number not in ends:
        yield failed(
            f"The tokenizer ends texts with {shown(token)} (id {number}), the configuration with "
            f"{sorted(ends)[:8]}.",
            path=described.config_path if "eos_token" in described.config else described.special_path,
            member="eos_token", severity=Severity.LOW,
        )  # fmt: skip


def _quiet(subject: Subject, path: str) -> Mapping[str, Any]:
    """A configuration's members, none where it cannot be read; its own check says so."""
    try:
        return members_of(subject.seen[path]) if path in subject.seen else {}
    except NotReadable:
        return {}


def _bases(subject: Subject, path: str, main: Tokenizer) -> Iterator[Finding]:
    for base in subject.bases:
        file = base.seen.get(path) or base.seen.get(PurePosixPath(path).name)
        if file is None or not file.is_whole or file.sha256 == subject.seen[path].sha256:
            continue
        try:
            other = tokenizer.parse(file.start)
        except BadTokenizer:
            continue
        yield from ancestry.findings(path, main, other, model=base.model)
