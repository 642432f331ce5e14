"""One contract, held by the stand-in and by the real engine."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings

from registry.smoke import suite
from registry.smoke.engine import Engine, EngineFailed, EngineNotInstalled
from registry.smoke.vllm_engine import VllmEngine
from tests import fakes, models

ROOT = Path(__file__).parents[3]
HAS_VLLM = Path(settings.VLLM_PYTHON).is_file()
real = pytest.param(
    "vllm",
    marks=[
        pytest.mark.vllm,
        pytest.mark.skipif(not HAS_VLLM, reason=f"VLLM_PYTHON ({settings.VLLM_PYTHON}) does not exist"),
        pytest.mark.timeout(600),
    ],
)


def engine_named(name: str) -> Engine:
    if name == "fake":
        return fakes.FakeEngine()
    return VllmEngine(python=settings.VLLM_PYTHON, timeout_seconds=300)


@pytest.mark.parametrize("name", ["fake", real])
def test_an_engine_answers_alike_and_tells_what_it_is(name: str, tmp_path: Path) -> None:
    folder = models.tiny_llama(tmp_path / "model")
    alive = []

    with engine_named(name).serving(folder, keep_alive=lambda: alive.append(1)) as session:
        answers = [
            session.answer(prompt, request_id=f"r{place}") for place, prompt in enumerate(suite.QUESTIONS)
        ]
        facts, hardware = session.engine_facts(), session.hardware_facts()

    assert alive
    assert answers[0].token_ids == answers[-1].token_ids
    for answer in answers:
        assert 0 < len(answer.token_ids) == len(answer.logprobs) <= suite.MAX_TOKENS
        assert all(value is not None and value <= 0 for value in answer.logprobs)
        assert answer.finish_reason in {"length", "stop"}
    assert facts["name"] == name
    assert facts["version"]
    assert str(tmp_path) not in str(facts)
    assert hardware["cpu_flags_digest"].startswith("sha256:")


@pytest.mark.parametrize("name", ["fake", real])
def test_a_folder_that_is_no_model_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")

    with (
        pytest.raises(EngineFailed) as refusal,
        engine_named(name).serving(tmp_path, keep_alive=lambda: None),
    ):
        pass

    assert refusal.value.code == "engine_failed"


@pytest.mark.vllm
@pytest.mark.skipif(not HAS_VLLM, reason=f"VLLM_PYTHON ({settings.VLLM_PYTHON}) does not exist")
@pytest.mark.timeout(600)
def test_the_real_engine_is_cut_off_gets_no_secret_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-pass-on")
    folder = models.tiny_llama(tmp_path / "model")
    engine = VllmEngine(python=settings.VLLM_PYTHON, timeout_seconds=300)
    threads = threading.active_count()

    with engine.serving(folder, keep_alive=lambda: None) as session:
        first = [session.answer(prompt, request_id="again") for prompt in suite.QUESTIONS]
        ours = _engine_processes(folder)
        environment = (Path("/proc") / str(ours[0]) / "environ").read_bytes()
        routes = (Path("/proc") / str(ours[0]) / "net" / "route").read_text().splitlines()
        isolation = session.engine_facts()["isolation"]
    with engine.serving(folder, keep_alive=lambda: None) as session:
        second = [session.answer(prompt, request_id="again") for prompt in suite.QUESTIONS]

    assert b"do-not-pass-on" not in environment
    if isolation == "namespace":
        assert len(routes) <= 1  # the heading: no way out
    else:
        assert isolation.startswith("offline_settings: ")
    assert suite.fingerprint(first) == suite.fingerprint(second)
    assert _engine_processes(folder) == []
    assert threading.active_count() == threads


OWNER = """
import sys, time
from pathlib import Path
from registry.smoke.vllm_engine import VllmEngine
with VllmEngine(python=sys.argv[1], timeout_seconds=300).serving(Path(sys.argv[2]), keep_alive=lambda: None):
    print("ready", flush=True)
    time.sleep(600)
"""


@pytest.mark.vllm
@pytest.mark.skipif(not HAS_VLLM, reason=f"VLLM_PYTHON ({settings.VLLM_PYTHON}) does not exist")
@pytest.mark.timeout(600)
def test_nothing_of_the_real_engine_outlives_a_killed_worker(tmp_path: Path) -> None:
    folder = models.tiny_llama(tmp_path / "model")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'deploy/client'}"}
    command = [sys.executable, "-c", OWNER, settings.VLLM_PYTHON, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"ready\n"
        groups = {os.getpgid(process) for process in _engine_processes(folder) if process != owner.pid}
        owner.kill()

    assert len(groups) == 1
    deadline = time.monotonic() + 20
    while _members(groups) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _members(groups) == []


def _members(groups: set[int]) -> list[str]:
    """What still runs in these process groups."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
    return [" ".join(row) for row in rows if int(row[0]) in groups and not row[1].startswith("Z")]


def _engine_processes(folder: Path) -> list[int]:
    """The processes that were started with this folder as an argument."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if str(folder).encode() in Path(entry.path, "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_an_engine_that_is_not_installed_says_what_to_set(tmp_path: Path) -> None:
    engine = VllmEngine(python=str(tmp_path / "python"), timeout_seconds=1)

    with (
        pytest.raises(EngineNotInstalled, match="VLLM_PYTHON"),
        engine.serving(tmp_path, keep_alive=lambda: None),
    ):
        pass


def test_an_environment_without_vllm_says_so(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho torch 1\n")
    python.chmod(0o755)

    with pytest.raises(EngineNotInstalled, match="holds no vLLM"):
        VllmEngine(python=str(python), timeout_seconds=1).versions()


@pytest.fixture
def broken_server(tmp_path: Path) -> str:
    """An interpreter that has vLLM by its own account, and whose server ends at once."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$2" = -c ] && echo vllm 1 && exit\necho it went wrong\nexit 3\n')
    python.chmod(0o755)
    return str(python)


def test_an_engine_that_ends_early_leaves_its_last_words(broken_server: str, tmp_path: Path) -> None:
    engine = VllmEngine(python=broken_server, timeout_seconds=30)

    with (
        pytest.raises(EngineFailed, match=r"(?s)status 3.*it went wrong"),
        engine.serving(tmp_path, keep_alive=lambda: None),
    ):
        pass


def test_an_engine_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$2" = -c ] && echo vllm 1 && exit\nexec sleep 600\n')
    python.chmod(0o755)

    with (
        pytest.raises(EngineFailed, match="not ready"),
        VllmEngine(python=str(python), timeout_seconds=0.5).serving(tmp_path, keep_alive=lambda: None),
    ):
        pass
