"""The sequencer as the process it is: killed, started again, asked to stop, and doubled."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from audit import store
from audit.events import Log
from governance.embedded.processes import wait_until
from tests.logs import assert_whole, decide

ROOT = Path(__file__).resolve().parents[3]
Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(log_folders: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []
    url = os.environ["DATABASE_URL"].replace("/custody?", f"/{connection.settings_dict['NAME']}?")
    environment = {
        **os.environ,
        "DATABASE_URL": url.replace("custody_owner", "custody_sequencer"),
        "KEYS_DIR": str(log_folders / "keys"),
        "SIGNER_DIR": str(log_folders / "signer"),
        "PYTHONPATH": str(ROOT / "deploy" / "client"),
    }

    def run() -> "subprocess.Popen[str]":
        command = [sys.executable, "manage.py", "sequence_log"]
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)
        running.append(child)
        return child

    yield run
    for child in running:
        child.kill()
        child.communicate()


def becomes_active(child: "subprocess.Popen[str]") -> bool:
    assert child.stdout is not None
    return child.stdout.readline() == "sequencer: active\n"


def signed_size() -> int:
    return store.size_of(store.newest_checkpoint(Log.DECISIONS))


@pytest.mark.django_db(transaction=True)
def test_killed_under_load_it_goes_on_where_it_was(start: Start) -> None:
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        while not stop.is_set():
            written.append(decide("load", number=len(written)))
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            child = start()
            assert becomes_active(child)
            reached = signed_size()
            assert wait_until(lambda: signed_size() > reached, seconds=30)  # noqa: B023 - called at once
            child.send_signal(signal.SIGKILL)
            child.wait()
    finally:
        stop.set()
        writer.join()
    child = start()
    assert becomes_active(child)
    assert wait_until(lambda: signed_size() == len(written), seconds=60)
    child.send_signal(signal.SIGTERM)

    assert child.wait(timeout=30) == 0
    assert assert_whole() == len(written)


@pytest.mark.django_db(transaction=True)
def test_a_second_one_waits_and_takes_over(start: Start) -> None:
    first = start()
    assert becomes_active(first)
    second = start()
    decide()
    assert wait_until(lambda: signed_size() == 1, seconds=30)
    assert second.poll() is None

    first.send_signal(signal.SIGKILL)
    first.wait()
    decide()

    assert becomes_active(second)
    assert wait_until(lambda: signed_size() == 2, seconds=30)
    assert assert_whole() == 2
