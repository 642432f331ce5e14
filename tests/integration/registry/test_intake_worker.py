"""The whole intake on real workers: child processes, the broker that needs no server, kill -9 in between."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from registry.actions import runs
from registry.models import ModelVersion
from tests import folders, intake, workers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def broker() -> None:
    workers.empty_broker()


def outcome_of_smoke(version: ModelVersion) -> str:
    run = version.smokeruns.first()
    return run.code if run is not None else ""


def test_one_registration_drives_the_chain(broker: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    folders.write(tmp_path / "m", folders.model_files())
    version = intake.registered(tmp_path / "m")  # before any worker is there
    worker = workers.start(log)
    try:
        workers.wait_for(lambda: outcome_of_smoke(version) == "engine_not_installed", log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    version.refresh_from_db()
    assert version.status == "resolved"
    assert version.verificationruns.get().outcome == "pass"
    assert "VLLM_PYTHON" in version.smokeruns.get().message


def test_a_killed_worker_loses_nothing(broker: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    folders.write(tmp_path / "m", folders.model_files())
    version = intake.registered(tmp_path / "m")
    intake.resolve_open(version)
    run = version.verificationruns.get()
    # A worker took the run and its message, and was killed with -9: nothing but a silent row is left.
    for file in (settings.PATHS.broker / "queue").iterdir():
        file.unlink()
    dead = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert runs.claim(type(run), run_id=run.pk, worker=f"host:{dead.pid}", now=timezone.now()) is not None
    dead.kill()
    dead.wait()
    worker = workers.start(log)
    try:
        later = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS + 1)
        assert runs.sweep(later)["returned"] == 1
        workers.wait_for(lambda: outcome_of_smoke(version) == "engine_not_installed", log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    run.refresh_from_db()
    assert (run.outcome, run.attempt) == ("pass", 2)


def test_a_worker_that_is_told_to_end_gives_its_run_back(broker: None, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    files = folders.model_files()
    folders.write(tmp_path / "m", files)
    version = intake.registered(tmp_path / "m")
    with (tmp_path / "m" / "big.safetensors").open("wb") as big:
        big.truncate(24 * 1024**3)  # sparse: long to read, nothing on disk
    worker = workers.start(log)
    try:
        workers.wait_for(lambda: version.resolutionruns.get().state == "running", log=log)
        workers.wait_for(lambda: version.resolutionruns.get().bytes_done > 0, log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    run = version.resolutionruns.get()
    assert (run.state, run.worker) == ("queued", "")
    assert "resolve_version_task" in log.read_text()
