"""The tensors of the known architectures, as tables; the language is that of `rows`. Pure data.

From the modelling code of transformers 5.x, held against what it writes itself for every table (see the tests).
Letters: V vocabulary, H hidden, I inner size of the feed-forward part, Q all query heads, K all key or value heads,
D one head, G query heads, N key heads, P positions, L labels, E experts, M and S inner sizes of an expert and of the
shared one. Further ones are said where a family needs them.
"""

EMBEDDING = "model.embed_tokens.weight: V H"
FINAL_NORM = "model.norm.weight: H"
ATTENTION = """
.self_attn.q_proj.weight: Q H
.self_attn.k_proj.weight: K H
.self_attn.v_proj.weight: K H
.self_attn.o_proj.weight: H Q
? .self_attn.rotary_emb.inv_freq: *
? model.rotary_emb.inv_freq: *
"""
QKV_BIAS = """
.self_attn.q_proj.bias: Q if qkv_bias
.self_attn.k_proj.bias: K if qkv_bias
.self_attn.v_proj.bias: K if qkv_bias
"""
ALWAYS_QKV_BIAS = QKV_BIAS.replace(" if qkv_bias", "")
OUT_BIAS = ".self_attn.o_proj.bias: H if out_bias"
HEAD_NORMS = """
.self_attn.q_norm.weight: D
.self_attn.k_norm.weight: D
"""
WIDE_NORMS = """
.self_attn.q_norm.weight: Q
.self_attn.k_norm.weight: K
"""
NORMS = """
.input_layernorm.weight: H
.post_attention_layernorm.weight: H
"""
NORM_BIASES = """
.input_layernorm.bias: H
.post_attention_layernorm.bias: H
model.norm.bias: H
"""
POST_NORMS = """
.post_attention_layernorm.weight: H
.post_feedforward_layernorm.weight: H
"""
FOUR_NORMS = """
.input_layernorm.weight: H
.post_attention_layernorm.weight: H
.pre_feedforward_layernorm.weight: H
.post_feedforward_layernorm.weight: H
"""
GATED = """
.mlp.gate_proj.weight: I H
.mlp.up_proj.weight: I H
.mlp.down_proj.weight: H I
"""
GATED_BIAS = """
.mlp.gate_proj.bias: I if mlp_bias
.mlp.up_proj.bias: I if mlp_bias
.mlp.down_proj.bias: H if mlp_bias
"""
DENSE_GATED = """
.mlp.gate_proj.weight: I H if not moe
.mlp.up_proj.weight: I H if not moe
.mlp.down_proj.weight: H I if not moe
"""
EXPERTS = """
.mlp.gate.weight: E H if moe
.mlp.experts.{e}.gate_proj.weight: M H if moe
.mlp.experts.{e}.up_proj.weight: M H if moe
.mlp.experts.{e}.down_proj.weight: H M if moe
"""
SHARED_EXPERT = """
.mlp.shared_expert.gate_proj.weight: S H if moe
.mlp.shared_expert.up_proj.weight: S H if moe
.mlp.shared_expert.down_proj.weight: H S if moe
.mlp.shared_expert_gate.weight: 1 H if moe
"""
SHARED_EXPERTS = """
.mlp.shared_experts.gate_proj.weight: S H if moe and shared
.mlp.shared_experts.up_proj.weight: S H if moe and shared
.mlp.shared_experts.down_proj.weight: H S if moe and shared
"""
SCORE_CORRECTION = ".mlp.gate.e_score_correction_bias: E if moe"
MIXTRAL_EXPERTS = """
.block_sparse_moe.gate.weight: E H
.block_sparse_moe.experts.{e}.w1.weight: I H
.block_sparse_moe.experts.{e}.w2.weight: H I
.block_sparse_moe.experts.{e}.w3.weight: I H
"""
GRANITE_EXPERTS = """
.block_sparse_moe.input_linear.weight: E 2*I H
.block_sparse_moe.output_linear.weight: E H I
.block_sparse_moe.router.layer.weight: E H
"""
PHI3_LAYER = """
.self_attn.qkv_proj.weight: Q+2*K H
.self_attn.o_proj.weight: H Q
.mlp.gate_up_proj.weight: 2*I H
.mlp.down_proj.weight: H I
? .self_attn.rotary_emb.inv_freq: *
"""
COHERE_NORMS = """
.input_layernorm.weight: H
.self_attn.q_norm.weight: G D if qk_norm
.self_attn.k_norm.weight: N D if qk_norm
"""
STARCODER2_MLP = """
.mlp.c_fc.weight: I H
.mlp.c_proj.weight: H I
.mlp.c_fc.bias: I if mlp_bias
.mlp.c_proj.bias: H if mlp_bias
"""
# Latent attention; A rank of queries, B rank of keys and values, R rotary part, C both parts of one head,
# U what one head gets out of the latent part, X what one head gives.
LATENT_ATTENTION = """
.self_attn.q_proj.weight: G*C H if not query_rank
.self_attn.q_a_proj.weight: A H if query_rank
.self_attn.q_a_proj.bias: A if query_rank and qkv_bias
.self_attn.q_a_layernorm.weight: A if query_rank
.self_attn.q_b_proj.weight: G*C A if query_rank
.self_attn.kv_a_proj_with_mqa.weight: B+R H
.self_attn.kv_a_proj_with_mqa.bias: B+R if qkv_bias
.self_attn.kv_a_layernorm.weight: B
.self_attn.kv_b_proj.weight: G*U B
.self_attn.o_proj.weight: H G*X
.self_attn.o_proj.bias: H if qkv_bias
? .self_attn.rotary_emb.inv_freq: *
"""
LM_HEAD = """
lm_head.weight: V H if not tied
? lm_head.weight: V H if tied
"""
SCORE_HEAD = "score.weight: L H"
LABEL_HEAD = """
score.weight: L H
score.bias: L
"""

