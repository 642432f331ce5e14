import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from deploy import bootstrap

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose .venv is only pretended."""
    for name in bootstrap.LOCKS.values():
        (tmp_path / name).write_text("a==1 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv/bin/python")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv/installed-from")
    monkeypatch.setattr(bootstrap, "make_venv", lambda: _pretend(tmp_path))
    return tmp_path


def _pretend(clone: Path) -> int:
    (clone / ".venv/bin").mkdir(parents=True, exist_ok=True)
    (clone / ".venv/lib/python3.11/site-packages").mkdir(parents=True, exist_ok=True)
    (clone / ".venv/bin/python").write_text("")
    return 0


@pytest.fixture
def installed(clone: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def install_packages(lock: Path, *, total: int) -> int:
        found.append(lock.name)
        return 0

    monkeypatch.setattr(bootstrap, "install_packages", install_packages)
    return found


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / "deploy/bootstrap.py").read_text())
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in imported} - {"modelcustody_client"} <= sys.stdlib_module_names


def test_a_second_time_nothing_is_installed(installed: list[str]) -> None:
    assert bootstrap.install("demo") == 0
    assert bootstrap.install("demo") == 0
    assert installed == ["requirements-demo.lock"]


def test_the_tests_environment_is_enough_for_the_demonstration(installed: list[str]) -> None:
    assert bootstrap.install("demo") == 0
    assert bootstrap.install("dev") == 0
    assert bootstrap.install("demo") == 0
    assert installed == ["requirements-demo.lock", "requirements-dev.lock"]


def test_a_changed_lock_or_a_moved_clone_is_made_anew(
    clone: Path, installed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.install("demo")
    (clone / "requirements-dev.lock").write_text("a==2 \\\n    --hash=sha256:00\n")
    bootstrap.install("demo")
    monkeypatch.setattr(bootstrap, "VENV", clone / ".venv" / ".." / ".venv")
    bootstrap.install("demo")
    assert installed == ["requirements-demo.lock"] * 3


def test_what_breaks_off_is_made_again(
    clone: Path, monkeypatch: pytest.MonkeyPatch, installed: list[str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(bootstrap, "install_packages", lambda *_, **__: bootstrap.CANNOT)
        assert bootstrap.install("demo") == 2
    assert not bootstrap.STAMP.exists()
    assert bootstrap.install("demo") == 0
    assert installed == ["requirements-demo.lock"]


def test_the_client_is_importable_and_callable(clone: Path, installed: list[str]) -> None:
    bootstrap.install("demo")
    pth = clone / ".venv/lib/python3.11/site-packages/modelcustody_client.pth"
    assert pth.read_text() == f"{clone / 'deploy/client'}\n"
    script = clone / ".venv/bin/modelcustody"
    assert script.read_text().startswith(f"#!{clone / '.venv/bin/python'}\n")
    assert os.access(script, os.X_OK)


def test_pips_reason_is_shown_and_the_exit_code_is_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\necho Collecting a==1\necho 'WARNING: Retrying after connection refused'\necho 'ERROR: No matching distribution found for a==1'\nexit 1\n"
    )
    python.chmod(0o755)
    monkeypatch.setattr(bootstrap, "PYTHON", python)
    assert bootstrap.install_packages(tmp_path / "a.lock", total=1) == 2
    shown = capsys.readouterr()
    assert "1/1 a" in shown.out
    assert "ERROR: No matching distribution found for a==1" in shown.err
    assert "WARNING: Retrying after connection refused" in shown.err
    assert "run the same command again" in shown.err


def test_without_the_right_to_install_it_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    assert bootstrap.apt_install("chromium", "the browser tests") == 2
    assert "sudo apt-get install --yes --no-install-recommends chromium\n" in capsys.readouterr().err


def test_brokers_are_installed_where_they_are_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rabbitmq-server").touch()
    monkeypatch.setattr(bootstrap, "RABBITMQ", tmp_path / "rabbitmq-server")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "sudo" else f"/usr/bin/{name}")
    assert bootstrap.have_brokers() == 0
    monkeypatch.setattr(bootstrap, "RABBITMQ", tmp_path / "nothing")
    assert bootstrap.have_brokers() == 2
    assert "redis-server rabbitmq-server" in capsys.readouterr().err


def test_packages_are_installed_without_starting_services(tmp_path: Path) -> None:
    script = bootstrap.WITHOUT_SERVICES.replace("/usr/sbin", str(tmp_path))
    policy = tmp_path / "policy-rc.d"

    during = subprocess.run(
        ["sh", "-c", script, "sh", "sh", "-c", f"{policy} anything start; echo $?"],
        check=True,
        capture_output=True,
        text=True,
    )

    assert during.stdout == "101\n"  # "not allowed", as Debian's policy has it
    assert not policy.exists()
    policy.write_text("#!/bin/sh\nexit 0\n")
    assert subprocess.run(["sh", "-c", script, "sh", "false"], check=False).returncode == 1
    assert policy.exists()


def test_every_lock_file_is_counted_about_right() -> None:
    assert 80 <= bootstrap.count(ROOT / "requirements-demo.lock") <= 110


def test_an_unknown_command_is_refused() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "deploy/bootstrap.py", "down"], check=False, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "invalid choice: 'down'" in answer.stderr


def test_an_old_python_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = ModuleType("sys")
    old.version_info, old.version, old.stderr, old.stdout = (3, 9), "3.9.2 (default)", sys.stderr, sys.stdout  # type: ignore[attr-defined]
    monkeypatch.setattr(bootstrap, "sys", old)
    assert bootstrap.main(["up"]) == 2
    assert "Python 3.11 or newer is needed; this is 3.9.2" in capsys.readouterr().err


def test_both_halves_together_are_all_tests() -> None:
    folders = {path.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")}

    assert {half.removeprefix("tests/") for half in (*bootstrap.PURE, *bootstrap.SURROUNDED)} == folders


@pytest.mark.parametrize("failing", ["tests/unit", "tests/integration", "nothing"])
def test_both_halves_run_and_either_one_can_fail(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], failing: str
) -> None:
    script = f"import sys; print(sys.argv[1:]); sys.exit({failing!r} in sys.argv)"
    monkeypatch.setattr(bootstrap, "MEASURED", (sys.executable, "-c", script))
    monkeypatch.setattr(bootstrap, "PYTHON", Path("/bin/true"))  # in the place of what combines the coverage

    code = bootstrap.run_halves(["-m", "not vllm"], environment={})

    said = capfdbinary.readouterr().out.decode().splitlines()
    assert code == (0 if failing == "nothing" else 1)
    assert said == [
        str(["-m", "not vllm", *bootstrap.SURROUNDED]),
        str(["-m", "not vllm", *bootstrap.PURE]),
    ]
