"""The tables of tensors against what transformers 5.x writes itself, with small sizes, for every family.

tests/corpus/architectures.json holds each configuration as `save_pretrained` wrote it (less what bears on no shape), and
the names of its tensors by shape.
"""

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest

from registry.formats.architectures import adapters
from registry.formats.architectures.compare import Comparison, compare
from registry.formats.architectures.expected import UnknownArchitecture, expect
from registry.formats.architectures.families import ARCHITECTURES, FAMILIES
from registry.formats.architectures.members import BadMember, MissingMember
from registry.formats.architectures.quantised import quantisation_of
from registry.formats.safetensors import Tensor

CASES = json.loads((Path(__file__).parents[2] / "corpus" / "architectures.json").read_text(encoding="utf-8"))


def tensor(name: str, *shape: int, dtype: str = "BF16") -> Tensor:
    return Tensor(name, dtype, shape, 0, 0)


def tensors_of(case: str) -> dict[str, Tensor]:
    return {
        name: tensor(name, *map(int, shape.split()))
        for shape, names in CASES[case]["tensors"].items()
        for name in names
    }


def compared(case: str, tensors: dict[str, Tensor], **members: Any) -> Comparison:
    config = CASES[case]["config"] | members
    return compare(tensors, expect(config), quantisation_of(config))


@pytest.mark.parametrize("case", CASES)
def test_what_the_library_writes_is_what_is_expected(case: str) -> None:
    found = compared(case, tensors_of(case))

    assert found.is_clean, found
    assert found.compared == len(tensors_of(case))
    assert (found.not_compared, found.without_head) == ([], [])
    # A tied head is not stored twice, but may be.
    stored = sum(
        math.prod(item.shape) for name, item in tensors_of(case).items() if not name.startswith("pooler.")
    )
    assert stored == expect(CASES[case]["config"]).parameters


def test_every_family_has_a_case() -> None:
    held = {ARCHITECTURES[case["config"]["architectures"][0]].family.stem for case in CASES.values()}

    # The table of Camembert is that of Roberta under another name.
    assert held == {family.stem for family in FAMILIES} - {"Camembert"}


@pytest.mark.parametrize("case", CASES)
def test_each_missing_extra_and_misshapen_tensor_is_named(case: str) -> None:
    tensors = tensors_of(case)
    names = sorted(tensors)
    gone, odd = names[0], names[-1]
    changed = {name: item for name, item in tensors.items() if name != gone} | {
        odd: msgspec.structs.replace(tensors[odd], shape=(*tensors[odd].shape, 2)),
        "model.layers.0.hidden_extra.weight": tensor("model.layers.0.hidden_extra.weight", 4, 4),
    }

    found = compared(case, changed)

    assert gone in found.missing or gone.startswith("pooler.")
    assert [item.name for item in found.wrong] == [odd]
    assert found.extra == ["model.layers.0.hidden_extra.weight"]


@pytest.mark.parametrize(
    ("case", "members", "wrong"),
    [
        ("llama", {"vocab_size": 97}, {"model.embed_tokens.weight", "lm_head.weight"}),
        ("llama", {"num_key_value_heads": 4}, {"model.layers.0.self_attn.k_proj.weight"}),
        ("llama", {"head_dim": 16}, {"model.layers.1.self_attn.q_proj.weight"}),
        ("gemma3", {"head_dim": 8}, {"model.layers.1.self_attn.q_norm.weight"}),
        ("falcon-7b", {"multi_query": False}, {"transformer.h.0.self_attention.query_key_value.weight"}),
        ("mixtral", {"intermediate_size": 40}, {"model.layers.1.block_sparse_moe.experts.3.w2.weight"}),
        ("bertmodel", {"max_position_embeddings": 32}, {"embeddings.position_embeddings.weight"}),
    ],
)
def test_a_configuration_that_says_another_size_does_not_fit(
    case: str, members: dict[str, Any], wrong: set[str]
) -> None:
    assert wrong <= {item.name for item in compared(case, tensors_of(case), **members).wrong}


