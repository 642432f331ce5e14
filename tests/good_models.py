"""Good models of every common kind: small, but with the files, names and shapes that their publishers give them.

`MODELS` maps a name to a function that gives the files by path. They are what no check may find anything grave in.
"""

import json
from collections.abc import Callable
from typing import Any

from tests import folders
from tests.good_tokenizers import as_json, byte_level, of_gguf, pieces, unigram, word_pieces
from tests.good_weights import awq, config_of, fp8, gguf, gptq, safetensors, sharded, tensors_of, torch_bin

Files = dict[str, bytes]
ATTRIBUTES = b"*.bin filter=lfs diff=lfs merge=lfs -text\n*.safetensors filter=lfs diff=lfs merge=lfs -text\n"


def card(title: str, *, base: str = "", relation: str = "", **members: Any) -> bytes:
    lines = [
        "---",
        "license: mit",
        "language:",
        "- en",
        "library_name: transformers",
        "pipeline_tag: text-generation",
    ]
    if base:
        lines += ["base_model:", f"- {base}"]
    if relation:
        lines += [f"base_model_relation: {relation}"]
    lines += [f"{name}: {json.dumps(value)}" for name, value in members.items()]
    text = (
        f"---\n\n# {title}\n\n{title} is a small language model for tests.\n\n## Use\n\n```python\n"
        'from transformers import AutoModelForCausalLM, AutoTokenizer\n\ntokenizer = AutoTokenizer.from_pretrained("acme/'
        f'{title}")\nmodel = AutoModelForCausalLM.from_pretrained("acme/{title}", device_map="auto")\n```\n\n'
        "See [the paper](https://arxiv.org/abs/2307.09288) for how it was trained.\n"
    )
    return ("\n".join(lines) + "\n" + text).encode()


def around(title: str, **members: Any) -> Files:
    """What stands beside the model in every repository."""
    return {
        "README.md": card(title, **members),
        "LICENSE": folders.MIT.encode(),
        ".gitattributes": ATTRIBUTES,
    }


def generation(bos: int, eos: Any, **members: Any) -> bytes:
    return as_json(
        {
            "_from_model_config": True,
            "bos_token_id": bos,
            "eos_token_id": eos,
            "transformers_version": "4.57.1",
        }
        | members
    )


def llama_sharded() -> Files:
    files, size = byte_level("llama3")
    config = config_of("llama", size, bos_token_id=size - 6, eos_token_id=[size - 5, size - 1], rope_theta=500000.0, rope_scaling={
        "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"})  # fmt: skip
    return around("Llama-Tiny-Instruct") | files | sharded(tensors_of("llama", size), 3) | {
        "config.json": as_json(config),
        "generation_config.json": generation(size - 6, [size - 5, size - 1], do_sample=True, temperature=0.6, top_p=0.9),
    }  # fmt: skip


def qwen2_tied() -> Files:
    files, size = byte_level("qwen2")
    rows = size + 37  # rounded up, as its publisher does
    return around("Qwen-Tiny-Instruct", base="acme/Qwen-Tiny", relation="finetune") | files | {
        "config.json": as_json(config_of("qwen2", rows, bos_token_id=size - 3, eos_token_id=size - 1, rope_theta=1000000.0, sliding_window=131072)),
        "generation_config.json": generation(size - 3, [size - 1, size - 3], pad_token_id=size - 3, repetition_penalty=1.05, temperature=0.7, top_k=20, top_p=0.8),
        "model.safetensors": safetensors(tensors_of("qwen2", rows)),
    }  # fmt: skip


def qwen3_experts() -> Files:
    files, size = byte_level("qwen2")
    return around("Qwen3-Tiny-A1") | files | sharded(tensors_of("qwen3moe", size), 2) | {
        "config.json": as_json(config_of("qwen3moe", size, eos_token_id=size - 1)),
        "generation_config.json": generation(size - 3, [size - 1, size - 3]),
    }  # fmt: skip


def gemma2() -> Files:
    files, size = pieces("gemma")
    return around("gemma-tiny-it") | files | {
        "config.json": as_json(config_of("gemma2", size, bos_token_id=2, eos_token_id=[1, 6], pad_token_id=0)),
        "generation_config.json": generation(2, [1, 6], pad_token_id=0, cache_implementation="hybrid"),
        "model.safetensors": safetensors(tensors_of("gemma2", size)),
    }  # fmt: skip


