import os
import signal
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from governance.embedded import postgres as module
from governance.embedded import processes, unprivileged
from governance.embedded.cluster import PostgresUnavailable
from governance.embedded.paths import Paths
from governance.embedded.postgres import EmbeddedPostgres


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "data")


@pytest.fixture
def server(paths: Paths) -> Iterator[EmbeddedPostgres]:
    found = EmbeddedPostgres(paths.postgres, paths.socket_dir, log=paths.logs / "postgres.log")
    yield found
    found.stop()


def _rows(paths: Paths) -> int:
    with psycopg.connect(paths.database_url("custody_owner"), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS seen (n int)")
        connection.execute("INSERT INTO seen VALUES (1)")
        row = connection.execute("SELECT count(*) FROM seen").fetchone()
    assert row is not None
    return int(row[0])


def _kill(server: EmbeddedPostgres) -> None:
    found = server.cluster.server()
    assert found is not None
    os.kill(found.pid, signal.SIGKILL)


def test_the_server_keeps_its_data_over_stop_kill_and_start(paths: Paths, server: EmbeddedPostgres) -> None:
    assert server.start() is True
    assert _rows(paths) == 1

    server.stop()
    assert not server.is_running()
    assert server.start() is True
    assert _rows(paths) == 2

    _kill(server)
    assert server.start() is True
    assert _rows(paths) == 3


def test_a_second_start_finds_the_running_server(paths: Paths, server: EmbeddedPostgres) -> None:
    server.start()
    other = EmbeddedPostgres(paths.postgres, paths.socket_dir)
    assert other.is_running()
    assert other.start() is False
    assert (
        len({found.pid for found in processes.working_in(paths.postgres)}) > 1
    )  # one server and its helpers
    other.stop()
    assert not server.is_running()


def test_two_starts_at_once_make_one_server(paths: Paths, server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(paths.postgres, paths.socket_dir)
    started: list[bool] = []
    threads = [
        threading.Thread(target=lambda each=each: started.append(each.start())) for each in (server, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(started) == [False, True]
    (other if other._child else server).stop()


def test_only_the_socket_is_open_and_nothing_else_was_opened(paths: Paths, server: EmbeddedPostgres) -> None:
    paths.data_dir.mkdir(mode=0o700)
    server.start()
    with psycopg.connect(paths.database_url("custody_owner")) as connection:
        settings = [
            "listen_addresses",
            "fsync",
            "full_page_writes",
            "synchronous_commit",
            "data_checksums",
            "server_encoding",
        ]
        shown = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in settings}  # type: ignore[index]
    assert shown == {
        "listen_addresses": "",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
    }
    for folder in (paths.data_dir, paths.postgres, paths.socket_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_roles_own_nothing_they_should_not(paths: Paths, server: EmbeddedPostgres) -> None:
    server.start()
    with psycopg.connect(paths.database_url("custody_owner")) as connection:
        roles = connection.execute(
            "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname LIKE 'custody%' ORDER BY 1"
        ).fetchall()
        members = connection.execute(
            "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE rolname LIKE 'custody%'"
        ).fetchone()
        owner = connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'custody'"
        ).fetchone()
    assert roles == [
        ("custody_app", False, False, False),
        ("custody_owner", False, True, True),
        ("custody_sequencer", False, False, False),
    ]
    assert members == (0,)
    assert owner == ("custody_owner",)


def test_lock_files_of_a_process_that_is_not_ours_do_not_keep_it_from_starting(
    paths: Paths, server: EmbeddedPostgres
) -> None:
    server.start()
    before = (paths.postgres / "postmaster.pid").read_text().splitlines()
    server.stop()
    # As after a restart of the machine: the old id now belongs to another program, here to this one.
    (paths.postgres / "postmaster.pid").write_text("\n".join([str(os.getpid()), *before[1:]]) + "\n")
    paths.socket_dir.mkdir()
    (paths.socket_dir / ".s.PGSQL.5432.lock").write_text(f"{os.getpid()}\n")
    assert not server.is_running()
    assert server.start() is True


def test_a_broken_off_initdb_leaves_nothing_in_the_way(paths: Paths, server: EmbeddedPostgres) -> None:
    half = paths.postgres.with_name("postgres.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.start()
    assert not half.exists()
    assert _rows(paths) == 1


def test_root_may_also_start_it_as_nobody(
    paths: Paths, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has to choose")
    server.start()
    server.stop()
    # As in a container that refuses user namespaces.
    monkeypatch.setattr(unprivileged, "NAMESPACE", ("false",))
    way = unprivileged.find()
    if way is None:
        pytest.skip("no other user can be had here")
    assert server.start() is True
    assert paths.postgres.stat().st_uid == way.uid
    assert _rows(paths) == 1
    server.stop()
    monkeypatch.undo()
    assert server.start() is True
    assert _rows(paths) == 2


def test_where_no_way_exists_the_message_says_what_to_do(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unprivileged, "find", lambda: None)
    with pytest.raises(PostgresUnavailable, match="DATABASE_URL"):
        server.start()


def test_a_server_that_cannot_start_says_why(paths: Paths) -> None:
    broken = EmbeddedPostgres(paths.postgres, paths.socket_dir, settings={"max_connections": "many"})
    with pytest.raises(PostgresUnavailable, match="max_connections"):
        broken.start()
    assert not broken.is_running()


def test_another_users_socket_folder_is_refused(
    paths: Paths, server: EmbeddedPostgres, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    paths.run.mkdir(parents=True)
    paths.socket_dir.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PostgresUnavailable, match="belongs to"):
        server.start()


@pytest.mark.parametrize("name", sorted(module.DURABILITY))
def test_durability_is_not_for_changing(paths: Paths, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        EmbeddedPostgres(paths.postgres, paths.socket_dir, settings={name: "off"})