@pytest.mark.parametrize(
    ("case", "members", "missing", "extra"),
    [
        ("llama", {"num_hidden_layers": 3}, 9, 0),
        ("llama", {"num_hidden_layers": 1}, 0, 9),
        ("llama", {"attention_bias": True}, 8, 0),
        ("llama-tied-bias", {"tie_word_embeddings": False}, 1, 0),
        ("qwen3moe", {"num_local_experts": 3, "num_experts": 3}, 0, 3),
        ("qwen3moe", {"mlp_only_layers": []}, 13, 3),
        ("deepseekv3", {"first_k_dense_replace": 2}, 3, 17),
        ("gptneox", {"tie_word_embeddings": True}, 0, 0),
    ],
)
def test_a_configuration_that_says_other_parts_names_them(
    case: str, members: dict[str, Any], missing: int, extra: int
) -> None:
    found = compared(case, tensors_of(case), **members)

    assert (len(found.missing), len(found.extra)) == (missing, extra)


def test_checkpoints_of_the_bare_model_are_known() -> None:
    bare = {name.removeprefix("transformer."): item for name, item in tensors_of("gpt2").items()}
    headless = {
        name.removeprefix("model."): item
        for name, item in tensors_of("llama").items()
        if name != "lm_head.weight"
    }
    buffers = {f"h.{layer}.attn.bias": tensor("x", 1, 1, 64, 64) for layer in range(2)}

    assert compared("gpt2", bare | buffers).is_clean
    found = compared("llama", headless)
    assert found.is_clean
    assert found.without_head == ["lm_head.weight"]
    assert len(compared("llama", {"a": tensor("a", 1)}).missing) == len(tensors_of("llama"))


def test_old_names_and_buffers_are_tolerated() -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): item
        for name, item in tensors_of("bertformaskedlm").items()
    }
    old["bert.embeddings.position_ids"] = tensor("x", 1, 64, dtype="I64")
    old |= {
        f"bert.pooler.dense.{kind}": tensor("x", *shape)
        for kind, shape in (("weight", (32, 32)), ("bias", (32,)))
    }

    assert compared("bertformaskedlm", old).is_clean


