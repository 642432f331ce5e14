"""The architectures that GGUF files name, and which tensors the common ones need. Pure.

Source: llama.cpp's list of architectures and of the tensors that each of them loads.
"""

from collections.abc import Mapping

KNOWN = frozenset(
    """
    afmoe apertus arcee arctic arwkv7 baichuan bailingmoe bailingmoe2 bert bitnet bloom chameleon chatglm clip codeshell
    cogvlm cohere2 command-r dbrx deci deepseek deepseek2 deepseek2-ocr dots1 dream ernie4_5 ernie4_5-moe eurobert
    exaone exaone-moe exaone4 falcon falcon-h1 gemma gemma-embedding gemma2 gemma3 gemma3n gemma4 glm-dsa glm4 glm4moe
    gpt-oss gpt2 gptj gptneox granite granitehybrid granitemoe grok grovemoe hunyuan-dense hunyuan-moe hunyuan_vl
    internlm2 jais jais2 jamba jina-bert-v2 jina-bert-v3 kimi-linear lfm2 lfm2moe llada llada-moe llama llama-embed
    llama4 maincoder mamba mamba2 mimo2 minicpm minicpm3 minimax-m2 mistral3 mistral4 modern-bert mpt nemotron
    nemotron_h nemotron_h_moe neo-bert nomic-bert nomic-bert-moe olmo olmo2 olmoe openelm orion paddleocr
    pangu-embedded phi2 phi3 phimoe plamo plamo2 plamo3 plm qwen qwen2 qwen2moe qwen2vl qwen3 qwen35 qwen35moe qwen3moe
    qwen3next qwen3vl qwen3vlmoe refact rnd1 rwkv6 rwkv6qwen2 rwkv7 seed_oss smallthinker smollm3 stablelm starcoder
    starcoder2 step35 t5 t5encoder wavtokenizer-dec xverse
    """.split()  # noqa: SIM905 - words are easier to read than a list
)
_SPLIT = ("attn_q", "attn_k", "attn_v", "attn_output")
_JOINT = ("attn_qkv", "attn_output")
_GATED = ("ffn_gate", "ffn_up", "ffn_down")
_PLAIN = ("ffn_up", "ffn_down")
_EXPERTS = ("ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps")
_NORMS = ("attn_norm", "ffn_norm")
# What each block has, by architecture. Where several are given, each block has one of them whole.
BLOCKS: Mapping[str, tuple[frozenset[str], ...]] = {
    name: tuple(map(frozenset, layouts))
    for name, layouts in {
        "llama": ((*_NORMS, *_SPLIT, *_GATED), (*_NORMS, *_SPLIT, *_EXPERTS)),
        "mistral3": ((*_NORMS, *_SPLIT, *_GATED), (*_NORMS, *_SPLIT, *_EXPERTS)),
        "qwen2": ((*_NORMS, *_SPLIT, *_GATED),),
        "qwen2moe": ((*_NORMS, *_SPLIT, *_EXPERTS),),
        "qwen3": ((*_NORMS, *_SPLIT, *_GATED, "attn_q_norm", "attn_k_norm"),),
        "qwen3moe": ((*_NORMS, *_SPLIT, *_EXPERTS, "attn_q_norm", "attn_k_norm"),),
        "gemma": ((*_NORMS, *_SPLIT, *_GATED),),
        "gemma2": ((*_NORMS, *_SPLIT, *_GATED, "post_attention_norm", "post_ffw_norm"),),
        "gemma3": ((*_NORMS, *_SPLIT, *_GATED, "post_attention_norm", "post_ffw_norm"),),
        "phi2": (("attn_norm", *_JOINT, *_PLAIN), ("attn_norm", *_SPLIT, *_PLAIN)),
        "phi3": ((*_NORMS, *_JOINT, *_PLAIN), (*_NORMS, *_SPLIT, *_PLAIN)),
        "starcoder2": ((*_NORMS, *_SPLIT, *_PLAIN),),
        "falcon": (("attn_norm", *_JOINT, *_PLAIN),),
        "granite": ((*_NORMS, *_SPLIT, *_GATED),),
        "smollm3": ((*_NORMS, *_SPLIT, *_GATED),),
        "gpt-oss": (("attn_norm", "post_attention_norm", *_SPLIT, *_EXPERTS),),
    }.items()
}
# Tensors of a block whose rows are as long as the model is wide.
WIDE = frozenset(
    """
    attn_norm ffn_norm attn_q attn_k attn_v attn_qkv ffn_gate ffn_up ffn_gate_exps ffn_up_exps ffn_gate_inp
    post_attention_norm post_ffw_norm
    """.split()  # noqa: SIM905 - words are easier to read than a list
)