def mixtral() -> Files:
    files, size = pieces("llama2")
    return around("Mixtral-Tiny") | files | sharded(tensors_of("mixtral", size), 2) | {
        "config.json": as_json(config_of("mixtral", size, bos_token_id=1, eos_token_id=2, sliding_window=None)),
        "generation_config.json": generation(1, 2),
    }  # fmt: skip


def gpt2() -> Files:
    files, size = byte_level("gpt2")
    bare = {
        name.removeprefix("transformer."): item
        for name, item in tensors_of("gpt2", size, dtype="F32").items()
    }
    buffers = {f"h.{layer}.attn.bias": ("F32", (1, 1, 64, 64)) for layer in range(2)}
    return around("gpt2-tiny") | files | {
        "config.json": as_json(config_of("gpt2", size, bos_token_id=size - 1, eos_token_id=size - 1, torch_dtype="float32",
            task_specific_params={"text-generation": {"do_sample": True, "max_length": 50}})),
        "generation_config.json": generation(size - 1, size - 1),
        "model.safetensors": safetensors(bare | buffers),
    }  # fmt: skip


def falcon() -> Files:
    files, size = byte_level("falcon")
    tensors = tensors_of("falcon-7b", size) | {"lm_head.weight": ("BF16", (size, 32))}
    return around("falcon-tiny") | files | {
        "config.json": as_json(config_of("falcon-7b", size, bos_token_id=size - 1, eos_token_id=size - 1, apply_residual_connection_post_layernorm=False)),
        "generation_config.json": generation(size - 1, size - 1),
        "model.safetensors": safetensors(tensors),
    }  # fmt: skip


def phi3() -> Files:
    files, size = pieces("phi3")
    return around("Phi-Tiny-Instruct") | files | {
        "config.json": as_json(config_of("phi3", size, bos_token_id=1, eos_token_id=size - 6, pad_token_id=size - 6, rope_scaling=None, embd_pdrop=0.0)),
        "generation_config.json": generation(1, [size - 6, size - 2], pad_token_id=size - 6),
        "model.safetensors": safetensors(tensors_of("phi3", size)),
        "SECURITY.md": b"# Security\n\nPlease report issues to security@example.com.\n",
    }  # fmt: skip


def deepseek() -> Files:
    files, size = byte_level("llama3")
    return around("DeepSeek-Tiny") | files | sharded(tensors_of("deepseekv3", size), 2) | {
        "config.json": as_json(config_of("deepseekv3", size, eos_token_id=size - 1, bos_token_id=size - 6)),
        "generation_config.json": generation(size - 6, size - 1, do_sample=True, temperature=0.6, top_p=0.95),
    }  # fmt: skip


def sentence_transformer() -> Files:
    files, size = word_pieces()
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    pooling = {
        "word_embedding_dimension": 32,
        "pooling_mode_cls_token": False,
        "pooling_mode_mean_tokens": True,
    }
    tensors = tensors_of("bertmodel", size, dtype="F32") | {"embeddings.position_ids": ("I64", (1, 64))}
    return around("all-MiniLM-tiny", tags=["sentence-transformers", "feature-extraction"]) | files | {
        "config.json": as_json(config_of("bertmodel", size, torch_dtype="float32", _name_or_path="nreimers/MiniLM-tiny", pad_token_id=0)),
        "config_sentence_transformers.json": as_json({"__version__": {"sentence_transformers": "2.0.0", "transformers": "4.6.1", "pytorch": "1.8.1"}, "prompts": {}, "default_prompt_name": None}),
        "modules.json": as_json(modules),
        "sentence_bert_config.json": as_json({"max_seq_length": 256, "do_lower_case": False}),
        "1_Pooling/config.json": as_json(pooling),
        "model.safetensors": safetensors(tensors),
    }  # fmt: skip


def reranker() -> Files:
    files, size = unigram()
    config = config_of("xlmrobertaforsequenceclassification", size, id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0}, torch_dtype="float32",
        bos_token_id=0, pad_token_id=1, eos_token_id=2)  # fmt: skip
    return (
        around("reranker-tiny")
        | files
        | {
            "config.json": as_json(config),
            "model.safetensors": safetensors(
                tensors_of("xlmrobertaforsequenceclassification", size, dtype="F32")
            ),
        }
    )