def test_the_text_part_of_a_model_that_sees_is_compared() -> None:
    seeing = {f"language_model.{name}": item for name, item in tensors_of("gemma3").items()}
    seeing |= {
        "vision_tower.vision_model.head.weight": tensor("x", 3),
        "multi_modal_projector.w": tensor("x", 3),
    }
    config = {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": CASES["gemma3"]["config"]}

    found = compare(seeing, expect(config), None)

    assert found.is_clean
    assert len(found.not_compared) == 2
    later = {
        name.replace("language_model.model.", "model.language_model."): item for name, item in seeing.items()
    }
    assert compare(later, expect(config), None).is_clean


def test_layers_that_predict_further_ahead_are_not_compared() -> None:
    more = tensors_of("deepseekv3") | {"model.layers.3.eh_proj.weight": tensor("x", 32, 64)}

    assert compared("deepseekv3", more, num_nextn_predict_layers=1).not_compared == [
        "model.layers.3.eh_proj.weight"
    ]
    assert compared("deepseekv3", more, num_nextn_predict_layers=0).extra == ["model.layers.3.eh_proj.weight"]


def quantised(case: str, replace: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, Tensor]:
    """The case with one projection in another form."""
    name = "model.layers.0.mlp.gate_proj"
    tensors = {key: item for key, item in tensors_of(case).items() if key != f"{name}.weight"}
    return tensors | {
        name + end: tensor(name + end, *shape, dtype=dtype) for end, (dtype, shape) in replace.items()
    }


GROUP = {"num_bits": 4, "type": "int", "strategy": "group", "group_size": 16}
FORMS: dict[str, tuple[dict[str, Any], dict[str, tuple[str, tuple[int, ...]]]]] = {
    # The projection has 48 outputs and 32 inputs.
    "gptq": (
        {"quant_method": "gptq", "bits": 4, "group_size": 16},
        {".qweight": ("I32", (4, 48)), ".qzeros": ("I32", (2, 6)), ".scales": ("F16", (2, 48)), ".g_idx": ("I32", (32,))},
    ),
    "awq": (
        {"quant_method": "awq", "bits": 4, "group_size": 16},
        {".qweight": ("I32", (32, 6)), ".qzeros": ("I32", (2, 6)), ".scales": ("F16", (2, 48))},
    ),
    "fp8": (
        {"quant_method": "fp8", "weight_block_size": [16, 16]},
        {".weight": ("F8_E4M3", (48, 32)), ".weight_scale_inv": ("F32", (3, 2))},
    ),
    "bnb-4bit": (
        {"quant_method": "bitsandbytes", "load_in_4bit": True},
        {
            ".weight": ("U8", (768, 1)), ".weight.absmax": ("U8", (24,)), ".weight.quant_map": ("F32", (16,)),
            ".weight.quant_state.bitsandbytes__nf4": ("U8", (80,)),
        },
    ),
    "bnb-8bit": (
        {"quant_method": "bitsandbytes", "load_in_8bit": True},
        {".weight": ("I8", (48, 32)), ".SCB": ("F32", (48,)), ".weight_format": ("U8", ())},
    ),
    "fp8-channel": (
        {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}}}},
        {".weight": ("F8_E4M3", (48, 32)), ".weight_scale": ("BF16", (48, 1))},
    ),
    "w4a16": (
        {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": GROUP}}},
        {".weight_packed": ("I32", (48, 4)), ".weight_scale": ("BF16", (48, 2)), ".weight_shape": ("I64", (2,))},
    ),
    "modelopt-nvfp4": (
        {"quant_method": "modelopt"},
        {".weight": ("U8", (48, 16)), ".weight_scale": ("F8_E4M3", (48, 2)), ".weight_scale_2": ("F32", ())},
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_forms_of_quantised_layers_are_compared(form: str) -> None:
    stated, parts = FORMS[form]
    end, (dtype, shape) = next(iter(parts.items()))

    assert compared("llama", quantised("llama", parts), quantization_config=stated).is_clean
    wrong = compared(
        "llama",
        quantised("llama", parts | {end: (dtype, (*shape[:-1], shape[-1] + 1))}),
        quantization_config=stated,
    )
    assert [item.name for item in wrong.wrong] == [f"model.layers.0.mlp.gate_proj{end}"]
    stray = quantised("llama", parts | {".backdoor": ("F32", (4,))})
    assert compared("llama", stray, quantization_config=stated).extra == [
        "model.layers.0.mlp.gate_proj.backdoor"
    ]
    # Without the word of the configuration the same tensors do not fit.
    assert not compared("llama", quantised("llama", parts)).is_clean


def test_blocks_of_experts_in_mxfp4_are_compared() -> None:
    packed = dict(tensors_of("gptoss"))
    for layer in range(2):
        name = f"model.layers.{layer}.mlp.experts"
        del packed[f"{name}.gate_up_proj"], packed[f"{name}.down_proj"]
        packed |= {
            f"{name}.gate_up_proj_blocks": tensor("x", 4, 96, 1, 16, dtype="U8"),
            f"{name}.gate_up_proj_scales": tensor("x", 4, 96, 1, dtype="U8"),
            f"{name}.down_proj_blocks": tensor("x", 4, 32, 2, 16, dtype="U8"),
            f"{name}.down_proj_scales": tensor("x", 4, 32, 2, dtype="U8"),
        }

    assert compared("gptoss", packed, quantization_config={"quant_method": "mxfp4"}).is_clean
    assert compared("gptoss", packed).missing


def test_of_a_quantisation_that_is_not_known_only_the_rest_is_compared() -> None:
    parts = {".W_q": ("U8", (24, 32)), ".meta": ("F32", (3,))}
    stated = {"quant_method": "hqq"}

    found = compared("llama", quantised("llama", parts), quantization_config=stated)

    assert found.is_clean
    assert found.compared == 2 + 2 * 2
    assert compared(
        "llama", quantised("llama", parts) | {"other": tensor("other", 1)}, quantization_config=stated
    ).extra


@pytest.mark.parametrize("dtype", ["I8", "U8", "F8_E4M3", "I32", "BOOL"])
def test_narrow_numbers_need_a_word_of_the_configuration(dtype: str) -> None:
    name = "model.layers.0.mlp.gate_proj.weight"
    found = compared("llama", tensors_of("llama") | {name: tensor(name, 48, 32, dtype=dtype)})

    assert found.narrow == [name]


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"hidden_size": -1}, "hidden_size"),
        ({"hidden_size": True}, "hidden_size"),
        ({"hidden_size": 32.0}, "hidden_size"),
        ({"hidden_size": "32"}, "hidden_size"),
        ({"hidden_size": 10**400}, "hidden_size"),
        ({"num_hidden_layers": 10**12}, "num_hidden_layers"),
        ({"num_attention_heads": 5, "head_dim": None}, "num_attention_heads"),
        ({"num_key_value_heads": 3}, "num_key_value_heads"),
        ({"num_attention_heads": 0}, "num_attention_heads"),
        ({"vocab_size": float("nan")}, "vocab_size"),
        ({"tie_word_embeddings": 1}, "tie_word_embeddings"),
        ({"head_dim": []}, "head_dim"),
    ],
)
def test_sizes_that_no_model_has_are_named(members: dict[str, Any], named: str) -> None:
    with pytest.raises(BadMember) as caught:
        expect(CASES["llama"]["config"] | members)

    assert caught.value.member == named
    assert len(str(caught.value)) < 250


