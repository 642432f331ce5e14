"""Early pytest plugin: the settings of a test run, and an embedded PostgreSQL where none is given."""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from governance.embedded.cluster import PostgresUnavailable
from governance.embedded.paths import Paths
from governance.embedded.postgres import EmbeddedPostgres

TEST_SETTINGS = {
    "SECRET_KEY": "only-for-tests-0123456789abcdefghijklmnopqrstuvwxyz",
    "TOKEN_PEPPER": "only-for-tests-pepper-0123456789abcdefghijklmnopqr",
}
PREFIX = "mc-test-"
# A run that was killed, or ended by its own time limit, cleans nothing up: a later one does it.
ABANDONED_SECONDS = 60.0


class TemporaryInstallation:
    """A data folder, and the server in it, for as long as the process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        (self.folder / "lock").touch()
        self.lock = _lock(self.folder)
        self.server: EmbeddedPostgres | None = None

    def start(self) -> None:
        _remove_abandoned(self.folder.parent)
        os.environ.update({name: value for name, value in TEST_SETTINGS.items() if not os.environ.get(name)})
        os.environ["DATA_DIR"] = str(self.folder / "data")
        if not os.environ.get("DATABASE_URL"):
            self.server = _server(self.folder)
            self.server.start()
            os.environ["DATABASE_URL"] = Paths(self.folder / "data").database_url("custody_owner")

    def stop(self) -> None:
        try:
            if self.server is not None:
                self.server.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
            if self.lock is not None:
                os.close(self.lock)
                self.lock = None


def _server(folder: Path) -> EmbeddedPostgres:
    paths = Paths(folder / "data")
    return EmbeddedPostgres(paths.postgres, paths.socket_dir, log=paths.logs / "postgres.log")


def _lock(folder: Path) -> int | None:
    """Hold the folder for as long as this process lives; None where another holds it."""
    handle = os.open(folder / "lock", os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError, PostgresUnavailable):  # another user's, or going away as we look
            if time.time() - folder.stat().st_mtime < ABANDONED_SECONDS or (lock := _lock(folder)) is None:
                continue
            try:
                _server(folder).stop()
                shutil.rmtree(folder)
            finally:
                os.close(lock)


_installation = TemporaryInstallation()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    # A wrapper runs before pytest-django's own hook, which reads the settings.
    # The clean-up also runs where collection fails.
    early_config.add_cleanup(_installation.stop)
    _installation.start()
    return (yield)
