import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from governance.embedded import engine_environment, pip
from governance.embedded.engine_environment import EngineEnvironment, Unavailable


def _interpreter(folder: Path, *, answer: str, code: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "python"
    python.write_text(f"#!/bin/sh\necho '{answer}'\nexit {code}\n")
    python.chmod(0o755)
    return python


def test_an_operators_interpreter_is_used_as_it_is(tmp_path: Path) -> None:
    python = _interpreter(tmp_path, answer='{"version": "0.32.0", "module": "vllm.server"}')
    found = engine_environment.prepare(tmp_path / "unused", configured=str(python), progress=lambda _: None)
    assert found == EngineEnvironment(
        python=python, kind="configured", version="0.32.0", server_module="vllm.server"
    )
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize(
    ("answer", "code", "reason"),
    [
        ('{"version": null, "module": null}', 0, "has no vLLM"),
        ("Segmentation fault", 139, "does not work"),
        ("not JSON", 0, "could not be looked up"),
    ],
)
def test_an_interpreter_that_will_not_do_is_a_reason(
    tmp_path: Path, answer: str, code: int, reason: str
) -> None:
    python = _interpreter(tmp_path, answer=answer, code=code)
    found = engine_environment.prepare(tmp_path / "unused", configured=str(python), progress=lambda _: None)
    assert isinstance(found, Unavailable)
    assert reason in found.reason


def test_a_missing_interpreter_is_a_reason(tmp_path: Path) -> None:
    found = engine_environment.find(tmp_path, configured=str(tmp_path / "none"))
    assert isinstance(found, Unavailable)
    assert "cannot be started" in found.reason or "not an interpreter" in found.reason


def test_this_interpreter_has_no_vllm(tmp_path: Path) -> None:
    found = engine_environment.find(tmp_path, configured=sys.executable)
    assert found == Unavailable(f"{sys.executable} has no vLLM")


def test_what_cannot_be_installed_leaves_nothing_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[Sequence[str]] = []

    def fails(
        python: Path, lock: Path, *, options: Sequence[str] = (), progress: pip.Progress = print
    ) -> None:
        tried.append(options)
        raise pip.InstallFailed("no matching distribution")

    monkeypatch.setattr(pip, "install", fails)
    monkeypatch.setattr(engine_environment, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(engine_environment, "missing_library", lambda: None)
    said: list[str] = []
    found = engine_environment.prepare(
        tmp_path / "venv", torch_index="https://torch.invalid/cpu", progress=said.append
    )
    assert isinstance(found, Unavailable)
    assert "https://torch.invalid/cpu" in found.reason
    assert "VLLM_PYTHON" in found.reason
    assert ["--index-url=https://torch.invalid/cpu" in options for options in tried] == [False, True]
    assert "2.5 GB" in said[0]
    assert not (tmp_path / "venv").exists()


def test_too_little_disk_is_said_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10**9}))
    monkeypatch.setattr(engine_environment, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(engine_environment, "missing_library", lambda: None)
    found = engine_environment.prepare(tmp_path / "venv", progress=lambda _: None)
    assert isinstance(found, Unavailable)
    assert "1.0 GB are free" in found.reason
    assert not (tmp_path / "venv").exists()


def test_a_missing_system_library_is_said_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_environment, "has_nvidia_gpu", lambda: False)
    monkeypatch.setattr(engine_environment, "NUMA", "libnot-on-any-machine.so.9")

    found = engine_environment.prepare(tmp_path / "engine", progress=lambda _: None)

    assert isinstance(found, engine_environment.Unavailable)
    assert "libnuma1" in found.reason
    assert not (tmp_path / "engine").exists()