def test_more_experts_and_layers_than_any_model_has_are_not_written_out() -> None:
    with pytest.raises(BadMember, match="more than any model has"):
        expect(CASES["mixtral"]["config"] | {"num_hidden_layers": 2048, "num_local_experts": 4096})


def test_a_configuration_without_sizes_or_of_an_unknown_architecture_is_told_apart() -> None:
    with pytest.raises(MissingMember, match="hidden_size"):
        expect({"architectures": ["LlamaForCausalLM"]})
    for config in ({}, {"architectures": []}, {"architectures": [3]}, {"architectures": "LlamaForCausalLM"}):
        with pytest.raises(UnknownArchitecture):
            expect(config)


LORA = {"peft_type": "LORA", "r": 4, "target_modules": ["q_proj"], "modules_to_save": ["score"]}
MODULE = "base_model.model.model.layers.0.self_attn.q_proj"


def factors(module: str = MODULE, *, rank: int = 4, inputs: int = 32, outputs: int = 32) -> dict[str, Tensor]:
    return {
        f"{module}.lora_A.weight": tensor(f"{module}.lora_A.weight", rank, inputs),
        f"{module}.lora_B.weight": tensor(f"{module}.lora_B.weight", outputs, rank),
    }


def held(tensors: dict[str, Tensor], **members: Any) -> adapters.AdapterTensors:
    lora = adapters.lora_of(LORA | members)
    assert lora is not None
    return adapters.hold(tensors, lora)


def test_the_factors_of_an_adapter_fit_its_rank_targets_and_base() -> None:
    saved = {"base_model.model.score.weight": tensor("x", 2, 32)}

    found = held(factors() | saved)

    assert found == adapters.AdapterTensors(pairs=found.pairs, saved=list(saved))
    assert not list(adapters.misfits(found.pairs, tensors_of("llama")))
    other = tensors_of("llama-tied-bias")  # whose queries are twice as wide
    assert [module for module, _ in adapters.misfits(found.pairs, other)] == [
        "model.layers.0.self_attn.q_proj"
    ]
    assert "no such module" in next(adapters.misfits(found.pairs, tensors_of("gpt2")))[1]


@pytest.mark.parametrize(
    ("tensors", "members", "part"),
    [
        ({f"{MODULE}.lora_A.weight": tensor("x", 4, 32)}, {}, "halves"),
        (factors(rank=8), {}, "wrong"),
        (factors() | {f"{MODULE}.lora_B.weight": tensor("x", 32, 5)}, {}, "wrong"),
        (factors(), {"target_modules": ["k_proj"]}, "off_target"),
        (factors(), {"target_modules": ["q_proj", "v_proj"]}, "without_tensors"),
        (factors() | {"base_model.model.model.norm.weight": tensor("x", 32)}, {}, "extra"),
    ],
)
def test_an_adapter_that_does_not_fit_its_configuration_says_where(
    tensors: dict[str, Tensor], members: dict[str, Any], part: str
) -> None:
    assert getattr(held(tensors, **members), part)


@pytest.mark.parametrize(
    "members",
    [{"r": 0}, {"r": "8"}, {"r": True}, {"r": 10**9}, {"target_modules": [1]}, {"modules_to_save": "x"}],
)
def test_an_adapter_without_sense_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(adapters.BadAdapter):
        adapters.lora_of(LORA | members)


def test_other_adapters_are_not_taken_for_lora() -> None:
    assert adapters.lora_of({"peft_type": "IA3"}) is None
    embedding = {
        "base_model.model.model.embed_tokens.lora_embedding_A": tensor("x", 4, 96),
        "base_model.model.model.embed_tokens.lora_embedding_B": tensor("x", 32, 4),
        f"{MODULE}.lora_magnitude_vector": tensor("x", 32),
    }
    found = held(factors() | embedding, target_modules="all-linear", rank_pattern={"q": 4})
    assert [*found.halves, *found.wrong, *found.extra] == []
    assert len(found.pairs) == 2
