"""The whole intake on real workers and each kind of broker: child processes, kill -9 in between."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from governance import broker as messages
from registry.actions import runs
from registry.models import ModelVersion
from tests import brokers, folders, intake, workers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]
SERVERS = [pytest.param(name, marks=pytest.mark.broker) for name in ("redis", "rabbitmq")]
Broker = brokers.Embedded | brokers.Server


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Broker]]:
    """Each server is started once, by the first test that needs it."""
    known: dict[str, Broker] = {}

    def start(name: str) -> Broker:
        if name not in known:
            known[name] = brokers.KINDS[name](tmp_path_factory.mktemp("broker") / name)
            known[name].start()
        return known[name]

    yield start
    for one in known.values():
        one.stop()


@pytest.fixture
def broker(request: pytest.FixtureRequest, started: Callable[[str], Broker]) -> Iterator[Broker]:
    found = started(request.param)
    brokers.use(found.url, folder=settings.PATHS.broker)
    brokers.empty()
    yield found
    brokers.use(settings.BROKER_URL, folder=settings.PATHS.broker)


on_every_broker = pytest.mark.parametrize("broker", ["embedded", *SERVERS], indirect=True)


def outcome_of_smoke(version: ModelVersion) -> str:
    run = version.smokeruns.first()
    return run.code if run is not None else ""


def later() -> object:
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS + 1)


@on_every_broker
def test_one_registration_drives_the_chain_and_a_poisoned_one_does_not_block_it(
    broker: Broker, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    folders.write(tmp_path / "poisoned", folders.model_files(**{"poison.txt": b"hang"}))
    folders.write(tmp_path / "m", folders.model_files())
    poisoned = intake.registered(tmp_path / "poisoned")  # before any worker is there
    version = intake.registered(tmp_path / "m")
    worker = workers.start(log, app="tests.poisoned_worker", VERIFY_TIMEOUT_SECONDS="3")
    try:
        workers.wait_for(lambda: outcome_of_smoke(version) == "engine_not_installed", log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    version.refresh_from_db()
    assert version.status == "resolved"
    assert version.verificationruns.get().outcome == "pass"
    assert "VLLM_PYTHON" in version.smokeruns.get().message
    run = poisoned.verificationruns.get()
    assert (run.outcome, run.code, run.attempt) == ("error", "check_limit", 1)
    assert "while running T1-poison" in run.message
    assert not poisoned.smokeruns.exists()


@on_every_broker
def test_a_killed_worker_loses_nothing(broker: Broker, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    folders.write(tmp_path / "m", folders.model_files())
    version = intake.registered(tmp_path / "m")
    intake.resolve_open(version)
    run = version.verificationruns.get()
    # A worker took the run and its message, and was killed with -9: nothing but a silent row is left.
    brokers.empty()
    dead = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert runs.claim(type(run), run_id=run.pk, worker=f"host:{dead.pid}", now=timezone.now()) is not None
    dead.kill()
    dead.wait()
    worker = workers.start(log)
    try:
        assert runs.sweep(later())["returned"] == 1
        workers.wait_for(lambda: outcome_of_smoke(version) == "engine_not_installed", log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    run.refresh_from_db()
    assert (run.outcome, run.attempt) == ("pass", 2)


def slow(folder: Path, *, gib: int) -> ModelVersion:
    """A version that takes a while to read: sparse, so that nothing is on disk."""
    folders.write(folder, folders.model_files())
    with (folder / "big.safetensors").open("wb") as big:
        big.truncate(gib * 1024**3)
    return intake.registered(folder)


@on_every_broker
def test_a_worker_that_is_told_to_end_gives_its_run_back(broker: Broker, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    version = slow(tmp_path / "m", gib=24)
    worker = workers.start(log)
    try:
        workers.wait_for(lambda: version.resolutionruns.get().state == "running", log=log)
        workers.wait_for(lambda: version.resolutionruns.get().bytes_done > 0, log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    run = version.resolutionruns.get()
    assert (run.state, run.worker) == ("queued", "")
    assert "resolve_version_task" in log.read_text()


def is_finished_after_a_sweep(version: ModelVersion) -> bool:
    """What beat would have had done by now; nobody's lease has run out."""
    runs.sweep(timezone.now() + runs.RESEND_AFTER + timedelta(seconds=1))
    return version.verificationruns.get().state == "finished"


@pytest.mark.parametrize("broker", SERVERS, indirect=True)
def test_a_broker_that_is_killed_in_between_loses_nothing(broker: Broker, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    version = slow(tmp_path / "m", gib=2)
    worker = workers.start(log)
    try:
        workers.wait_for(lambda: version.resolutionruns.get().bytes_done > 0, log=log)
        broker.stop()
        # What was under way ends without it.
        workers.wait_for(version.verificationruns.exists, log=log)
        broker.start()
        messages.tell(
            "registry.tasks.resolve_version_task", queue="default", run_id=version.resolutionruns.get().pk
        )
        workers.wait_for(lambda: is_finished_after_a_sweep(version), log=log)
    finally:
        workers.stop(worker, signal.SIGTERM)

    # The same message a second time found nothing to do.
    assert (version.resolutionruns.get().attempt, version.verificationruns.get().attempt) == (1, 1)
    assert version.artifacts.count() == len(folders.model_files()) + 1


@pytest.mark.parametrize("broker", [SERVERS[1]], indirect=True)
def test_rabbitmq_holds_its_queues_as_quorum_queues(broker: Broker) -> None:
    from governance import celery

    for queue in celery.app.amqp.queues.values():
        assert queue.queue_arguments["x-queue-type"] == "quorum"
        with celery.app.connection_for_write() as connection:
            channel = connection.default_channel
            with pytest.raises(channel.connection.channel_errors, match="x-queue-type"):
                channel.queue_declare(queue.name, durable=True, auto_delete=False)