def lora() -> Files:
    files, _ = byte_level("llama3")
    tensors = {}
    for layer in range(2):
        for name, outputs in (("q_proj", 32), ("k_proj", 16), ("v_proj", 16), ("o_proj", 32)):
            module = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            tensors[f"{module}.lora_A.weight"] = ("F32", (8, 32))
            tensors[f"{module}.lora_B.weight"] = ("F32", (outputs, 8))
    config = {
        "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": "acme/Llama-Tiny-Instruct", "bias": "none", "corda_config": None,
        "eva_config": None, "exclude_modules": None, "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True,
        "layer_replication": None, "layers_pattern": None, "layers_to_transform": None, "loftq_config": {}, "lora_alpha": 16,
        "lora_bias": False, "lora_dropout": 0.05, "megatron_config": None, "megatron_core": "megatron.core", "modules_to_save": None,
        "peft_type": "LORA", "qalora_group_size": 16, "r": 8, "rank_pattern": {}, "revision": None, "target_modules": ["q_proj", "v_proj", "k_proj", "o_proj"],
        "target_parameters": None, "task_type": "CAUSAL_LM", "trainable_token_indices": None, "use_dora": False, "use_qalora": False, "use_rslora": False,
    }  # fmt: skip
    return around("llama-tiny-lora", base="acme/Llama-Tiny-Instruct", relation="adapter") | files | {
        "adapter_config.json": as_json(config),
        "adapter_model.safetensors": safetensors(tensors),
    }  # fmt: skip


def gptq_quantised() -> Files:
    files = llama_sharded()
    size = json.loads(files["config.json"])["vocab_size"]
    stated = {
        "bits": 4,
        "group_size": 16,
        "desc_act": True,
        "sym": True,
        "quant_method": "gptq",
        "damp_percent": 0.1,
        "true_sequential": True,
    }
    config = json.loads(files["config.json"]) | {"quantization_config": stated, "torch_dtype": "float16"}
    kept = {path: data for path, data in files.items() if "safetensors" not in path}
    return kept | around("Llama-Tiny-GPTQ", base="acme/Llama-Tiny-Instruct", relation="quantized") | {
        "config.json": as_json(config),
        "quantize_config.json": as_json(stated | {"model_name_or_path": None, "model_file_base_name": "model"}),
        "model.safetensors": safetensors(gptq(tensors_of("llama", size), group=16)),
    }  # fmt: skip


def awq_quantised() -> Files:
    files = qwen2_tied()
    config = json.loads(files["config.json"])
    stated = {
        "bits": 4,
        "group_size": 16,
        "modules_to_not_convert": None,
        "quant_method": "awq",
        "version": "gemm",
        "zero_point": True,
    }
    return files | around("Qwen-Tiny-AWQ", base="acme/Qwen-Tiny-Instruct", relation="quantized") | {
        "config.json": as_json(config | {"quantization_config": stated, "torch_dtype": "float16"}),
        "model.safetensors": safetensors(awq(tensors_of("qwen2", config["vocab_size"]), group=16)),
    }  # fmt: skip


def fp8_quantised() -> Files:
    files = llama_sharded()
    config = json.loads(files["config.json"])
    weights = {
        "num_bits": 8,
        "type": "float",
        "strategy": "channel",
        "symmetric": True,
        "dynamic": False,
        "group_size": None,
        "observer": "minmax",
    }
    stated = {
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": weights, "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": True}}},
        "format": "float-quantized", "ignore": ["lm_head"], "kv_cache_scheme": None, "quant_method": "compressed-tensors", "quantization_status": "compressed",
    }  # fmt: skip
    kept = {path: data for path, data in files.items() if "safetensors" not in path}
    return kept | around("Llama-Tiny-FP8-dynamic", base="acme/Llama-Tiny-Instruct", relation="quantized") | {
        "config.json": as_json(config | {"quantization_config": stated}),
        "recipe.yaml": b"default_stage:\n  default_modifiers:\n    QuantizationModifier:\n      targets: [Linear]\n      scheme: FP8_DYNAMIC\n",
        "model.safetensors": safetensors(fp8(tensors_of("llama", config["vocab_size"]))),
    }  # fmt: skip


GGUF_SIZES = {"block_count": 2, "context_length": 128, "embedding_length": 32, "feed_forward_length": 64, "attention.head_count": 4,
              "attention.head_count_kv": 2, "rope.dimension_count": 8}  # fmt: skip
VOCABULARY = 300


