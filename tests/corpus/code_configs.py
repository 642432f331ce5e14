"""Configurations that make a loader run or fetch code, and ordinary ones that only look a little like it."""

import dataclasses
import json
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Hostile:
    """A file with words that its finding must hold, and whether it would run code without being asked."""

    name: str
    path: str
    content: bytes
    says: str
    is_critical: bool = False


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


COMMIT = "0123456789abcdef0123456789abcdef01234567"
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}

HOSTILE = [
    Hostile("auto_map", "config.json", _json({"auto_map": {"AutoModel": "modeling_x.X"}}), "modeling_x.X"),
    Hostile("auto_map without its file", "config.json", _json({"auto_map": {"AutoModel": "modeling_x.X"}}), "no file modeling_x.py"),
    Hostile("auto_map elsewhere", "config.json", _json({"auto_map": {"AutoModel": "evil/repo--modeling_x.X"}}), "another repository, evil/repo"),
    Hostile("auto_map elsewhere, pinned", "config.json",
            _json({"auto_map": {"AutoModel": "evil/repo--modeling_x.X"}, "code_revision": COMMIT}), COMMIT),
    Hostile("auto_map of a part", "config.json",
            _json({"vision_config": {"auto_map": {"AutoConfig": "evil/repo--c.C"}}}), "CVE-2025-66448"),
    Hostile("auto_map known to vLLM", "config.json", _json({"auto_map": {"AutoConfig": "c.C"}}), "CVE-2026-22807"),
    Hostile("auto_map trusted anyway", "config.json",
            _json({"architectures": ["Llama_Nemotron_Nano_VL"], "auto_map": {"AutoConfig": "c.C"}}), "CVE-2026-4944"),
    Hostile("auto_map of a tokenizer", "tokenizer_config.json", _json({"auto_map": {"AutoTokenizer": ["tok.T", None]}}), "tok.T"),
    Hostile("auto_map of a processor", "preprocessor_config.json", _json({"auto_map": {"AutoProcessor": "p.P"}}), "p.P"),
    Hostile("auto_map of an adapter", "adapter_config.json", _json({"auto_map": {"AutoModel": "p.P"}}), "p.P"),
    Hostile("auto_map deep inside", "deep/er/any.json", _json([{"a": [{"auto_map": {"x": "y.Z"}}]}]), "y.Z"),
    Hostile("auto_map spelt with escapes", "config.json", b'{"auto\\u005fmap": {"AutoModel": "m.X"}}', "m.X"),
    Hostile("generation elsewhere", "generation_config.json", _json({"custom_generate": "evil/decoding"}), "another repository"),
    Hostile("pipelines", "config.json", _json({"custom_pipelines": {"x": {"impl": "pipe.P"}}}), "pipe.P"),
    Hostile("a file for mlx", "config.json", _json(LLAMA | {"model_file": "payload.py"}), "CVE-2026-5843"),
    Hostile("trust", "config.json", _json(LLAMA | {"trust_remote_code": True}), "trust code"),
    Hostile("kernels, unasked", "config.json", _json(LLAMA | {"_attn_implementation_internal": "evil/kernel"}), "CVE-2026-4372", is_critical=True),
    Hostile("kernels", "config.json", _json(LLAMA | {"attn_implementation": "evil/kernel:fn"}), "kernels"),
    Hostile("kernels by switch", "config.json", _json(LLAMA | {"use_kernels": True}), "kernels"),
    Hostile("modules of sentence-transformers", "modules.json",
            _json([{"idx": 0, "name": "0", "path": "", "type": "custom_st.Transformer"}]), "custom_st.Transformer"),
    Hostile("an activation by name", "2_Dense/config.json", _json({"in_features": 2, "activation_function": "os.system"}), "os.system", is_critical=True),
    Hostile("a library of PEFT", "adapter_config.json",
            _json({"auto_mapping": {"base_model_class": "X", "parent_library": "transformers_modules.x"}}), "transformers_modules.x"),
    Hostile("parts of a diffusion pipeline", "model_index.json", _json({"_class_name": "P", "unet": ["my_unet", "MyUNet"]}), "my_unet"),
    Hostile("a target", "model_config.yaml", b"model:\n  _target_: subprocess.Popen\n  args: [id]\n", "subprocess.Popen", is_critical=True),
    Hostile("a target of somebody's own", "conf/x.yaml", b"{_target_: my.Thing}\n", "my.Thing"),
    Hostile("a tag of YAML", "config.yml", b"x: !!python/object/apply:os.system ['id']\n", "object/apply:os.system", is_critical=True),
    Hostile("the card", "README.md", b"---\nlicense: mit\ntags:\n- custom_code\n---\n", "custom_code"),
]  # fmt: skip

GOOD: dict[str, tuple[str, bytes]] = {
    "an ordinary configuration": ("config.json", _json(LLAMA | {"auto_map": None, "custom_pipelines": {}, "trust_remote_code": False})),
    "a usual way of attention": ("config.json", _json(LLAMA | {"_attn_implementation": "flash_attention_2", "attn_implementation": None})),
    "quantised": ("config.json", _json(LLAMA | {"quantization_config": {"quant_method": "awq", "bits": 4}})),
    "an activation": ("config.json", _json({"model_type": "gpt2", "activation_function": "gelu_new"})),
    "an activation of torch": ("2_Dense/config.json", _json({"activation_function": "torch.nn.modules.activation.Tanh"})),
    "a vocabulary as model_file": ("tokenizer_config.json", _json({"model_file": "spiece.model"})),
    "sentence-transformers": ("modules.json", _json([{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"}])),
    "a diffusion pipeline": ("model_index.json", _json({"_class_name": "P", "unet": ["diffusers", "UNet"], "vae": [None, None]})),
    "a library of PEFT": ("extra.json", _json({"auto_mapping": {"base_model_class": "X", "parent_library": "transformers.models.llama"}})),
    "a target of torch": ("model_config.yaml", b"optim:\n  _target_: torch.optim.AdamW\n  lr: 1.0e-4\n"),
    "a tuple of YAML": ("config.yml", b"betas: !!python/tuple [0.9, 0.95]\n"),
    "data": ("results.json", _json([{"type": "exact_match", "value": 0.5}])),
}  # fmt: skip

# Nothing can be said: not readable, or of a method that nobody here knows.
UNDECIDED: dict[str, tuple[str, bytes]] = {
    "a member twice": ("config.json", b'{"a": 1, "a": 2}'),
    "too deep": ("config.json", b"[" * 100_000),
    "not JSON": ("generation_config.json", b"{"),
    "an unknown method of quantisation": ("config.json", _json(LLAMA | {"quantization_config": {"quant_method": "mystery"}})),
    "a YAML that ends early": ("config.yml", b'_target_: "x\n'),
    "a YAML too large": ("config.yml", b"_target_: torch.x\n" + b"a: 1\n" * 60_000),
}  # fmt: skip
