"""Every process of the service refuses a PostgreSQL that could lose what it acknowledged."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from governance.embedded.paths import Paths
from governance.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]
STARTS = {
    "web": [sys.executable, "-c", "import governance.wsgi"],
    "sequencer": [sys.executable, "manage.py", "sequence_log", "--once"],
    "worker": [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "governance",
        "worker",
        "-P",
        "solo",
        "-Q",
        "default",
        "-l",
        "ERROR",
    ],
}


@pytest.fixture(scope="module")
def weak_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    paths = Paths(tmp_path_factory.mktemp("weak") / "data")
    server = EmbeddedPostgres(paths.postgres, paths.socket_dir, log=paths.logs / "postgres.log")
    server.settings = {"fsync": "off"}  # it refuses this setting of anyone who asks
    server.start()
    yield paths.database_url("custody_app")
    server.stop()


def start(name: str, url: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "governance.settings",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'deploy' / 'client'}",
    }
    for part in ("queue", "control"):
        (folder / "broker" / part).mkdir(parents=True, exist_ok=True)
    (folder / "run").mkdir(exist_ok=True)
    return subprocess.run(
        STARTS[name], check=False, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60
    )


@pytest.mark.parametrize("name", list(STARTS))
def test_nothing_starts_on_a_server_without_fsync(name: str, weak_database: str, tmp_path: Path) -> None:
    done = start(name, weak_database, tmp_path)

    assert done.returncode != 0, done.stderr
    assert "could lose acknowledged records: fsync = off" in done.stderr


@pytest.mark.django_db
@pytest.mark.parametrize("name", list(STARTS))
def test_nothing_starts_over_a_connection_that_does_not_wait_for_the_disk(name: str, tmp_path: Path) -> None:
    url = os.environ["DATABASE_URL"]
    weak = f"{url}{'&' if '?' in url else '?'}options=-csynchronous_commit%3Doff"

    done = start(name, weak, tmp_path)

    assert done.returncode != 0, done.stderr
    assert "could lose acknowledged records: synchronous_commit = off" in done.stderr


@pytest.mark.django_db
def test_web_starts_on_a_durable_server_and_says_when_its_role_is_too_strong(tmp_path: Path) -> None:
    url = os.environ["DATABASE_URL"].replace("/custody?", f"/{connection.settings_dict['NAME']}?")

    as_owner = start("web", url, tmp_path)
    as_app = start("web", url.replace("custody_owner", "custody_app"), tmp_path)

    assert as_owner.returncode == 0, as_owner.stderr
    assert "database_role_could_rewrite_the_log" in as_owner.stdout + as_owner.stderr
    assert as_app.returncode == 0, as_app.stderr
    assert "database_role_could_rewrite_the_log" not in as_app.stdout + as_app.stderr
