"""The tensors of decoders before Llama, as tables in the language of `rows`. Pure data.

The letters are those of `tables`.
"""

GPT2 = """
transformer.wte.weight: V H
transformer.wpe.weight: P H
.ln_1.weight: H
.ln_1.bias: H
.attn.c_attn.weight: H 3*H
.attn.c_attn.bias: 3*H
.attn.c_proj.weight: H H
.attn.c_proj.bias: H
.ln_2.weight: H
.ln_2.bias: H
.mlp.c_fc.weight: H I
.mlp.c_fc.bias: I
.mlp.c_proj.weight: I H
.mlp.c_proj.bias: H
? .attn.bias: *
? .attn.masked_bias: *
transformer.ln_f.weight: H
transformer.ln_f.bias: H
"""
GPT_BIGCODE = """
transformer.wte.weight: V H
transformer.wpe.weight: P H
.ln_1.weight: H
.ln_1.bias: H
.attn.c_attn.weight: Q+2*K H
.attn.c_attn.bias: Q+2*K
.attn.c_proj.weight: H H
.attn.c_proj.bias: H
.ln_2.weight: H
.ln_2.bias: H
.mlp.c_fc.weight: I H
.mlp.c_fc.bias: I
.mlp.c_proj.weight: H I
.mlp.c_proj.bias: H
? .attn.bias: *
? .attn.masked_bias: *
transformer.ln_f.weight: H
transformer.ln_f.bias: H
"""
GPT_NEOX = """
gpt_neox.embed_in.weight: V H
.input_layernorm.weight: H
.input_layernorm.bias: H
.post_attention_layernorm.weight: H
.post_attention_layernorm.bias: H
.attention.query_key_value.weight: 3*H H
.attention.query_key_value.bias: 3*H if qkv_bias
.attention.dense.weight: H H
.attention.dense.bias: H if qkv_bias
.mlp.dense_h_to_4h.weight: I H
.mlp.dense_h_to_4h.bias: I
.mlp.dense_4h_to_h.weight: H I
.mlp.dense_4h_to_h.bias: H
? .attention.bias: *
? .attention.masked_bias: *
? .attention.rotary_emb.inv_freq: *
gpt_neox.final_layer_norm.weight: H
gpt_neox.final_layer_norm.bias: H
"""
GPT_NEOX_HEAD = """
embed_out.weight: V H if not tied
? embed_out.weight: V H if tied
"""
# W is the width of the embeddings.
OPT = """
model.decoder.embed_tokens.weight: V W
model.decoder.embed_positions.weight: P+2 H
model.decoder.project_in.weight: H W if projected
model.decoder.project_out.weight: W H if projected
.self_attn.q_proj.weight: H H
.self_attn.k_proj.weight: H H
.self_attn.v_proj.weight: H H
.self_attn.out_proj.weight: H H
.self_attn.q_proj.bias: H if bias
.self_attn.k_proj.bias: H if bias
.self_attn.v_proj.bias: H if bias
.self_attn.out_proj.bias: H if bias
.self_attn_layer_norm.weight: H if affine
.self_attn_layer_norm.bias: H if affine
.fc1.weight: I H
.fc1.bias: I if bias
.fc2.weight: H I
.fc2.bias: H if bias
.final_layer_norm.weight: H if affine
.final_layer_norm.bias: H if affine
model.decoder.final_layer_norm.weight: H if final_norm and affine
model.decoder.final_layer_norm.bias: H if final_norm and affine
"""
OPT_HEAD = """
lm_head.weight: V W if not tied
? lm_head.weight: V W if tied
"""
# F is the fused width of queries, keys and values.
FALCON = """
transformer.word_embeddings.weight: V H
.self_attention.query_key_value.weight: F H
.self_attention.query_key_value.bias: F if bias
.self_attention.dense.weight: H H
.self_attention.dense.bias: H if bias
.mlp.dense_h_to_4h.weight: I H
.mlp.dense_h_to_4h.bias: I if bias
.mlp.dense_4h_to_h.weight: H I
.mlp.dense_4h_to_h.bias: H if bias
.ln_attn.weight: H if two_norms
.ln_attn.bias: H if two_norms
.ln_mlp.weight: H if two_norms
.ln_mlp.bias: H if two_norms
.input_layernorm.weight: H if not two_norms
.input_layernorm.bias: H if not two_norms
.post_attention_layernorm.weight: H if sequential
.post_attention_layernorm.bias: H if sequential
? .self_attention.rotary_emb.inv_freq: *
transformer.ln_f.weight: H
transformer.ln_f.bias: H
"""
BLOOM = """
transformer.word_embeddings.weight: V H
transformer.word_embeddings_layernorm.weight: H
transformer.word_embeddings_layernorm.bias: H
.input_layernorm.weight: H
.input_layernorm.bias: H
.self_attention.query_key_value.weight: 3*H H
.self_attention.query_key_value.bias: 3*H
.self_attention.dense.weight: H H
.self_attention.dense.bias: H
.post_attention_layernorm.weight: H
.post_attention_layernorm.bias: H
.mlp.dense_h_to_4h.weight: 4*H H
.mlp.dense_h_to_4h.bias: 4*H
.mlp.dense_4h_to_h.weight: H 4*H
.mlp.dense_4h_to_h.bias: H
transformer.ln_f.weight: H
transformer.ln_f.bias: H
"""