def gguf_parts() -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """Metadata and tensors of a small Llama as llama.cpp's converter writes them."""
    metadata: dict[str, Any] = {
        "general.architecture": "llama", "general.type": "model", "general.name": "Llama Tiny", "general.license": "mit",
        "general.size_label": "30K", "general.file_type": 0, "general.quantization_version": 2,
        **{f"llama.{name}": value for name, value in GGUF_SIZES.items()},
        "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 10000.0, "llama.vocab_size": VOCABULARY,
        **of_gguf(VOCABULARY),
    }  # fmt: skip
    tensors: dict[str, tuple[int, ...]] = {"token_embd.weight": (32, VOCABULARY)}
    for layer in range(2):
        tensors |= {
            f"blk.{layer}.attn_norm.weight": (32,), f"blk.{layer}.attn_q.weight": (32, 32), f"blk.{layer}.attn_k.weight": (32, 16),
            f"blk.{layer}.attn_v.weight": (32, 16), f"blk.{layer}.attn_output.weight": (32, 32), f"blk.{layer}.ffn_norm.weight": (32,),
            f"blk.{layer}.ffn_gate.weight": (32, 64), f"blk.{layer}.ffn_up.weight": (32, 64), f"blk.{layer}.ffn_down.weight": (64, 32),
        }  # fmt: skip
    return metadata, tensors | {"output_norm.weight": (32,), "output.weight": (32, VOCABULARY)}


def gguf_single() -> Files:
    metadata, tensors = gguf_parts()
    return around("Llama-Tiny-GGUF", base="acme/Llama-Tiny-Instruct", relation="quantized") | {
        "Llama-Tiny-F32.gguf": gguf(metadata, tensors)
    }


def gguf_split() -> Files:
    metadata, tensors = gguf_parts()
    names = list(tensors)
    halves = [names[: len(names) // 2], names[len(names) // 2 :]]
    files = around("Llama-Tiny-GGUF")
    for place, part in enumerate(halves):
        split = {"split.no": place, "split.count": 2, "split.tensors.count": len(names)}
        own = metadata | split if place == 0 else {"general.architecture": "llama", **split}
        files[f"Llama-Tiny-F32-{place + 1:05d}-of-00002.gguf"] = gguf(
            own, {name: tensors[name] for name in part}
        )
    return files


def ollama() -> Files:
    """What a model in Ollama's store becomes when it is taken in: its layers by their kinds."""
    metadata, tensors = gguf_parts()
    template = "{{- if .System }}<|system|>\n{{ .System }}</s>\n{{- end }}{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}</s>\n{{- end }}<|assistant|>\n"
    layers = {
        "model.gguf": gguf(metadata, tensors),
        "template": template.encode(),
        "system": b"You are a helpful assistant.",
        "params.json": b'{"stop":["</s>","<|user|>"],"temperature":0.7}',
        "license": folders.MIT.encode(),
    }
    config = {
        "model_format": "gguf",
        "model_family": "llama",
        "model_families": ["llama"],
        "model_type": "30K",
        "file_type": "F32",
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "layers": [],
    }
    return layers | {
        "ollama-config.json": json.dumps(config).encode(),
        "ollama-manifest.json": json.dumps(manifest).encode(),
    }


def torch_beside() -> Files:
    """GPT-NeoX as older repositories have it: the same weights as safetensors and as a torch file."""
    files, size = byte_level("gpt2")
    tensors = tensors_of("gptneox", size, dtype="F32")
    return around("pythia-tiny") | {path: data for path, data in files.items() if path not in {"vocab.json", "merges.txt"}} | {
        "config.json": as_json(config_of("gptneox", size, torch_dtype="float32", bos_token_id=size - 1, eos_token_id=size - 1)),
        "generation_config.json": generation(size - 1, size - 1),
        "model.safetensors": safetensors(tensors),
        "pytorch_model.bin": torch_bin(tensors),
    }  # fmt: skip


MODELS: dict[str, Callable[[], Files]] = {
    "llama-sharded": llama_sharded,
    "qwen2-tied": qwen2_tied,
    "qwen3-experts": qwen3_experts,
    "gemma2": gemma2,
    "mixtral": mixtral,
    "gpt2": gpt2,
    "falcon": falcon,
    "phi3": phi3,
    "deepseek": deepseek,
    "sentence-transformer": sentence_transformer,
    "reranker": reranker,
    "lora": lora,
    "gptq": gptq_quantised,
    "awq": awq_quantised,
    "fp8": fp8_quantised,
    "gguf": gguf_single,
    "gguf-split": gguf_split,
    "ollama": ollama,
    "torch-beside": torch_beside,
}
