"""Hostile configurations and tokenizers, the comparison with a base, and any JSON at all."""

import contextlib
import dataclasses
import functools
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats import sentencepiece, tokenizer
from registry.lifecycle import Outcome, Severity
from registry.verification import architecture, configurations, lineage, tokenizers
from registry.verification.checks import CHECKS, run_checks
from registry.verification.outcomes import CheckOutcome
from registry.verification.subject import Ancestor, Subject
from tests import subjects
from tests.corpus import configs
from tests.good_models import MODELS, Files

MINE = [
    check
    for check in CHECKS
    if check.check_id in {"C9-architecture", "C15-tokenizer", "C16-configuration", "C18-lineage"}
]


def subject_of(files: Files, *, base: Files | None = None, relation: str = "finetune") -> Subject:
    bases = () if base is None else (subjects.base("acme/base", base, relation),)
    return subjects.subject(
        files,
        licenses=(),
        lineage=tuple(Ancestor(item.model, item.relation) for item in bases),
        bases=bases,
    )


@functools.cache
def good(name: str) -> Files:
    return MODELS[name]()


def found(subject: Subject, check_id: str) -> list[CheckOutcome]:
    outcomes = [item for item in run_checks(subject, checks=MINE) if item.check_id == check_id]
    assert not [item for item in outcomes if "broke down" in item.finding.message]
    return outcomes


@pytest.mark.parametrize("case", configs.CASES, ids=lambda case: case.name)
def test_a_hostile_configuration_is_named(case: configs.Case) -> None:
    files = good(case.model)
    outcomes = found(subject_of(files | case.change(files)), case.check)

    about = [item for item in outcomes if item.finding.path == case.path]
    assert len(about) == 1
    said = [about[0].finding.message, *about[0].finding.evidence.get("also", [])]
    assert any(case.says in words for words in said), said
    if about[0].finding.outcome is Outcome.FAIL:
        order = list(Severity)
        assert order.index(about[0].severity) >= order.index(case.severity), said
    else:
        assert about[0].finding.outcome is Outcome.ERROR, said
    assert len(about[0].finding.message) < 1200


def test_there_are_enough_cases_and_names_are_told_apart() -> None:
    assert len(configs.CASES) > 60
    assert len({(case.name, case.path) for case in configs.CASES}) == len(configs.CASES)


def edited(files: Files, path: str, edit: Any) -> Files:
    value = json.loads(files[path])
    edit(value)
    return files | {path: json.dumps(value).encode()}


def swap(value: Any) -> None:
    """Two control tokens of a tokenizer.json change places."""
    first, second = value["added_tokens"][-1], value["added_tokens"][-2]
    first["id"], second["id"] = second["id"], first["id"]


