"""What this machine computes with, as far as it can change the last bits of a number."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")


def gpus() -> list[str]:
    """One line a GPU; empty where there is none."""
    try:
        answer = subprocess.run(QUERY, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return (
        [line.strip() for line in answer.stdout.splitlines() if line.strip()]
        if answer.returncode == 0
        else []
    )


def facts(*, cpuinfo: Path = Path("/proc/cpuinfo")) -> dict[str, Any]:
    """The processor and its instruction sets, and the GPUs."""
    model, flags = "unknown", ""
    try:
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and model == "unknown":
                model = value.strip()
            if name.strip() in {"flags", "Features"} and not flags:
                flags = " ".join(sorted(value.split()))
    except OSError:
        pass
    return {
        "cpu": model,
        "cpu_flags_digest": "sha256:" + hashlib.sha256(flags.encode()).hexdigest(),
        "cpus": os.cpu_count() or 0,
        "gpus": gpus(),
    }
