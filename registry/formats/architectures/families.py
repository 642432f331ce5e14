"""The families of models whose tensors are known, by the architecture that a config.json names. Pure data."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from registry.formats.architectures import encoders, older, sizing, tables

DECODER_HEADS: Mapping[str, str] = {
    "Model": "",
    "ForCausalLM": tables.LM_HEAD,
    "ForSequenceClassification": tables.SCORE_HEAD,
    "ForTokenClassification": tables.LABEL_HEAD,
}
GPT2_HEADS = {**DECODER_HEADS, "LMHeadModel": tables.LM_HEAD}
BERT_HEADS: Mapping[str, str] = {
    "Model": encoders.MAYBE_POOLER,
    "ForMaskedLM": encoders.BERT_LM_HEAD + encoders.MAYBE_POOLER,
    "ForPreTraining": encoders.BERT_LM_HEAD + encoders.BERT_POOLER,
    "ForSequenceClassification": encoders.CLASSIFIER + encoders.BERT_POOLER,
    "ForTokenClassification": encoders.CLASSIFIER + encoders.MAYBE_POOLER,
}


def _headed(table: str) -> dict[str, str]:
    """The heads of a decoder whose language head has a table of its own."""
    return {**DECODER_HEADS, "ForCausalLM": table}


def _renamed(heads: Mapping[str, str], name: str) -> dict[str, str]:
    return {suffix: table.replace("bert.", f"{name}.") for suffix, table in heads.items()}


ROBERTA_HEADS: Mapping[str, str] = _renamed(
    {
        "Model": encoders.MAYBE_POOLER,
        "ForMaskedLM": encoders.ROBERTA_LM_HEAD + encoders.MAYBE_POOLER,
        "ForSequenceClassification": encoders.ROBERTA_CLASSIFIER + encoders.MAYBE_POOLER,
        "ForTokenClassification": encoders.CLASSIFIER + encoders.MAYBE_POOLER,
    },
    "roberta",
)
MPNET_HEADS = _renamed(
    {
        "Model": encoders.MAYBE_POOLER,
        "ForMaskedLM": encoders.ROBERTA_LM_HEAD + encoders.MAYBE_POOLER,
    },
    "mpnet",
)
DISTILBERT_HEADS: Mapping[str, str] = {
    "Model": "",
    "ForMaskedLM": encoders.DISTILBERT_LM_HEAD,
    "ForSequenceClassification": encoders.DISTILBERT_CLASSIFIER,
    "ForTokenClassification": encoders.CLASSIFIER,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Family:
    """One family: its table, what its members mean, and how its tensors are named."""

    stem: str
    model_type: str
    table: str
    sizes: sizing.Sizing = sizing.llama_like
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    heads: Mapping[str, str] = dataclasses.field(default_factory=lambda: DECODER_HEADS)
    body: str = "model."  # the prefix that a checkpoint of the bare model leaves out
    layers: str = "model.layers.{l}"
    transposed: bool = False  # linear layers are stored as inputs by outputs


TIED = {"tie_word_embeddings": True}
GPT_NAMES = {
    "hidden_size": ("n_embd",),
    "num_hidden_layers": ("n_layer", "num_layers"),
    "num_attention_heads": ("n_head",),
    "intermediate_size": ("n_inner",),
    "max_position_embeddings": ("n_positions", "n_ctx"),
}
EXPERT_NAMES = {"num_experts": ("num_local_experts", "n_routed_experts")}
QWEN2_MOE_NAMES = {**EXPERT_NAMES, "attention_bias": ("qkv_bias",)}
GEMMA3_SIZES = {
    **TIED,
    "vocab_size": 262_208,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 256,
}
GPT_OSS = {"attention_bias": True, "head_dim": 64}
GLM4_MOE = {"first_k_dense_replace": 1, "n_shared_experts": 1}
SEED_OSS = {"attention_bias": True, "attention_out_bias": False, "head_dim": 128}
ONE_BIAS = {"attention_bias": ("use_bias",), "mlp_bias": ("use_bias",)}
_H = "transformer.h.{l}"

FAMILIES = (
    Family("Llama", "llama", tables.LLAMA),
    Family("Mistral", "mistral", tables.LLAMA),
    Family("Granite", "granite", tables.LLAMA),
    Family("SmolLM3", "smollm3", tables.LLAMA, defaults=TIED),
    Family("SeedOss", "seed_oss", tables.LLAMA, defaults=SEED_OSS),
    Family("Gemma", "gemma", tables.LLAMA, defaults={**TIED, "head_dim": 256}),
    Family("Ernie4_5", "ernie4_5", tables.LLAMA, defaults={**TIED, "head_dim": 128}, names=ONE_BIAS),
    Family("Mixtral", "mixtral", tables.MIXTRAL, sizing.mixture, names=EXPERT_NAMES),
    Family("Qwen2", "qwen2", tables.QWEN2),
    Family("Qwen3", "qwen3", tables.QWEN3, defaults={"head_dim": 128}),
    Family("Qwen2Moe", "qwen2_moe", tables.QWEN2_MOE, sizing.mixture, {"attention_bias": True}, QWEN2_MOE_NAMES),
    Family("Qwen3Moe", "qwen3_moe", tables.QWEN3_MOE, sizing.mixture, names=EXPERT_NAMES),
    Family("Gemma2", "gemma2", tables.GEMMA2, defaults={**TIED, "head_dim": 256}),
    Family("Gemma3", "gemma3_text", tables.GEMMA3, defaults=GEMMA3_SIZES),
    Family("Phi3", "phi3", tables.PHI3),
    Family("Phi", "phi", tables.PHI, names={"use_qk_norm": ("qk_layernorm",)}, heads=_headed(tables.PHI_HEAD)),
    Family("Olmo", "olmo", tables.OLMO),
    Family("Olmo2", "olmo2", tables.OLMO2),
    Family("Olmo3", "olmo3", tables.OLMO2),
    Family("Olmoe", "olmoe", tables.OLMOE, sizing.mixture, names=EXPERT_NAMES),
    Family("Exaone4", "exaone4", tables.EXAONE4),
    Family("GraniteMoe", "granitemoe", tables.GRANITE_MOE, sizing.mixture, names=EXPERT_NAMES),
    Family("GptOss", "gpt_oss", tables.GPT_OSS, sizing.mixture, GPT_OSS, EXPERT_NAMES),
    Family("Cohere", "cohere", tables.COHERE, defaults=TIED),
    Family("Cohere2", "cohere2", tables.COHERE, defaults=TIED),
    Family("StableLm", "stablelm", tables.STABLELM, names={"attention_bias": ("use_qkv_bias",)}),
    Family(
        "Starcoder2", "starcoder2", tables.STARCODER2,
        defaults={**TIED, "attention_bias": True, "mlp_bias": True}, names=ONE_BIAS,
    ),
    Family("DeepseekV2", "deepseek_v2", tables.DEEPSEEK_V2, sizing.latent),
    Family("DeepseekV3", "deepseek_v3", tables.DEEPSEEK_V3, sizing.latent, {"first_k_dense_replace": 3}),
    Family("Glm4Moe", "glm4_moe", tables.GLM4_MOE, sizing.mixture, GLM4_MOE, EXPERT_NAMES),
    Family("GPT2", "gpt2", older.GPT2, sizing.gpt, TIED, GPT_NAMES, GPT2_HEADS, "transformer.", _H, transposed=True),
    Family(
        "GPTBigCode", "gpt_bigcode", older.GPT_BIGCODE, sizing.gpt, {**TIED, "multi_query": True}, GPT_NAMES,
        DECODER_HEADS, "transformer.", _H,
    ),
    Family(
        "GPTNeoX", "gpt_neox", older.GPT_NEOX, sizing.gpt, heads=_headed(older.GPT_NEOX_HEAD),
        body="gpt_neox.", layers="gpt_neox.layers.{l}",
    ),
    Family("Bloom", "bloom", older.BLOOM, sizing.gpt, TIED, GPT_NAMES, DECODER_HEADS, "transformer.", _H),
    Family("Falcon", "falcon", older.FALCON, sizing.falcon, TIED, GPT_NAMES, DECODER_HEADS, "transformer.", _H),
    Family(
        "OPT", "opt", older.OPT, sizing.opt, heads=_headed(older.OPT_HEAD),
        layers="model.decoder.layers.{l}",
    ),
    Family(
        "Bert", "bert", encoders.BERT, sizing.encoder, heads=BERT_HEADS, body="bert.", layers="bert.encoder.layer.{l}"
    ),
    *(
        Family(
            stem, model_type, encoders.BERT.replace("bert.", "roberta."), sizing.encoder, heads=ROBERTA_HEADS,
            body="roberta.", layers="roberta.encoder.layer.{l}",
        )
        for stem, model_type in (("Roberta", "roberta"), ("XLMRoberta", "xlm-roberta"), ("Camembert", "camembert"))
    ),
    Family(
        "DistilBert", "distilbert", encoders.DISTILBERT, sizing.encoder, heads=DISTILBERT_HEADS, body="distilbert.",
        layers="distilbert.transformer.layer.{l}",
        names={
            "hidden_size": ("dim",), "intermediate_size": ("hidden_dim",), "num_hidden_layers": ("n_layers",),
            "num_attention_heads": ("n_heads",),
        },
    ),
    Family(
        "MPNet", "mpnet", encoders.MPNET, sizing.encoder, body="mpnet.", layers="mpnet.encoder.layer.{l}",
        heads=MPNET_HEADS,
    ),
    Family("ModernBert", "modernbert", encoders.MODERNBERT, sizing.encoder, heads={"Model": ""}),
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Architecture:
    """One class of models: a family with what it has on top."""

    family: Family
    head: str
    is_bare: bool = False
    # Text models inside models that also see: where their configuration and tensors lie, and what is not compared.
    config_member: str = ""
    prefix: str = ""
    unclaimed: tuple[str, ...] = ()


def _all() -> dict[str, Architecture]:
    known = {
        family.stem + suffix: Architecture(family, head, is_bare=suffix == "Model")
        for family in FAMILIES
        for suffix, head in family.heads.items()
    }
    gemma3 = known["Gemma3ForCausalLM"]
    known["Gemma3TextModel"] = known["Gemma3Model"]
    known["Gemma3ForConditionalGeneration"] = dataclasses.replace(
        gemma3,
        config_member="text_config",
        prefix="language_model.",
        unclaimed=("vision_tower.", "multi_modal_projector."),
    )
    return known


ARCHITECTURES: Mapping[str, Architecture] = _all()