def swap_words(value: Any) -> None:
    vocabulary = value["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]


def shuffle(value: Any) -> None:
    vocabulary = value["model"]["vocab"]
    value["model"]["vocab"] = dict(zip(vocabulary, reversed(vocabulary.values()), strict=True))


def lower(value: Any) -> None:
    value["normalizer"] = {"type": "Lowercase"}


def new_token(value: Any) -> None:
    value["added_tokens"].append(dict(value["added_tokens"][-1], id=267, content="<|tool|>"))


def rename(value: Any) -> None:
    value["added_tokens"][-1]["content"] = "<|done|>"


@pytest.mark.parametrize(
    ("edit", "says", "severity"),
    [
        (swap, "Control tokens have other ids", Severity.HIGH),
        (swap_words, "2 entries of the vocabulary have other ids", Severity.HIGH),
        (shuffle, "another one than that of acme/base", Severity.LOW),
        (lower, "normalizer is another one", Severity.LOW),
        (new_token, "Tokens were added", Severity.LOW),
        (rename, "have another name here", Severity.MEDIUM),
    ],
)
def test_a_tokenizer_is_held_against_that_of_the_base(edit: Any, says: str, severity: Severity) -> None:
    base = good("llama-sharded")
    files = edited(base, "tokenizer.json", edit)

    outcome = next(
        item
        for item in found(subject_of(files, base=base), "C15-tokenizer")
        if item.finding.path == "tokenizer.json"
    )

    assert any(
        says in words for words in [outcome.finding.message, *outcome.finding.evidence.get("also", [])]
    )
    assert outcome.severity is severity


def test_the_same_tokenizer_as_the_base_is_no_finding() -> None:
    files = good("llama-sharded")

    assert [item.finding.outcome for item in found(subject_of(files, base=files), "C15-tokenizer")] == [
        Outcome.PASS
    ]


def lineage_of(files: Files, base: Files, relation: str = "finetune") -> tuple[Outcome, Severity, str]:
    outcome = found(subject_of(files, base=base, relation=relation), "C18-lineage")[0]
    words = " ".join([outcome.finding.message, *outcome.finding.evidence.get("also", [])])
    return outcome.finding.outcome, outcome.severity, words


def test_what_a_model_says_it_was_made_from_is_held_against_the_evidence() -> None:
    llama, qwen, gpt2 = good("llama-sharded"), good("qwen2-tied"), good("gpt2")
    longer = edited(llama, "config.json", lambda value: value.update(max_position_embeddings=4096))

    outcome, severity, words = lineage_of(llama, llama)
    assert (outcome, severity) == (Outcome.FAIL, Severity.INFO)
    assert "byte for byte" in words
    assert lineage_of(gpt2, llama)[:2] == (Outcome.FAIL, Severity.HIGH)
    assert "does not look like" in lineage_of(gpt2, llama)[2]
    assert lineage_of(qwen, llama)[:2] == (Outcome.FAIL, Severity.MEDIUM)
    assert "max_position_embeddings" in lineage_of(longer, llama)[2]


def test_a_quantised_model_and_an_adapter_are_held_against_their_bases() -> None:
    llama, qwen = good("llama-sharded"), good("qwen2-tied")

    assert lineage_of(good("gptq"), llama, "quantized")[0] is Outcome.PASS
    assert lineage_of(good("gptq"), good("gpt2"), "quantized")[:2] == (Outcome.FAIL, Severity.HIGH)
    assert lineage_of(good("awq"), qwen, "quantized")[0] is Outcome.PASS
    assert "names no method" in lineage_of(llama, llama, "quantized")[2]
    assert lineage_of(good("lora"), llama, "adapter")[0] is Outcome.PASS
    assert lineage_of(good("lora"), good("gpt2"), "adapter")[:2] == (Outcome.FAIL, Severity.HIGH)
    assert lineage_of(good("lora"), good("gguf"), "adapter")[0] is Outcome.SKIP


def test_a_gguf_file_states_the_sizes_of_its_base() -> None:
    config = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4}
    assert lineage_of(good("gguf"), {"config.json": json.dumps(config).encode()})[0] is Outcome.PASS
    other = {"config.json": json.dumps(config | {"hidden_size": 64}).encode()}
    assert lineage_of(good("gguf"), other)[:2] == (Outcome.FAIL, Severity.HIGH)
    assert lineage_of(good("gguf"), {"config.json": b"{}"})[0] is Outcome.SKIP


def test_what_is_not_registered_is_named_and_skipped() -> None:
    subject = dataclasses.replace(subject_of(good("awq")), lineage=(Ancestor("acme/elsewhere", "quantized"),))

    outcome = found(subject, "C18-lineage")[0]

    assert outcome.finding.outcome is Outcome.SKIP
    assert "acme/elsewhere" in outcome.finding.message


@pytest.mark.parametrize(
    ("files", "check", "says"),
    [
        ({"model.safetensors": good("gemma2")["model.safetensors"]}, "C9-architecture", "No config.json"),
        ({"pytorch_model.bin": b"x", "config.json": b"{}"}, "C9-architecture", "without loading them"),
        ({"config.json": b'{"architectures":["NewForCausalLM"]}', "model.safetensors": good("gemma2")["model.safetensors"]}, "C9-architecture", "not one that is known here"),
        ({"a.txt": b"x"}, "C15-tokenizer", "no tokenizer"),
        ({"a.txt": b"x"}, "C16-configuration", "no configuration"),
        ({"a.txt": b"x"}, "C18-lineage", "names no other"),
    ],
)  # fmt: skip
def test_where_there_is_nothing_to_look_at_nothing_passes(files: Files, check: str, says: str) -> None:
    outcome = found(subject_of(files), check)[0]

    assert outcome.finding.outcome is Outcome.SKIP
    assert says in outcome.finding.message


def test_weights_beside_those_that_a_loader_takes_are_not_compared_and_named() -> None:
    files = good("mixtral") | {"consolidated.safetensors": good("gemma2")["model.safetensors"]}

    outcomes = {
        item.finding.path: item.finding.outcome for item in found(subject_of(files), "C9-architecture")
    }

    assert outcomes == {"config.json": Outcome.PASS, "consolidated.safetensors": Outcome.SKIP}


