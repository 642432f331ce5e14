"""Hostile and broken configurations and tokenizers: small changes to good models, generated, never loaded.

Each case names the check that must speak, the file, and a word of the finding; configurations that make a loader run
code are the business of another corpus.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from registry.lifecycle import Severity
from tests.good_models import MODELS, Files

C9, C15, C16 = "C9-architecture", "C15-tokenizer", "C16-configuration"


@dataclasses.dataclass(frozen=True)
class Case:
    """What was changed in which good model, and what must be said about it."""

    name: str
    model: str
    change: Callable[[Files], Mapping[str, bytes]]
    check: str
    path: str
    says: str
    severity: Severity = Severity.HIGH


def _json(path: str, edit: Callable[[Any], Any]) -> Callable[[Files], Mapping[str, bytes]]:
    def change(files: Files) -> Mapping[str, bytes]:
        value = json.loads(files[path])
        edited = edit(value)
        return {path: json.dumps(value if edited is None else edited).encode()}

    return change


def _members(path: str, **members: Any) -> Callable[[Files], Mapping[str, bytes]]:
    return _json(path, lambda value: value | members)


def _bytes(path: str, edit: Callable[[bytes], bytes]) -> Callable[[Files], Mapping[str, bytes]]:
    return lambda files: {path: edit(files[path])}


def _added(**change: Any) -> Callable[[Any], None]:
    """One of the added tokens of a tokenizer.json changed; the last one without `at`."""
    at = change.pop("at", -1)

    def edit(value: Any) -> None:
        value["added_tokens"][at].update(change)

    return edit


def _new_added(content: str, number: int | None = None, **change: Any) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        token = dict(value["added_tokens"][-1], content=content, **change)
        token["id"] = token["id"] + 1 if number is None else number
        value["added_tokens"].append(token)

    return edit


def _split(pattern: str) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        value["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": pattern}

    return edit


def _replace(section: str, wanted: str, content: str) -> Callable[[Any], None]:
    def edit(value: Any) -> None:
        step = {"type": "Replace", "pattern": {"String": wanted}, "content": content}
        value[section] = {
            "type": "Sequence",
            f"{section}s": [step, *([value[section]] if value[section] else [])],
        }

    return edit


def _modules(at: int, **members: Any) -> Callable[[Any], None]:
    return lambda value: value[at].update(members)


LLAMA, QWEN, LORA, SENTENCES = "llama-sharded", "qwen2-tied", "lora", "sentence-transformer"
CONFIG, TOKENIZER, GENERATION, ADAPTER = (
    "config.json",
    "tokenizer.json",
    "generation_config.json",
    "adapter_config.json",
)

SIZES = [
    Case("negative size", LLAMA, _members(CONFIG, hidden_size=-32), C16, CONFIG, "hidden_size"),
    Case("more layers than any", LLAMA, _members(CONFIG, num_hidden_layers=10**12), C16, CONFIG, "num_hidden_layers"),
    Case("a huge whole number", LLAMA, _members(CONFIG, vocab_size=10**4000), C16, CONFIG, "vocab_size"),
    Case("a size that is text", LLAMA, _members(CONFIG, hidden_size="32"), C16, CONFIG, "hidden_size", Severity.MEDIUM),
    Case("not a number", LLAMA, _bytes(CONFIG, lambda data: data.replace(b'"rope_theta": 500000.0', b'"rope_theta": NaN')), C16, CONFIG, "rope_theta", Severity.MEDIUM),
    Case("infinite", LLAMA, _bytes(CONFIG, lambda data: data.replace(b'"rope_theta": 500000.0', b'"rope_theta": Infinity')), C16, CONFIG, "rope_theta", Severity.MEDIUM),
    Case("an epsilon of thousands", LLAMA, _members(CONFIG, rms_norm_eps=5000), C16, CONFIG, "rms_norm_eps", Severity.MEDIUM),
    Case("layers that are not there", LLAMA, _members(CONFIG, num_hidden_layers=3), C9, CONFIG, "model.layers.2"),
    Case("layers that nobody asked for", LLAMA, _members(CONFIG, num_hidden_layers=1), C9, CONFIG, "model.layers.1", Severity.MEDIUM),
    Case("another vocabulary", LLAMA, _members(CONFIG, vocab_size=100), C9, CONFIG, "vocabulary"),
    Case("more experts than fit", "mixtral", _members(CONFIG, num_local_experts=4096, num_hidden_layers=2048), C9, CONFIG, "more than any model"),
    Case("heads that do not divide", LLAMA, _members(CONFIG, num_attention_heads=7, head_dim=None), C9, CONFIG, "7 heads"),
]  # fmt: skip
SHAPE = [
    Case("a member twice", LLAMA, _bytes(CONFIG, lambda data: data.rstrip()[:-1] + b', "vocab_size": 7}'), C16, CONFIG, "vocab_size"),
    Case("nested a megabyte deep", LLAMA, lambda _: {CONFIG: b'{"a":' * 200_000 + b"1" + b"}" * 200_000}, C16, CONFIG, "nested"),
    Case("a lone surrogate", LLAMA, lambda _: {GENERATION: b'{"eos_token_id": "\\ud800"}'}, C16, GENERATION, "eos_token_id", Severity.MEDIUM),
    Case("no group of members", LLAMA, lambda _: {CONFIG: b"[1, 2]"}, C16, CONFIG, "group"),
    Case("not UTF-8", LLAMA, lambda _: {CONFIG: b'{"a": "\xff"}'}, C16, CONFIG, "UTF-8"),
]  # fmt: skip
ESCAPES = [
    Case("a path that climbs out", LLAMA, _members(CONFIG, encoder={"checkpoint": "../../etc/passwd"}), C16, CONFIG, "encoder.checkpoint"),
    Case("a path with backslashes", LLAMA, _members(GENERATION, assistant="..\\..\\secrets"), C16, GENERATION, "assistant"),
    Case("an absolute path", LLAMA, _members(CONFIG, checkpoint_file="/etc/shadow"), C16, CONFIG, "checkpoint_file", Severity.MEDIUM),
    Case("an address", LLAMA, _members(CONFIG, checkpoint_path="https://example.com/x"), C16, CONFIG, "checkpoint_path", Severity.MEDIUM),
    Case("modules outside", SENTENCES, _json("modules.json", _modules(1, path="../1_Pooling")), C16, "modules.json", "path"),
    Case("modules at the root", SENTENCES, _json("modules.json", _modules(1, path="/opt/x")), C16, "modules.json", "[1].path"),
    Case("a module from elsewhere", SENTENCES, _json("modules.json", _modules(2, type="os.system")), C16, "modules.json", "[2].type"),
    Case("a private module", SENTENCES, _json("modules.json", _modules(0, type="sentence_transformers.util.__class__")), C16, "modules.json", "[0].type"),
]  # fmt: skip
ANSWERS = [
    Case("no temperature", LLAMA, _members(GENERATION, temperature="hot"), C16, GENERATION, "temperature", Severity.MEDIUM),
    Case("far too hot", LLAMA, _members(GENERATION, temperature=1e9), C16, GENERATION, "temperature", Severity.MEDIUM),
    Case("a million beams", LLAMA, _members(GENERATION, num_beams=10**6), C16, GENERATION, "num_beams", Severity.MEDIUM),
    Case("an end past the vocabulary", LLAMA, _members(GENERATION, eos_token_id=[3, 10**7]), C16, GENERATION, "eos_token_id", Severity.MEDIUM),
    Case("words forbidden", LLAMA, _members(GENERATION, suppress_tokens=[5, 6]), C16, GENERATION, "suppress_tokens", Severity.INFO),
]  # fmt: skip
DRIFT = [
    Case("an adapter of a folder", LORA, _members(ADAPTER, base_model_name_or_path="/home/me/llama"), C16, ADAPTER, "folder", Severity.LOW),
    Case("an adapter of an address", LORA, _members(ADAPTER, base_model_name_or_path="https://example.com/m"), C16, ADAPTER, "address"),
    Case("an adapter of another model", LORA, _members(ADAPTER, base_model_name_or_path="other/model"), C16, ADAPTER, "card", Severity.MEDIUM),
    Case("an adapter of something above", LORA, _members(ADAPTER, base_model_name_or_path="../llama"), C16, ADAPTER, "base_model_name_or_path"),
    Case("a rank of nothing", LORA, _members(ADAPTER, r=0), C9, ADAPTER, "rank"),
    Case("another rank", LORA, _members(ADAPTER, r=16), C9, ADAPTER, "lora_A"),
    Case("targets that explode", LORA, _members(ADAPTER, target_modules="(.*)*_proj"), C16, ADAPTER, "target_modules"),
    Case("modules that nobody named", LORA, _members(ADAPTER, target_modules=["q_proj"]), C9, ADAPTER, "k_proj", Severity.MEDIUM),
]  # fmt: skip
TOKENS = [
    Case("two tokens with one id", LLAMA, _json(TOKENIZER, _added(id=262)), C15, TOKENIZER, "both have the id"),
    Case("one token with two ids", LLAMA, _json(TOKENIZER, _new_added("<|eot_id|>")), C15, TOKENIZER, "has the ids"),
    Case("a control token on a word", LLAMA, _json(TOKENIZER, _added(id=65)), C15, TOKENIZER, "which is that of"),
    Case("a token moved off its entry", "gemma2", _json(TOKENIZER, _added(at=6, id=250)), C15, TOKENIZER, "<end_of_turn>"),
    Case("an invisible token", LLAMA, _json(TOKENIZER, _new_added("<|eot\u200b_id|>")), C15, TOKENIZER, "cannot be seen"),
    Case("text that runs backwards", LLAMA, _json(TOKENIZER, _new_added("\u202e<|di_tos|>")), C15, TOKENIZER, "cannot be seen"),
    Case("a token that looks like another", LLAMA, _json(TOKENIZER, _new_added("<\uff5ceot_id\uff5c>")), C15, TOKENIZER, "look the same", Severity.MEDIUM),
    Case("a word that vanishes", LLAMA, _json(TOKENIZER, _new_added(" password")), C15, TOKENIZER, "left out of answers", Severity.MEDIUM),
    Case("ids past the model", LLAMA, _json(TOKENIZER, lambda value: value["model"]["vocab"].update(zzz=10**6)), C15, TOKENIZER, "rows"),
    Case("an id that no model has", LLAMA, _json(TOKENIZER, lambda value: value["model"]["vocab"].update(zzz=-1)), C15, TOKENIZER, "no model has"),
    Case("an entry twice", LLAMA, _bytes(TOKENIZER, lambda data: data.replace(b'"vocab": {', b'"vocab": {"!": 7,')), C15, TOKENIZER, "twice"),
    Case("a member twice", LLAMA, _bytes(TOKENIZER, lambda data: data.rstrip()[:-1] + b', "added_tokens": []}'), C15, TOKENIZER, "twice"),
    Case("a frame with another token", LLAMA, _json(TOKENIZER, lambda value: value["post_processor"]["processors"][1]["special_tokens"]["<|begin_of_text|>"].update(ids=[5])), C15, TOKENIZER, "frame"),
    Case("what people write rewritten", QWEN, _json(TOKENIZER, _replace("normalizer", "safe", "unsafe")), C15, TOKENIZER, "rewrites words"),
    Case("what the model answers rewritten", LLAMA, _json(TOKENIZER, _replace("decoder", "bank.example", "evil.example")), C15, TOKENIZER, "rewrites words"),
    Case("a pattern that explodes", LLAMA, _json(TOKENIZER, _split(r"(\w+\s?)+$")), C15, TOKENIZER, "doubles"),
    Case("a pattern of alternatives that explodes", LLAMA, _json(TOKENIZER, _split(r"(?:\p{L}|\w)*\d")), C15, TOKENIZER, "doubles"),
    Case("a pattern that refers back", LLAMA, _json(TOKENIZER, _split(r"(a+)\1")), C15, TOKENIZER, "cannot be judged", Severity.MEDIUM),
    Case("a step of an unknown kind", LLAMA, _json(TOKENIZER, lambda value: value.update(normalizer={"type": "Lua"})), C15, TOKENIZER, "not known", Severity.LOW),
    Case("merges for a vocabulary", LLAMA, _json(TOKENIZER, lambda value: value["model"].update(vocab=[1, 2])), C15, TOKENIZER, "malformed"),
    Case("another table of added tokens", LLAMA, _json("tokenizer_config.json", lambda value: value["added_tokens_decoder"]["266"].update(content="<|end_of_text|>")), C15, "tokenizer_config.json", "other ids"),
    Case("an end that is not there", LLAMA, _members("tokenizer_config.json", eos_token="<|nowhere|>"), C15, "tokenizer_config.json", "eos_token", Severity.MEDIUM),
    Case("ids that differ between files", "phi3", _json("added_tokens.json", lambda value: value.update({"<|end|>": 300})), C15, "added_tokens.json", "other ids"),
    Case("a vocabulary for other readers", QWEN, _json("vocab.json", lambda value: value.update({"a": 99999})), C15, "vocab.json", "other ids", Severity.MEDIUM),
    Case("pieces cut off", "gemma2", _bytes("tokenizer.model", lambda data: data[:-3]), C15, "tokenizer.model", "malformed"),
    Case("pieces in another order", "gemma2", _bytes("tokenizer.model", lambda data: data.replace(b"<eos>", b"<e0s>").replace(b"<bos>", b"<eos>")), C15, "tokenizer.model", "other ids", Severity.MEDIUM),
]  # fmt: skip
CASES = [*SIZES, *SHAPE, *ESCAPES, *ANSWERS, *DRIFT, *TOKENS]


def files_of(case: Case) -> Files:
    """The whole folder with the change."""
    files = MODELS[case.model]()
    return files | case.change(files)
