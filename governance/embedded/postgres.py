"""The embedded PostgreSQL: one cluster, one server, reached by its unix socket only."""

import contextlib
import fcntl
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
from psycopg import sql

from governance.embedded import paths, processes, unprivileged
from governance.embedded.cluster import SUPERUSER, Cluster, PostgresUnavailable, binary, environment

ROLES_SQL = Path(__file__).resolve().parents[2] / "deploy" / "postgres" / "roles.sql"
# What the log promises rests on these; nobody may start the server without them.
DURABILITY = frozenset({"fsync", "full_page_writes", "synchronous_commit", "data_sync_retry"})
# After a kill -9 the old server's children need a moment to notice.
TRANSIENT = ("is still in use", "lock file")
START_SECONDS = 60.0
CONNECT_ATTEMPTS = 5
STOP_STEPS = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))


class EmbeddedPostgres:
    """Starts, finds again and stops the server of one cluster."""

    def __init__(
        self,
        cluster: Path,
        socket_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.cluster = Cluster(cluster, socket_dir)
        self.log = log or cluster.with_name("postgres.log")
        self.settings = dict(settings or {})
        if weakened := DURABILITY & self.settings.keys():
            raise ValueError(f"durability settings are not for changing: {', '.join(sorted(weakened))}")
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Have the server, its roles and its database; say whether it had to be started."""
        way = _way()
        try:
            self.cluster.folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self.cluster.folder.with_name(self.cluster.folder.name + ".lock")):
                return self._have_server(way)
        except OSError as problem:
            raise PostgresUnavailable(f"PostgreSQL cannot use {self.cluster.folder}: {problem}") from problem

    def stop(self) -> None:
        """Stop the server, whoever started it; open connections are closed."""
        server = self._server()
        for number, seconds in STOP_STEPS:
            if server is None:
                break
            processes.send(number, [server])
            if processes.wait_until(lambda: self._server() is None, seconds=seconds):
                server = None
        if server is not None:
            raise PostgresUnavailable(f"PostgreSQL (process {server.pid}) does not stop; see {self.log}")
        self._end_child()
        # A short one lies outside the data folder; nothing of ours should stay there.
        with contextlib.suppress(OSError):
            self.cluster.socket_dir.rmdir()

    def is_running(self) -> bool:
        """Whether a server of exactly this cluster runs."""
        return self._server() is not None

    def _server(self) -> processes.ProcessIdentity | None:
        if self._child is not None:
            self._child.poll()  # reaps it: a zombie would look alive to the next server
        return self.cluster.server()

    def _have_server(self, way: unprivileged.Unprivileged) -> bool:
        started = False
        for attempt in range(CONNECT_ATTEMPTS):
            if not self._settles():
                self._serve(way)
                started = True
            try:
                self._ensure_roles()
                break
            except psycopg.OperationalError as problem:  # it was going down as we looked
                if attempt + 1 == CONNECT_ATTEMPTS:
                    raise PostgresUnavailable(f"PostgreSQL takes no connection: {problem}") from problem
                time.sleep(0.2)
        return started

    def _settles(self) -> bool:
        """Wait for a server that is starting or stopping; say whether one is there to use."""

        def settled() -> bool:
            server = self._server()
            return server is None or self.cluster.is_ready(pid=server.pid)

        if not processes.wait_until(settled, seconds=START_SECONDS):
            raise PostgresUnavailable(
                f"a server of {self.cluster.folder} neither starts nor stops; see {self.log}"
            )
        return self._server() is not None

    def _serve(self, way: unprivileged.Unprivileged) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            self._end_child()
            self.cluster.prepare(way)
            offset = processes.prepare_log(self.log).stat().st_size if self.log.exists() else 0
            child = self._child = self._spawn(way)
            if self._becomes_ready(child, deadline=deadline):
                return
            self._end_child()
            said = self.log.read_bytes()[offset:].decode("utf-8", "replace").strip()
            if time.monotonic() > deadline or not any(text in said for text in TRANSIENT):
                raise PostgresUnavailable(
                    f"PostgreSQL did not start: {said[-800:] or 'no message'} (log: {self.log})"
                )
            time.sleep(0.2)

    def _spawn(self, way: unprivileged.Unprivileged) -> subprocess.Popen[bytes]:
        folder = str(self.cluster.socket_dir).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{folder}"',
            "unix_socket_permissions": "0700",
            "port": str(paths.PORT),
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*way.prefix, str(binary("postgres")), "-D", str(self.cluster.folder), *options]
        processes.prepare_log(self.log)
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the supervisor, which stops the database last.
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), cwd="/",
                start_new_session=True,
            )  # fmt: skip

    def _becomes_ready(self, child: subprocess.Popen[bytes], *, deadline: float) -> bool:
        def decided() -> bool:
            return child.poll() is not None or self.cluster.is_ready(pid=child.pid)

        return processes.wait_until(decided, seconds=deadline - time.monotonic()) and child.poll() is None

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.send_signal(signal.SIGQUIT)  # does nothing where it is gone already
            self._child.wait()
            self._child = None

    def _ensure_roles(self) -> None:
        host = str(self.cluster.socket_dir)
        with psycopg.connect(
            host=host, port=paths.PORT, user=SUPERUSER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(ROLES_SQL.read_bytes())
            exists = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [paths.DATABASE]
            ).fetchone()
            if exists is None:
                statement = sql.SQL(
                    "CREATE DATABASE {} OWNER custody_owner TEMPLATE template0 ENCODING 'UTF8'"
                )
                connection.execute(statement.format(sql.Identifier(paths.DATABASE)))


def _way() -> unprivileged.Unprivileged:
    way = unprivileged.find()
    if way is None:
        raise PostgresUnavailable(
            "PostgreSQL does not run as root, and neither a user namespace nor another user can be had here. "
            "Start this as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own."
        )
    return way


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock while the server is made ready, so that two starts never meet."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