def test_files_too_large_to_be_kept_are_undecided() -> None:
    files = good("llama-sharded")
    for path, check in (
        ("tokenizer.json", "C15-tokenizer"),
        ("config.json", "C16-configuration"),
        ("config.json", "C9-architecture"),
    ):
        subject = subject_of(files)
        cut = dataclasses.replace(subject.seen[path], start=b"{", is_whole=False)
        subject = dataclasses.replace(subject, seen={**subject.seen, path: cut})
        assert {item.finding.outcome for item in found(subject, check) if item.finding.path == path} == {
            Outcome.ERROR
        }


# ---- any bytes and any JSON ---------------------------------------------------------------------------------------
NAMES = st.sampled_from(
    [
        "added_tokens", "architectures", "base_model_name_or_path", "bos_token", "chat_template", "config_groups", "content", "decoder",
        "eos_token", "eos_token_id", "hidden_size", "id", "id2label", "model", "model_type", "modules_to_save", "normalizer",
        "normalizers", "num_attention_heads", "num_hidden_layers", "path", "pattern", "peft_type", "post_processor", "pre_tokenizer",
        "pretokenizers", "quant_method", "quantization_config", "r", "rank_pattern", "special", "special_tokens", "target_modules",
        "text_config", "type", "vocab", "vocab_size", "weight_map", "weights", "Regex", "String", "unk_token", "bits", "group_size",
    ]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["LlamaForCausalLM", "Gemma3ForConditionalGeneration", "BertModel", "LORA", "Replace", "Split", "Sequence", "BPE", "gptq", "(a+)+", "../x"]),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=6)
    ),
    max_leaves=20,
)
PATHS = st.sampled_from(
    ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "adapter_config.json", "modules.json", "added_tokens.json",
     "vocab.json", "special_tokens_map.json", "model.safetensors.index.json"]
)  # fmt: skip
WEIGHTS = {
    path: good(name)[path]
    for name, path in (("gemma2", "model.safetensors"), ("lora", "adapter_model.safetensors"))
}


@settings(max_examples=200)
@given(st.dictionaries(PATHS, VALUES, max_size=4))
def test_no_json_breaks_a_check_down(values: dict[str, Any]) -> None:
    files = WEIGHTS | {path: json.dumps(value).encode() for path, value in values.items()}
    subject = subject_of(files, base=good("gemma2"))

    for check in (
        architecture.tensors,
        tokenizers.tokens,
        configurations.settings_and_paths,
        lineage.lineage,
    ):
        assert [finding for finding in check(subject) if finding.message.endswith(".")]


@settings(max_examples=100)
@given(st.sampled_from(["llama-sharded", "gemma2", "lora", "sentence-transformer", "reranker"]), st.data())
def test_no_change_inside_a_good_file_breaks_a_check_down(name: str, data: st.DataObject) -> None:
    files = good(name)
    path = data.draw(st.sampled_from(sorted(path for path in files if path.endswith(".json"))))
    value = json.loads(files[path])
    spot = value
    for _ in range(data.draw(st.integers(0, 4))):
        inner = [
            item
            for item in (spot.values() if isinstance(spot, dict) else spot)
            if isinstance(item, dict | list) and item
        ]
        if not inner:
            break
        spot = data.draw(st.sampled_from(inner))
    key = (
        data.draw(st.sampled_from(list(spot) if isinstance(spot, dict) else list(range(len(spot)))))
        if spot
        else None
    )
    if key is not None:
        spot[key] = data.draw(VALUES)
    subject = subject_of(files | {path: json.dumps(value).encode()}, base=good("llama-sharded"))

    for check in (
        architecture.tensors,
        tokenizers.tokens,
        configurations.settings_and_paths,
        lineage.lineage,
    ):
        assert list(check(subject))


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_break_a_reader_of_tokenizers(data: bytes) -> None:
    for parse, refusal in (
        (tokenizer.parse, tokenizer.BadTokenizer),
        (sentencepiece.parse, sentencepiece.BadModel),
    ):
        for content in (
            data,
            b'{"model":{"vocab":{"a":0}},"added_tokens":' + data + b"}",
            b"\x0a\x05\x0a\x03abc" + data,
        ):
            with contextlib.suppress(refusal):
                assert parse(content)


def test_pieces_are_read_however_they_are_written() -> None:
    plain = good("gemma2")["tokenizer.model"]
    names = sentencepiece.parse(plain).names
    assert names[:3] == ("<pad>", "<eos>", "<bos>")
    # A first piece with another order of fields makes the reader walk every field.
    odd = b"\x0a\x0a\x15\x00\x00\x00\x00\x0a\x03odd"
    assert sentencepiece.parse(odd + plain).names == ("odd", *names)
    assert sentencepiece.parse(plain + odd).repeated == 0
    assert sentencepiece.parse(plain + plain).repeated == len(names)
