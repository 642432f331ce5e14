"""Early pytest plugin: the settings of a test run, and an embedded PostgreSQL where none is given."""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from governance.embedded.paths import Paths
from governance.embedded.postgres import EmbeddedPostgres

TEST_SETTINGS = {
    "SECRET_KEY": "only-for-tests-0123456789abcdefghijklmnopqrstuvwxyz",
    "TOKEN_PEPPER": "only-for-tests-pepper-0123456789abcdefghijklmnopqr",
}


class TemporaryInstallation:
    """A data folder, and the server in it, for as long as the process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mc-test-"))
        self.server: EmbeddedPostgres | None = None

    def start(self) -> None:
        os.environ.update({name: value for name, value in TEST_SETTINGS.items() if not os.environ.get(name)})
        os.environ["DATA_DIR"] = str(self.folder / "data")
        if not os.environ.get("DATABASE_URL"):
            paths = Paths(self.folder / "data")
            self.server = EmbeddedPostgres(paths.postgres, paths.socket_dir, log=paths.logs / "postgres.log")
            self.server.start()
            os.environ["DATABASE_URL"] = paths.database_url("custody_owner")

    def stop(self) -> None:
        try:
            if self.server is not None:
                self.server.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


_installation = TemporaryInstallation()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    # A wrapper runs before pytest-django's own hook, which reads the settings.
    # The clean-up also runs where collection fails.
    early_config.add_cleanup(_installation.stop)
    _installation.start()
    return (yield)
