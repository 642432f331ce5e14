"""The product as `up` starts it: killed piece by piece, and as a whole, it comes back with its data."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]


class Product:
    """One `manage.py up` on a data folder of its own."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        unset = {"DATABASE_URL", "SECRET_KEY", "TOKEN_PEPPER", "BROKER_URL", "DJANGO_SETTINGS_MODULE"}
        environment = {name: value for name, value in os.environ.items() if name not in unset}
        environment |= {"DATA_DIR": str(self.data_dir), "PYTHONPATH": str(ROOT / "deploy/client")}
        command = [sys.executable, "manage.py", "up", "--no-journey", "--port", str(self.port)]
        with (self.data_dir.parent / "up.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        until(lambda: self.answers("/readyz"), "the product to be ready")

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def answers(self, path: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.data_dir.parent / "up.log").read_text()
        try:
            return httpx.get(f"{self.url}{path}", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def leader(self, name: str) -> int | None:
        record = self.data_dir / "run" / "children" / f"{name}.json"
        try:
            leader = json.loads(record.read_text())["leader"]
        except (OSError, ValueError):
            return None
        return int(leader["pid"]) if leader else None

    def database(self) -> int:
        return int((self.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    def log_size(self) -> int:
        note = httpx.get(f"{self.url}/log/decisions/checkpoint", timeout=5, trust_env=False).text
        return int(note.splitlines()[1])


def until(condition: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    product = Product(tmp_path / "data")
    product.start()
    yield product
    if product.process is not None and product.process.poll() is None:
        product.stop()


@pytest.mark.timeout(280)
def test_whatever_is_killed_comes_back_with_its_data(product: Product) -> None:
    until(lambda: product.answers("/log/decisions/checkpoint"), "the first checkpoint")
    size = until(product.log_size, "entries in the log")

    for name in ("web", "worker", "smoke-worker", "beat", "sequencer"):
        before = until(lambda name=name: product.leader(name), f"{name} to run")
        os.kill(before, signal.SIGKILL)
        until(
            lambda name=name, before=before: product.leader(name) not in {None, before},
            f"{name} to come back",
        )
    os.kill(product.database(), signal.SIGKILL)
    until(lambda: product.answers("/readyz") and product.log_size() >= size, "the database to come back")

    assert product.process is not None
    orphan = product.leader("web")
    product.process.kill()
    product.process.wait()
    product.start()
    until(lambda: product.leader("web") not in {None, orphan}, "the orphaned web server to be replaced")
    until(lambda: product.answers("/log/decisions/checkpoint"), "the new web server")
    assert product.log_size() >= size
    assert product.stop() == 0
    assert not any((product.data_dir / "run" / "children").iterdir())


@pytest.mark.timeout(120)
def test_second_product_on_the_same_data_is_refused(product: Product) -> None:
    environment = {**os.environ, "DATA_DIR": str(product.data_dir), "PYTHONPATH": str(ROOT / "deploy/client")}
    environment.pop("DATABASE_URL", None)

    done = subprocess.run(
        [sys.executable, "manage.py", "up", "--no-journey", "--exit-when-done"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "already runs" in done.stdout
    assert product.answers("/readyz")


@pytest.mark.timeout(120)
def test_a_port_that_somebody_else_has_is_refused_before_anything_starts(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path / "data"),
        "PYTHONPATH": str(ROOT / "deploy/client"),
    }
    environment.pop("DATABASE_URL", None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--no-journey", "--exit-when-done", "--port", port],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    assert f"cannot listen on port {port}" in done.stdout
    assert not (tmp_path / "data" / "postgres").exists()
