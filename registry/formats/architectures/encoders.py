"""The tensors of encoders, as tables; the language is that of `rows`. Pure data.

Letters as in `tables`, and T kinds of tokens. Layer norms of old checkpoints are called gamma and beta.
"""

BERT = """
bert.embeddings.word_embeddings.weight: V H
bert.embeddings.position_embeddings.weight: P H
bert.embeddings.token_type_embeddings.weight: T H
bert.embeddings.LayerNorm.weight: H
bert.embeddings.LayerNorm.bias: H
? bert.embeddings.position_ids: *
? bert.embeddings.token_type_ids: *
.attention.self.query.weight: H H
.attention.self.query.bias: H
.attention.self.key.weight: H H
.attention.self.key.bias: H
.attention.self.value.weight: H H
.attention.self.value.bias: H
.attention.output.dense.weight: H H
.attention.output.dense.bias: H
.attention.output.LayerNorm.weight: H
.attention.output.LayerNorm.bias: H
.intermediate.dense.weight: I H
.intermediate.dense.bias: I
.output.dense.weight: H I
.output.dense.bias: H
.output.LayerNorm.weight: H
.output.LayerNorm.bias: H
"""
BERT_POOLER = """
bert.pooler.dense.weight: H H
bert.pooler.dense.bias: H
"""
# Which of these a bare encoder has depends on who saved it.
MAYBE_POOLER = BERT_POOLER.replace("bert.", "? bert.")
BERT_LM_HEAD = """
cls.predictions.bias: V
cls.predictions.transform.dense.weight: H H
cls.predictions.transform.dense.bias: H
cls.predictions.transform.LayerNorm.weight: H
cls.predictions.transform.LayerNorm.bias: H
? cls.predictions.decoder.weight: V H
? cls.predictions.decoder.bias: V
? cls.seq_relationship.weight: 2 H
? cls.seq_relationship.bias: 2
"""
CLASSIFIER = """
classifier.weight: L H
classifier.bias: L
"""
ROBERTA_LM_HEAD = """
lm_head.bias: V
lm_head.dense.weight: H H
lm_head.dense.bias: H
lm_head.layer_norm.weight: H
lm_head.layer_norm.bias: H
? lm_head.decoder.weight: V H
? lm_head.decoder.bias: V
"""
ROBERTA_CLASSIFIER = """
classifier.dense.weight: H H
classifier.dense.bias: H
classifier.out_proj.weight: L H
classifier.out_proj.bias: L
"""
DISTILBERT = """
distilbert.embeddings.word_embeddings.weight: V H
distilbert.embeddings.position_embeddings.weight: P H
distilbert.embeddings.LayerNorm.weight: H
distilbert.embeddings.LayerNorm.bias: H
? distilbert.embeddings.position_ids: *
.attention.q_lin.weight: H H
.attention.q_lin.bias: H
.attention.k_lin.weight: H H
.attention.k_lin.bias: H
.attention.v_lin.weight: H H
.attention.v_lin.bias: H
.attention.out_lin.weight: H H
.attention.out_lin.bias: H
.sa_layer_norm.weight: H
.sa_layer_norm.bias: H
.ffn.lin1.weight: I H
.ffn.lin1.bias: I
.ffn.lin2.weight: H I
.ffn.lin2.bias: H
.output_layer_norm.weight: H
.output_layer_norm.bias: H
"""
DISTILBERT_LM_HEAD = """
vocab_transform.weight: H H
vocab_transform.bias: H
vocab_layer_norm.weight: H
vocab_layer_norm.bias: H
? vocab_projector.weight: V H
vocab_projector.bias: V
"""
DISTILBERT_CLASSIFIER = """
pre_classifier.weight: H H
pre_classifier.bias: H
classifier.weight: L H
classifier.bias: L
"""
# Z is the number of buckets of distances.
MPNET = """
mpnet.embeddings.word_embeddings.weight: V H
mpnet.embeddings.position_embeddings.weight: P H
mpnet.embeddings.LayerNorm.weight: H
mpnet.embeddings.LayerNorm.bias: H
? mpnet.embeddings.position_ids: *
.attention.attn.q.weight: H H
.attention.attn.q.bias: H
.attention.attn.k.weight: H H
.attention.attn.k.bias: H
.attention.attn.v.weight: H H
.attention.attn.v.bias: H
.attention.attn.o.weight: H H
.attention.attn.o.bias: H
.attention.LayerNorm.weight: H
.attention.LayerNorm.bias: H
.intermediate.dense.weight: I H
.intermediate.dense.bias: I
.output.dense.weight: H I
.output.dense.bias: H
.output.LayerNorm.weight: H
.output.LayerNorm.bias: H
mpnet.encoder.relative_attention_bias.weight: Z G
"""
# Every layer but the first has a norm before its attention.
MODERNBERT = """
model.embeddings.tok_embeddings.weight: V H
model.embeddings.norm.weight: H
.attn_norm.weight: H if not first
.attn.Wqkv.weight: 3*H H
.attn.Wo.weight: H H
.mlp_norm.weight: H
.mlp.Wi.weight: 2*I H
.mlp.Wo.weight: H I
model.final_norm.weight: H
"""
