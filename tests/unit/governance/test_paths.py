import os
from pathlib import Path

import environ
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import conninfo

from governance.embedded.paths import LONGEST_SOCKET, PORT, Paths

names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60
).filter(lambda name: name not in {".", ".."})


def test_everything_lies_under_the_data_folder() -> None:
    paths = Paths(Path("/srv/custody"))
    folders = [
        paths.postgres, paths.broker, paths.secrets, paths.keys, paths.trust, paths.models,
        paths.spool, paths.logs, paths.run, paths.packs, paths.socket_dir,
    ]  # fmt: skip
    assert all(folder.is_relative_to("/srv/custody") for folder in folders)
    assert len(set(folders)) == len(folders)


def test_a_relative_data_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="absolute"):
        Paths(Path("data"))


def test_a_deep_data_folder_gets_a_short_socket_folder_of_its_own() -> None:
    deep = Path("/" + "x" * 90)
    assert Paths(deep).socket_dir.parent == Path("/tmp")
    assert Paths(deep).socket_dir == Paths(deep).socket_dir
    assert Paths(deep).socket_dir != Paths(deep / "other").socket_dir


@given(st.lists(names, min_size=1, max_size=6))
def test_the_socket_is_never_too_long(parts: list[str]) -> None:
    socket = Paths(Path("/", *parts)).socket_dir / f".s.PGSQL.{PORT}"
    assert len(os.fsencode(socket)) <= LONGEST_SOCKET


@given(st.lists(names, min_size=1, max_size=6))
def test_libpq_and_django_read_the_same_address(parts: list[str]) -> None:
    paths = Paths(Path("/", *parts))
    url = paths.database_url("custody_app")
    libpq = conninfo.conninfo_to_dict(url)
    django = environ.Env.db_url_config(url)
    assert (libpq["host"], libpq["user"], libpq["dbname"]) == (
        str(paths.socket_dir),
        "custody_app",
        "custody",
    )
    assert (django["OPTIONS"]["host"], django["USER"], django["NAME"]) == (
        str(paths.socket_dir),
        "custody_app",
        "custody",
    )
