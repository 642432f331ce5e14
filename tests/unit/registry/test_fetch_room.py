"""Room: promised to one fetch at a time, given back when a worker dies, and made by pruning."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.fetch import locks, prune, room
from registry.fetch.room import StoreFull
from registry.fetch.store import Store
from registry.sources import base
from tests import faulty, fetching
from tests.fetching import fetch, listed

DATA = bytes(range(256)) * 40
FILE = listed("model.bin", DATA)
DAY = 24 * 3600.0


@pytest.fixture
def server() -> Iterator[faulty.Server]:
    with faulty.serving({"/model.bin": DATA, "/config.json": b"{}"}) as server:
        yield server


def small(root: Path, *, free: int = 10**12, quota: int = 0, keep_free: int = 0) -> Store:
    return Store(root, quota_bytes=quota, keep_free_bytes=keep_free, free=lambda _: free)


@pytest.mark.parametrize(
    ("limits", "missing"),
    [
        ({"quota": len(DATA) - 1}, 1),
        ({"free": len(DATA) - 1}, 1),
        ({"free": 2**30, "keep_free": 2**30}, len(DATA)),
        ({"free": 2**29, "keep_free": 2**30}, len(DATA) + 2**29),
    ],
)
def test_without_room_for_everything_nothing_is_fetched(
    server: faulty.Server, tmp_path: Path, limits: dict[str, int], missing: int
) -> None:
    with pytest.raises(StoreFull) as raised:
        fetch(server.url, tmp_path, [FILE], store=small(tmp_path, **limits))

    assert raised.value.code == "store_full"
    assert raised.value.extra == {"missing_bytes": missing}
    assert "prune_store" in raised.value.detail
    assert server.requests == []


@pytest.mark.parametrize("limits", [{"quota": len(DATA) + 1000}, {"free": len(DATA)}])
def test_with_room_for_just_everything_it_is(
    server: faulty.Server, tmp_path: Path, limits: dict[str, int]
) -> None:
    fetch(server.url, tmp_path, [FILE], store=small(tmp_path, **limits))


def test_what_is_there_needs_no_room(server: faulty.Server, tmp_path: Path) -> None:
    fetch(server.url, tmp_path, [FILE])

    fetch(server.url, tmp_path, [FILE], store=small(tmp_path, quota=1, free=0, keep_free=5))


def test_shared_files_count_once(server: faulty.Server, tmp_path: Path) -> None:
    for version in ("1", "2"):
        fetch(server.url, tmp_path, [FILE], place=tmp_path / "file" / version)

    assert Store(tmp_path).used_bytes() == len(DATA)


def test_a_disk_that_others_fill_meanwhile_ends_it(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.fetch.partial.SYNC_BYTES", 1024)
    left = iter([10**9])
    store = Store(tmp_path, keep_free_bytes=100, free=lambda _: next(left, 5))

    with pytest.raises(StoreFull):
        fetch(server.url, tmp_path, [FILE], store=store)


def test_a_disk_that_is_full_says_so(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("registry.fetch.partial.Partial.write", write)
    with pytest.raises(StoreFull, match="disk"):
        fetch(server.url, tmp_path, [FILE])


def test_a_file_without_a_size_asks_for_room_while_it_comes(server: faulty.Server, tmp_path: Path) -> None:
    file = base.RemoteFile("model.bin", None, claimed_digest=fetching.sha256(DATA), claim_kind="sha256")
    with pytest.raises(StoreFull):
        fetch(server.url, tmp_path, [file], store=small(tmp_path, quota=100))


CHILD = """
import sys
from pathlib import Path
from registry.fetch import room
from registry.fetch.store import Store
from registry.sources import base
store = Store(Path(sys.argv[1]), quota_bytes=1000, keep_free_bytes=0)
with room.held(store) as hold:
    try:
        hold.reserve(600)
        hold.pin("a" * 64)
    except room.StoreFull:
        print("full", flush=True)
    else:
        print("mine", flush=True)
    sys.stdin.readline()
"""


def child(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    return process


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_two_workers_are_not_promised_the_same_room(tmp_path: Path) -> None:
    with child(tmp_path) as first:
        assert said(first) == "mine"
        with child(tmp_path) as second:
            assert said(second) == "full"
            second.communicate("\n")
        store = Store(tmp_path, quota_bytes=1000, keep_free_bytes=0)
        with room.held(store) as hold, pytest.raises(StoreFull):
            hold.reserve(401)
        with store.locked():
            assert room.pinned(store) == {"a" * 64}
        first.kill()  # a dead worker's promise counts for nothing
        first.communicate()
    with room.held(store) as hold:
        hold.reserve(1000)
        with store.locked():
            assert room.pinned(store) == set()


def none_needed(_: object) -> set[str]:
    return set()


def test_what_no_version_has_is_removed(server: faulty.Server, tmp_path: Path) -> None:
    files = [FILE, listed("config.json", b"{}", claim="git-oid")]
    store = Store(tmp_path, keep_free_bytes=0)
    got = fetch(server.url, tmp_path, files)
    loose = fetch(server.url, tmp_path, [listed("config.json", b"{}")], place=None)
    assert loose["config.json"].blob == got["config.json"].blob

    assert prune.prune(store, needed=none_needed, now=0.0) == prune.Pruned(0, 0, 0, 0)
    (tmp_path / "file" / "version" / "config.json").unlink()
    assert prune.prune(store, needed=set, now=0.0).blobs == 0
    assert prune.prune(store, needed=none_needed, now=0.0, is_dry=True) == prune.Pruned(1, 2, 0, 0)
    assert got["config.json"].blob.exists()
    assert prune.prune(store, needed=none_needed, now=0.0) == prune.Pruned(1, 2, 0, 0)

    assert not got["config.json"].blob.exists()
    assert got["model.bin"].blob.exists()
    assert list(store.aliases()) == []


def test_what_a_running_fetch_needs_stays(server: faulty.Server, tmp_path: Path) -> None:
    store = Store(tmp_path, keep_free_bytes=0)
    blob = fetch(server.url, tmp_path, [FILE], place=None)["model.bin"].blob

    with room.held(store) as hold:
        hold.pin(blob.name)
        assert prune.prune(store, needed=none_needed, now=0.0).blobs == 0
    assert prune.prune(store, needed=none_needed, now=0.0).blobs == 1


def test_what_began_to_arrive_is_removed_after_a_day(server: faulty.Server, tmp_path: Path) -> None:
    store = Store(tmp_path, keep_free_bytes=0)
    server.always["/model.bin"] = faulty.truncated(100)
    with pytest.raises(Exception, match="as it should"):
        fetch(server.url, tmp_path, [FILE])
    (folder,) = (tmp_path / "partial").iterdir()
    touched = max(path.stat().st_mtime for path in folder.iterdir())

    assert prune.prune(store, needed=none_needed, now=touched + DAY - 1).partials == 0
    lock = locks.take(folder / "lock")
    assert prune.prune(store, needed=none_needed, now=touched + 2 * DAY).partials == 0
    assert lock is not None
    os.close(lock)
    # The lock was taken just now; only the bytes' age counts from then on.
    assert prune.prune(store, needed=none_needed, now=touched + 2 * DAY, is_dry=True).partials == 1
    assert prune.prune(store, needed=none_needed, now=touched + 2 * DAY) == prune.Pruned(0, 0, 1, 600)
    assert list((tmp_path / "partial").iterdir()) == []
