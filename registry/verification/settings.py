"""Which values single members of configurations may have. Pure data and small rules."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

from registry.lifecycle import Severity

# Members that say how large a model is, wherever they stand, with the largest value that any model could have.
SIZES: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "hidden_size", "intermediate_size", "moe_intermediate_size", "shared_expert_intermediate_size",
            "n_embd", "n_inner", "d_model", "d_ff", "ffn_dim", "ffn_hidden_size", "word_embed_proj_dim",
            "hidden_dim", "dim", "embedding_size",
        ),
        2**20,
    ),
    **dict.fromkeys(
        ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers", "first_k_dense_replace"),
        4096,
    ),
    **dict.fromkeys(
        (
            "num_attention_heads", "num_key_value_heads", "num_kv_heads", "n_head", "n_heads", "head_dim",
            "num_experts", "num_local_experts", "n_routed_experts", "n_shared_experts", "num_experts_per_tok",
            "q_lora_rank", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim",
        ),
        2**16,
    ),
    "vocab_size": 2**24,
    "type_vocab_size": 2**16,
    "max_position_embeddings": 2**31,
    "n_positions": 2**31,
    "n_ctx": 2**31,
}  # fmt: skip
# Numbers with a fraction: least and most.
RATIOS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(
        ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps"), (0.0, 0.1)
    ),
    **dict.fromkeys(("rope_theta", "rope_local_base_freq"), (1.0, 1e12)),
    **dict.fromkeys(("initializer_range", "attention_dropout", "hidden_dropout", "dropout"), (0.0, 1000.0)),
}
# What generation_config.json may say: the kinds of value, least and most.
GENERATION: Mapping[str, tuple[tuple[type, ...], float, float]] = {
    "temperature": ((int, float), 0, 100),
    "top_p": ((int, float), 0, 1),
    "min_p": ((int, float), 0, 1),
    "typical_p": ((int, float), 0, 1),
    "epsilon_cutoff": ((int, float), 0, 1),
    "eta_cutoff": ((int, float), 0, 1),
    "top_k": ((int,), -1, 2**24),
    "repetition_penalty": ((int, float), 0.01, 100),
    "encoder_repetition_penalty": ((int, float), 0.01, 100),
    "length_penalty": ((int, float), -100, 100),
    "diversity_penalty": ((int, float), -100, 100),
    "no_repeat_ngram_size": ((int,), 0, 10_000),
    "max_length": ((int,), 0, 2**31),
    "min_length": ((int,), 0, 2**31),
    "max_new_tokens": ((int,), 0, 2**31),
    "min_new_tokens": ((int,), 0, 2**31),
    "num_beams": ((int,), 1, 1000),
    "num_beam_groups": ((int,), 1, 1000),
    "num_return_sequences": ((int,), 1, 1000),
    "do_sample": ((bool,), 0, 1),
    "use_cache": ((bool,), 0, 1),
    "early_stopping": ((bool, str), 0, 1),
}
TOKEN_IDS = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)
# Members that bend what a model says, token by token.
STEERING = (
    "bad_words_ids",
    "force_words_ids",
    "sequence_bias",
    "suppress_tokens",
    "begin_suppress_tokens",
    "forced_decoder_ids",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one member."""

    member: str
    words: str
    severity: Severity | None = None  # none: as grave as the check


def size_fault(place: str, name: str, value: Any) -> Fault | None:
    """Whether a member that says a size says one that no model has; lists give one size a layer."""
    if name not in SIZES or value is None:
        return None
    for item in value[:10_000] if isinstance(value, list) else [value]:
        if item is not None and (type(item) is not int or not 0 <= item <= SIZES[name]):
            words = f"{shown(item)} stands where a whole number from 0 to {SIZES[name]} belongs"
            return Fault(member(place, name), words, None if _is_number(item) else Severity.MEDIUM)
    return None


def ratio_fault(place: str, name: str, value: Any) -> Fault | None:
    """Whether a number with a fraction is outside of what makes sense."""
    if name not in RATIOS or value is None:
        return None
    least, most = RATIOS[name]
    if not _is_number(value) or not least <= value <= most:
        words = f"{shown(value)} stands where a number from {least:g} to {most:g} belongs"
        return Fault(member(place, name), words, Severity.MEDIUM)
    return None


def not_a_number(place: str, name: str, value: Any) -> Fault | None:
    """NaN and infinities are no JSON; each reader makes something else of them."""
    for item in value[:10_000] if isinstance(value, list) else [value]:
        if isinstance(item, float) and not math.isfinite(item):
            severity = Severity.MEDIUM if math.isnan(item) else Severity.LOW
            return Fault(member(place, name), f"{item} is no number that JSON has", severity)
    return None


def generation_faults(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Members of a generation_config.json that are of another kind or beyond all sense."""
    for name, (kinds, least, most) in GENERATION.items():
        value = values.get(name)
        if value is None:
            continue
        right_kind = type(value) in kinds
        if not right_kind or (not isinstance(value, bool | str) and not least <= value <= most):
            belongs = "true or false" if bool in kinds else f"a number from {least:g} to {most:g}"
            yield Fault(name, f"{shown(value)} stands where {belongs} belongs", Severity.MEDIUM)


def token_faults(values: Mapping[str, Any], *, vocabulary: int | None) -> Iterator[Fault]:
    """Ids of tokens that are no ids, or that the vocabulary does not reach."""
    for name in TOKEN_IDS:
        value = values.get(name)
        for item in value[:1000] if isinstance(value, list) else [value]:
            if item is None:
                continue
            if type(item) is not int or (item < 0 and name != "pad_token_id"):
                yield Fault(name, f"{shown(item)} is no id of a token", Severity.MEDIUM)
            elif vocabulary is not None and item >= vocabulary:
                yield Fault(
                    name, f"the id {shown(item)} is past the vocabulary of {vocabulary}", Severity.MEDIUM
                )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def member(place: str, name: str) -> str:
    """The full name of a member, cut short."""
    return f"{place}.{name}".lstrip(".")[:200]


def shown(value: Any) -> str:
    """A value in a message, cut short; huge whole numbers are not written out."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 256:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, dict | list):
        return f"a {'list' if isinstance(value, list) else 'group'} of {len(value)}"
    return ascii(value)[:80]
