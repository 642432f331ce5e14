"""Whether the files that describe one tokenizer say the same. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from registry.formats import sentencepiece
from registry.formats.tokenizer import Tokenizer
from registry.lifecycle import Severity
from registry.verification.outcomes import Finding, failed, undecided
from registry.verification.subject import Seen
from registry.verification.tokens.words import LISTED, is_control, shown, some

ROLES = ("bos_token", "eos_token", "pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
GENERIC_CLASSES = frozenset(
    {"PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend", "SentencePieceBackend"}
)
CLASSES = frozenset(
    {
        "Albert", "Bart", "Barthez", "Bert", "BigBird", "BlenderbotSmall", "Bloom", "ByT5", "CLIP",
        "Camembert", "CodeGen", "CodeLlama", "Cohere", "Cohere2", "DPR", "Deberta", "DebertaV2", "DistilBert",
        "Electra", "Ernie", "Falcon", "Funnel", "GPT2", "GPTNeoX", "GPTNeoXJapanese", "GPTSw3", "Gemma",
        "Helium", "Herbert", "Jamba", "LED", "Layout", "LayoutLM", "LayoutLMv2", "LayoutLMv3", "Llama",
        "Llama4", "Longformer", "M2M100", "MBart", "MBart50", "MPNet", "MT5", "Marian", "MarkupLM",
        "MistralCommon", "MistralCommonBackend", "MobileBert", "Mvp", "Nllb", "Nougat", "OpenAIGPT", "Olmo",
        "Pegasus", "Phi3", "Qwen2", "Qwen3", "Reformer", "RemBert", "Roberta", "RoFormer", "SeamlessM4T",
        "Siglip", "Speech2Text", "Splinter", "SqueezeBert", "T5", "Udop", "VitsTokenizer", "Wav2Vec2CTC",
        "Whisper", "XGLM", "XLM", "XLMRoberta", "XLNet", "Mistral", "ModernBert", "Granite", "DbrxTokenizer",
        "StableLm", "Starcoder2", "Yi",
    }
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Described:
    """The files that describe the tokenizer of one folder, as far as they could be read; by path."""

    tokenizer: Tokenizer | None
    tokenizer_path: str
    config: Mapping[str, Any]
    config_path: str
    special: Mapping[str, Any]
    special_path: str


def findings(described: Described) -> Iterator[Finding]:
    """The small files against tokenizer.json and each other."""
    yield from _class(described)
    yield from _roles(described)
    yield from _decoder_table(described)


def token_text(value: Any) -> str | None:
    """The text of a special token, which stands bare or as the content of a group."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _class(described: Described) -> Iterator[Finding]:
    name = described.config.get("tokenizer_class")
    if name is None or "auto_map" in described.config:
        return  # code of its own is another check's business
    name = str(name)
    plain = name.removesuffix("Fast").removesuffix("Tokenizer")
    if name not in GENERIC_CLASSES and not {plain, f"{plain}Tokenizer"} & CLASSES:
        yield failed(
            f"The tokenizer class {name[:80]!a} is not one that is known here.",
            path=described.config_path, member="tokenizer_class", severity=Severity.LOW,
        )  # fmt: skip


def _roles(described: Described) -> Iterator[Finding]:
    """The tokens that begin, end and fill texts."""
    for role in ROLES:
        stated, mapped = token_text(described.config.get(role)), token_text(described.special.get(role))
        if stated is not None and mapped is not None and stated != mapped:
            yield failed(
                f"The {role} is {shown(stated)} here and {shown(mapped)} in {described.special_path}.",
                path=described.config_path, member=role, severity=Severity.LOW,
            )  # fmt: skip
        token = stated if stated is not None else mapped
        if described.tokenizer is None or token is None or described.tokenizer.id_of(token) is not None:
            continue
        severity = Severity.MEDIUM if role in {"bos_token", "eos_token"} else Severity.LOW
        path = described.config_path if stated is not None else described.special_path
        yield failed(
            f"The {role} {shown(token)} is not in the vocabulary of {described.tokenizer_path}.",
            path=path, member=role, severity=severity,
        )  # fmt: skip


