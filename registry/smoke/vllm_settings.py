"""How vLLM is started for a smoke test: its arguments and its environment. Pure."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MODULE = "vllm.entrypoints.launchers.api_server.entry"
SERVED_NAME = "under-test"
MAX_MODEL_LENGTH = 1024
LEAST_CACHE_BYTES = 64 * 1024 * 1024
UNKNOWN_CACHE_BYTES = 512 * 1024 * 1024
BLOCK_TOKENS = 128
# What may pass from our environment: where programs and drivers are, never a secret.
# MODELCUSTODY_CHILD is how a supervisor finds again what a killed one left running.
PASSED_ON = (
    "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "TZ", "MODELCUSTODY_CHILD",
)  # fmt: skip


def arguments(
    *, python: str, folder: Path, socket: Path, config: Mapping[str, Any], has_gpu: bool
) -> list[str]:
    """The whole command line."""
    length = max_length(config)
    command = [
        python,
        "-m",
        MODULE,
        "--model",
        str(folder),
        "--served-model-name",
        SERVED_NAME,
        "--uds",
        str(socket),
        "--max-model-len",
        str(length),
        "--max-num-seqs",
        "1",
        "--enforce-eager",
        "--enable-request-id-headers",
    ]
    if not has_gpu:
        # Exact and repeatable: one thread, one sequence, full precision, a cache of known size.
        command += ["--dtype", "float32", "--kv-cache-memory-bytes", str(cache_bytes(config, length=length))]
    return command


def environment(*, python: str, home: Path, has_gpu: bool, ours: Mapping[str, str]) -> dict[str, str]:
    """A clean environment: no secret of ours reaches the engine, and nothing is looked up outside."""
    passed = {name: ours[name] for name in PASSED_ON if name in ours}
    offline = {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
    }
    cpu = (
        {}
        if has_gpu
        else {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
    )
    return {
        "PATH": f"{Path(python).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **passed,
        **offline,
        **cpu,
    }


def read_config(folder: Path) -> dict[str, Any]:
    """The model's configuration, the language part of it where there are several; empty where it cannot be read."""
    value = _read(folder / "config.json")
    inner = value.get("text_config")
    return {**value, **inner} if isinstance(inner, dict) else value


def has_chat_template(folder: Path) -> bool:
    """Whether the model's files say how to chat with it."""
    named = _read(folder / "tokenizer_config.json").get("chat_template")
    return (
        bool(named) or (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file()
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def max_length(config: Mapping[str, Any]) -> int:
    """As long as the prompts need, and no longer than the model allows."""
    return min(MAX_MODEL_LENGTH, _number(config, "max_position_embeddings") or MAX_MODEL_LENGTH)


def cache_bytes(config: Mapping[str, Any], *, length: int) -> int:
    """What one sequence needs in float32, with room to spare."""
    layers, heads = _number(config, "num_hidden_layers"), _number(config, "num_attention_heads")
    width = _number(config, "head_dim") or (_number(config, "hidden_size") // heads if heads else 0)
    kept = _number(config, "num_key_value_heads") or heads
    if not (layers and kept and width):
        return UNKNOWN_CACHE_BYTES
    tokens = (length // BLOCK_TOKENS + 3) * BLOCK_TOKENS
    return max(LEAST_CACHE_BYTES, 2 * layers * kept * width * 4 * tokens)


def _number(config: Mapping[str, Any], name: str) -> int:
    value = config.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