LLAMA = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, NORMS, GATED, GATED_BIAS, FINAL_NORM))
QWEN2 = "\n".join((EMBEDDING, ATTENTION, ALWAYS_QKV_BIAS, NORMS, GATED, FINAL_NORM))
QWEN3 = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, HEAD_NORMS, NORMS, GATED, FINAL_NORM))
QWEN2_MOE = "\n".join(
    (EMBEDDING, ATTENTION, QKV_BIAS, NORMS, DENSE_GATED, EXPERTS, SHARED_EXPERT, FINAL_NORM)
)
QWEN3_MOE = "\n".join(
    (EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, HEAD_NORMS, NORMS, DENSE_GATED, EXPERTS, FINAL_NORM)
)
OLMOE = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, WIDE_NORMS, NORMS, EXPERTS, FINAL_NORM))
MIXTRAL = "\n".join((EMBEDDING, ATTENTION, NORMS, MIXTRAL_EXPERTS, FINAL_NORM))
GEMMA2 = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, FOUR_NORMS, GATED, FINAL_NORM))
GEMMA3 = "\n".join((GEMMA2, HEAD_NORMS))
PHI3 = "\n".join((EMBEDDING, PHI3_LAYER, NORMS, FINAL_NORM))
OLMO = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, GATED))
OLMO2 = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, WIDE_NORMS, POST_NORMS, GATED, FINAL_NORM))
EXAONE4 = "\n".join((EMBEDDING, ATTENTION, HEAD_NORMS, POST_NORMS, GATED, FINAL_NORM))
GRANITE_MOE = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, NORMS, GRANITE_EXPERTS, FINAL_NORM))
COHERE = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, COHERE_NORMS, GATED, FINAL_NORM))
STARCODER2 = "\n".join(
    (EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, NORMS, NORM_BIASES, STARCODER2_MLP, FINAL_NORM)
)
STABLELM = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, NORMS, NORM_BIASES, GATED, FINAL_NORM))
DEEPSEEK_V2 = "\n".join(
    (EMBEDDING, LATENT_ATTENTION, NORMS, DENSE_GATED, EXPERTS, SHARED_EXPERTS, FINAL_NORM)
)
DEEPSEEK_V3 = "\n".join((DEEPSEEK_V2, SCORE_CORRECTION))
GLM4_MOE = "\n".join(
    (
        EMBEDDING,
        ATTENTION,
        QKV_BIAS,
        NORMS,
        DENSE_GATED,
        EXPERTS,
        SHARED_EXPERTS,
        SCORE_CORRECTION,
        FINAL_NORM,
    )
)
GLM4_MOE += "".join(f"\n{line} if qk_norm" for line in HEAD_NORMS.split("\n") if line)
# gpt-oss: experts in one block each, a sink for every head.
GPT_OSS_LAYER = """
.self_attn.sinks: G
.mlp.router.weight: E H
.mlp.router.bias: E
.mlp.experts.gate_up_proj: E H 2*I
.mlp.experts.gate_up_proj_bias: E 2*I
.mlp.experts.down_proj: E I H
.mlp.experts.down_proj_bias: E H
"""
GPT_OSS = "\n".join((EMBEDDING, ATTENTION, QKV_BIAS, OUT_BIAS, NORMS, GPT_OSS_LAYER, FINAL_NORM))
PHI = """
model.embed_tokens.weight: V H
.self_attn.q_proj.weight: Q H
.self_attn.k_proj.weight: K H
.self_attn.v_proj.weight: K H
.self_attn.q_proj.bias: Q
.self_attn.k_proj.bias: K
.self_attn.v_proj.bias: K
.self_attn.dense.weight: H Q
.self_attn.dense.bias: H
.self_attn.q_layernorm.weight: D if qk_norm
.self_attn.q_layernorm.bias: D if qk_norm
.self_attn.k_layernorm.weight: D if qk_norm
.self_attn.k_layernorm.bias: D if qk_norm
.input_layernorm.weight: H
.input_layernorm.bias: H
.mlp.fc1.weight: I H
.mlp.fc1.bias: I
.mlp.fc2.weight: H I
.mlp.fc2.bias: H
? .self_attn.rotary_emb.inv_freq: *
model.final_layernorm.weight: H
model.final_layernorm.bias: H
"""
PHI_HEAD = """
lm_head.weight: V H
lm_head.bias: V
"""