def _decoder_table(described: Described) -> Iterator[Finding]:
    """`added_tokens_decoder`: ids and tokens that must be those of tokenizer.json."""
    table = described.config.get("added_tokens_decoder")
    if described.tokenizer is None or not isinstance(table, dict):
        return
    added = {item.id: item.content for item in described.tokenizer.added}
    differing = []
    for number, value in table.items():
        token = token_text(value)
        if not (number.isascii() and number.isdigit() and len(number) < 12) or token is None:
            continue
        known, place = added.get(int(number)), described.tokenizer.id_of(token)
        if (known is not None and known != token) or (place is not None and place != int(number)):
            differing.append(token)
    if differing:
        yield failed(
            f"Added tokens have other ids here than in {described.tokenizer_path}: {some(differing)}.",
            path=described.config_path, member="added_tokens_decoder", tokens=differing[:LISTED],
        )  # fmt: skip


def added_tokens(file: Seen, tokenizer: Tokenizer | None) -> Iterator[Finding]:
    """added_tokens.json: ids by token."""
    ids = _ids(file)
    if isinstance(ids, Finding):
        yield ids
        return
    if len(set(ids.values())) < len(ids):
        yield failed("Two added tokens have one id.", path=file.path)
    differing = [
        token
        for token, number in ids.items()
        if tokenizer is not None and tokenizer.id_of(token) not in {None, number}
    ]
    if differing:
        yield failed(
            f"Added tokens have other ids here than in tokenizer.json: {some(differing)}.",
            path=file.path, tokens=differing[:LISTED],
        )  # fmt: skip


def vocabulary(file: Seen, tokenizer: Tokenizer | None) -> Iterator[Finding]:
    """vocab.json: the vocabulary for readers that do not know tokenizer.json."""
    ids = _ids(file)
    if isinstance(ids, Finding):
        yield ids
        return
    if tokenizer is None:
        return
    differing = [token for token, number in ids.items() if tokenizer.vocabulary.get(token, number) != number]
    if differing:
        worst = [token for token in differing if is_control(token)] or differing
        yield failed(
            f"{len(differing)} entries have other ids here than in tokenizer.json, such as "
            f"{some(worst)}: two readers would "
            "give the model different texts.",
            path=file.path, tokens=worst[:LISTED], severity=Severity.MEDIUM,
        )  # fmt: skip


def _ids(file: Seen) -> dict[str, int] | Finding:
    if not file.is_whole:
        return undecided(f"{file.path} is too large to be examined.", path=file.path)
    try:
        return msgspec.json.decode(file.start, type=dict[str, int])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        # Some tokenizers for speech keep one list a language in vocab.json.
        severity = Severity.LOW if file.name == "vocab.json" else None
        words = f"The file is no list of tokens with their ids: {str(error)[:160]}."
        return failed(words, path=file.path, severity=severity)


def pieces(file: Seen, tokenizer: Tokenizer | None) -> Iterator[Finding]:
    """A SentencePiece model, against tokenizer.json."""
    if not file.is_whole:
        yield undecided(f"{file.path} is too large to be examined.", path=file.path)
        return
    if not file.start.startswith(b"\x0a"):
        return  # a list of ranks, or a pointer to another store; the check of formats looks at it
    try:
        found = sentencepiece.parse(file.start)
    except sentencepiece.BadModel as error:
        yield failed(f"The SentencePiece model is malformed: {error}.", path=file.path)
        return
    if found.repeated:
        words = f"{found.repeated} pieces are there more often than once."
        yield failed(words, path=file.path, severity=Severity.MEDIUM)
    if tokenizer is None or file.name != "tokenizer.model":
        return  # other names are of tokenizers whose ids are shifted
    differing = [
        piece for number, piece in enumerate(found.names) if tokenizer.vocabulary.get(piece, number) != number
    ]
    if differing:
        yield failed(
            f"{len(differing)} pieces have other ids here than in tokenizer.json, such as {some(differing)}.",
            path=file.path, tokens=differing[:LISTED], severity=Severity.MEDIUM,
        )  # fmt: skip
