"""A worker that is killed in the middle of a fetch: the next one goes on where it is certain."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from registry.fetch.store import Store
from tests import faulty, fetching

SIZE = 24 * 1024 * 1024 + 11
SYNC = 2 * 1024 * 1024
DATA = random.Random(9).randbytes(SIZE)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def begun(url: str, root: Path) -> subprocess.Popen[bytes]:
    arguments = [url, str(root), "model.bin", str(SIZE), fetching.sha256(DATA), str(SYNC)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fetching", *arguments], stdout=subprocess.PIPE, env=ENVIRONMENT
    )


def killed_at(url: str, root: Path, offset: int) -> None:
    """Let a child fetch until it says that it came so far, and kill it there."""
    with begun(url, root) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= offset:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.read()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("offset", [1, 3 * 1024 * 1024, SIZE // 2, SIZE - 1])
def test_a_killed_fetch_is_resumed(tmp_path: Path, offset: int) -> None:
    with faulty.serving({"/model.bin": DATA}) as server:
        killed_at(server.url, tmp_path, offset)
        assert not (tmp_path / "file").exists()
        assert list(Store(tmp_path).blobs()) == []

        with begun(server.url, tmp_path) as process:
            process.communicate()

        assert process.returncode == 0
        assert (tmp_path / "file" / "version" / "model.bin").read_bytes() == DATA
        (asked,) = [request for request in server.requests if "range" in request.headers] or [
            server.requests[-1]
        ]
        assert asked.headers.get("if-range") == (server.tag("/model.bin") if asked.offset else None)
        # What was not certain yet is sent again, and no more than that.
        assert asked.offset > offset - SYNC - 65536
        assert asked.sent == SIZE - asked.offset


def test_killed_again_and_again_it_still_ends(tmp_path: Path) -> None:
    with faulty.serving({"/model.bin": DATA}) as server:
        for offset in range(4 * 1024 * 1024, SIZE, 6 * 1024 * 1024):
            killed_at(server.url, tmp_path, offset)
        with begun(server.url, tmp_path) as process:
            process.communicate()

        assert process.returncode == 0
        assert (tmp_path / "file" / "version" / "model.bin").read_bytes() == DATA
        assert server.offsets("/model.bin") == sorted(server.offsets("/model.bin"))
        assert server.offsets("/model.bin")[-1] > SIZE - 6 * 1024 * 1024 - SYNC
