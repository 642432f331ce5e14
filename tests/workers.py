"""Real Celery workers as child processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection

from governance import celery

ROOT = Path(__file__).parents[1]


def start(
    log: Path, *, queues: str = "default,verify,smoke", app: str = "governance.celery", **variables: str
) -> "subprocess.Popen[bytes]":
    parameters = connection.get_connection_params()
    address = f"postgresql://{parameters['user']}@/{parameters['dbname']}?host={parameters['host']}&port={parameters.get('port', 5432)}"
    environment = {
        **os.environ,
        "BROKER_URL": str(celery.app.conf.broker_url),
        "DATABASE_URL": address,
        "LEASE_SECONDS": "2",
        "VLLM_PYTHON": "/nonexistent/python",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'deploy/client'}",
        "DJANGO_SETTINGS_MODULE": "governance.settings",
        **variables,
    }
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-Q", queues]
    with log.open("ab") as out:
        return subprocess.Popen(
            [*command, "-c", "1", "--without-gossip", "--without-mingle", "-l", "INFO"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def stop(worker: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> None:
    os.killpg(worker.pid, number)
    worker.wait(timeout=30)


def wait_for(condition: Callable[[], object], *, log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text()[-4000:])
