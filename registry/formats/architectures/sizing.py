"""What a configuration's members mean for the tables of its family: sizes and conditions. Pure.

Each function takes the members and gives the sizes; all raise `MissingMember` and `BadMember`.
"""

from collections.abc import Callable

from registry.formats.architectures.members import MAX_EXPERTS, MAX_LAYERS, BadMember, Members
from registry.formats.architectures.rows import Sizes

Sizing = Callable[[Members], Sizes]


def _layers(members: Members) -> int:
    return members.size("num_hidden_layers", limit=MAX_LAYERS)


def _labels(members: Members) -> int:
    """How many classes a classifier tells apart; two where the configuration does not say."""
    named = members.get("id2label")
    return len(named) if isinstance(named, dict) and named else members.size("num_labels", 2)


def llama_like(members: Members) -> Sizes:
    """Decoders with query, key and value projections, grouped heads and a gated feed-forward part."""
    hidden, heads = members.size("hidden_size"), members.size("num_attention_heads")
    shared = members.size("num_key_value_heads", heads)
    if members.get("head_dim") is None and hidden % heads:
        raise BadMember("num_attention_heads", f"hidden_size {hidden} cannot be shared among {heads} heads")
    head = members.size("head_dim", max(1, hidden // heads))
    if heads % shared:
        raise BadMember("num_key_value_heads", f"{heads} heads cannot share {shared} keys and values")
    bias = members.flag("attention_bias", default=False)
    return Sizes(
        layers=_layers(members),
        dimensions={
            "V": members.size("vocab_size"),
            "H": hidden,
            "I": members.size("intermediate_size", 4 * hidden),
            "Q": heads * head,
            "K": shared * head,
            "D": head,
            "G": heads,
            "N": shared,
            "L": _labels(members),
        },
        conditions={
            "tied": members.flag("tie_word_embeddings", default=False),
            "qkv_bias": bias,
            "out_bias": members.flag("attention_out_bias", default=bias),
            "mlp_bias": members.flag("mlp_bias", default=False),
            "qk_norm": members.flag("use_qk_norm", default=False),
        },
    )


def mixture(members: Members) -> Sizes:
    """The same with experts in some or all layers."""
    base = llama_like(members)
    inner = members.size("moe_intermediate_size", base.dimensions["I"])
    step, dense = members.size("decoder_sparse_step", 1), members.layers("mlp_only_layers")
    first = members.size("first_k_dense_replace", 0, least=0)
    count = members.size("num_experts", limit=MAX_EXPERTS)
    shared = members.size("n_shared_experts", 0, least=0, limit=MAX_EXPERTS)
    return Sizes(
        layers=base.layers,
        dimensions={
            **base.dimensions,
            "E": count,
            "M": inner,
            "S": members.size("shared_expert_intermediate_size", max(1, inner * shared)),
        },
        conditions={
            **base.conditions,
            "shared": shared > 0,
            "moe": frozenset(
                layer
                for layer in range(base.layers)
                if layer >= first and layer not in dense and (layer + 1) % step == 0
            ),
        },
        experts=count,
    )


def latent(members: Members) -> Sizes:
    """DeepSeek's attention over a latent part, with experts after the first layers."""
    hidden, heads = members.size("hidden_size"), members.size("num_attention_heads")
    plain, rotary = members.size("qk_nope_head_dim"), members.size("qk_rope_head_dim")
    given, rank = members.size("v_head_dim"), members.get("q_lora_rank")
    layers, experts = _layers(members), members.size("n_routed_experts", 0, least=0, limit=MAX_EXPERTS)
    inner = members.size("moe_intermediate_size", 1)
    first, step = members.size("first_k_dense_replace", 0, least=0), members.size("moe_layer_freq", 1)
    shared = members.size("n_shared_experts", 0, least=0, limit=MAX_EXPERTS)
    return Sizes(
        layers=layers,
        dimensions={
            "V": members.size("vocab_size"),
            "H": hidden,
            "I": members.size("intermediate_size"),
            "G": heads,
            "A": members.size("q_lora_rank", 1),
            "B": members.size("kv_lora_rank"),
            "R": rotary,
            "C": plain + rotary,
            "U": plain + given,
            "X": given,
            "E": experts,
            "M": inner,
            "S": max(1, inner * shared),
            "L": _labels(members),
        },
        conditions={
            "tied": members.flag("tie_word_embeddings", default=False),
            "qkv_bias": members.flag("attention_bias", default=False),
            "query_rank": rank is not None,
            "shared": shared > 0,
            "moe": frozenset(
                layer for layer in range(layers) if experts and layer >= first and layer % step == 0
            ),
        },
        experts=experts,
    )


def gpt(members: Members) -> Sizes:
    """GPT-2, GPT-BigCode, GPT-NeoX and BLOOM: as many keys as queries, or one for all."""
    hidden, heads = members.size("hidden_size"), members.size("num_attention_heads")
    one = members.flag("multi_query", default=False)
    return Sizes(
        layers=_layers(members),
        dimensions={
            "V": members.size("vocab_size"),
            "H": hidden,
            "I": members.size("intermediate_size", 4 * hidden),
            "P": members.size("max_position_embeddings", 1),
            "Q": hidden,
            "K": max(1, hidden // heads) if one else hidden,
            "L": _labels(members),
        },
        conditions={
            "tied": members.flag("tie_word_embeddings", default=False),
            "qkv_bias": members.flag("attention_bias", default=True),
        },
    )


def opt(members: Members) -> Sizes:
    """OPT, whose embeddings may be narrower than its layers."""
    hidden = members.size("hidden_size")
    width, first = (
        members.size("word_embed_proj_dim", hidden),
        members.flag("do_layer_norm_before", default=True),
    )
    return Sizes(
        layers=_layers(members),
        dimensions={
            "V": members.size("vocab_size"),
            "H": hidden,
            "W": width,
            "I": members.size("ffn_dim", 4 * hidden),
            "P": members.size("max_position_embeddings"),
            "L": _labels(members),
        },
        conditions={
            "tied": members.flag("tie_word_embeddings", default=True),
            "projected": width != hidden,
            "bias": members.flag("enable_bias", default=True),
            "affine": members.flag("layer_norm_elementwise_affine", default=True),
            "final_norm": first and not members.flag("_remove_final_layer_norm", default=False),
        },
    )


def falcon(members: Members) -> Sizes:
    """Falcon's three generations: one key for all heads, groups of keys, or a key for each head."""
    hidden, heads = members.size("hidden_size"), members.size("num_attention_heads")
    head, new = max(1, hidden // heads), members.flag("new_decoder_architecture", default=False)
    if new:
        fused = (heads + 2 * members.size("num_kv_heads", heads)) * head
    elif members.flag("multi_query", default=True):
        fused = hidden + 2 * head
    else:
        fused = 3 * hidden
    parallel = members.flag("parallel_attn", default=True)
    norms = members.size("num_ln_in_parallel_attn", 2 if new else 1)
    return Sizes(
        layers=_layers(members),
        dimensions={
            "V": members.size("vocab_size"),
            "H": hidden,
            "F": fused,
            "I": members.size("ffn_hidden_size", 4 * hidden),
            "L": _labels(members),
        },
        conditions={
            "tied": members.flag("tie_word_embeddings", default=True),
            "bias": members.flag("bias", default=False),
            "two_norms": new and norms == 2,
            "sequential": not parallel,
        },
    )


def encoder(members: Members) -> Sizes:
    """BERT and its relatives."""
    hidden, layers = members.size("hidden_size"), _layers(members)
    return Sizes(
        layers=layers,
        dimensions={
            "V": members.size("vocab_size"),
            "H": hidden,
            "I": members.size("intermediate_size", 4 * hidden),
            "P": members.size("max_position_embeddings"),
            "T": members.size("type_vocab_size", 2),
            "G": members.size("num_attention_heads"),
            "Z": members.size("relative_attention_num_buckets", 32),
            "L": _labels(members),
        },
        conditions={"first": frozenset({0})},
    )
