"""The fetch engine against a server with faults: nothing wrong is ever adopted."""

import itertools
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from modelcustody_client import manifest

from registry.fetch import partial, placing, room, transfer
from registry.fetch.patience import Patience, Tries
from registry.fetch.store import Fetched, Store
from registry.sources import base
from registry.sources.ranges import BadAnswer, TryAgain
from tests import faulty, fetching
from tests.fetching import fetch, listed

MIB = 1024 * 1024
DATA = random.Random(4).randbytes(3 * MIB + 7)
FILE = listed("model.bin", DATA)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[faulty.Server]:
    monkeypatch.setattr(partial, "SYNC_BYTES", 256 * 1024)
    with faulty.serving({"/model.bin": DATA, "/config.json": b"{}", "/empty": b""}) as server:
        yield server


def left_over(root: Path) -> list[str]:
    """Everything in the store that is not there for good."""
    return [path.name for name in ("partial", "held") for path in (root / name).rglob("*")]


@pytest.mark.parametrize("claim", ["sha256", "git-oid", ""])
def test_files_come_into_the_store_and_into_a_folder(
    server: faulty.Server, tmp_path: Path, claim: str
) -> None:
    contents = {"model.bin": DATA, "config.json": b"{}", "empty": b""}
    meter = fetching.Meter()

    got = fetch(server.url, tmp_path, [listed(p, d, claim) for p, d in contents.items()], progress=meter)

    for path, data in contents.items():
        file = got[path]
        assert (file.size, file.sha256) == (len(data), fetching.sha256(data))
        assert file.git_oid == (fetching.git_oid(data) if claim == "git-oid" else "")
        placed = tmp_path / "file" / "version" / path
        assert placed.read_bytes() == data
        assert placed.stat().st_mode & 0o777 == 0o444
        assert placed.samefile(file.blob)
    assert meter.total == sum(map(len, contents.values()))
    assert left_over(tmp_path) == []
    assert server.sent("/model.bin") == len(DATA)


@pytest.mark.parametrize("claim", ["sha256", "git-oid"])
def test_two_versions_share_their_files(server: faulty.Server, tmp_path: Path, claim: str) -> None:
    files, meter = [listed("model.bin", DATA, claim), listed("config.json", b"{}", claim)], fetching.Meter()
    fetch(server.url, tmp_path, files, place=tmp_path / "file" / "1")
    server.files["/config.json"] = b'{"a": 1}'

    changed = [files[0], listed("config.json", b'{"a": 1}', claim)]
    fetch(server.url, tmp_path, changed, place=tmp_path / "file" / "2", progress=meter)

    one, two = tmp_path / "file" / "1", tmp_path / "file" / "2"
    assert (one / "model.bin").samefile(two / "model.bin")
    assert [(folder / "config.json").read_bytes() for folder in (one, two)] == [b"{}", b'{"a": 1}']
    assert server.offsets("/model.bin") == [0]
    assert meter.total == len(DATA) + 8


def test_a_file_in_the_store_that_rotted_is_fetched_anew(server: faulty.Server, tmp_path: Path) -> None:
    first = fetch(server.url, tmp_path, [FILE], place=tmp_path / "file" / "1")["model.bin"]
    first.blob.chmod(0o644)
    with first.blob.open("r+b") as stream:  # of the same size, and with the times set back
        stream.write(b"rot")
    meter = fetching.Meter()

    fetch(server.url, tmp_path, [FILE], place=tmp_path / "file" / "2", progress=meter)

    assert (tmp_path / "file" / "2" / "model.bin").read_bytes() == DATA
    # The other version keeps what rotted: its next verification finds it.
    assert (tmp_path / "file" / "1" / "model.bin").read_bytes()[:3] == b"rot"
    assert (server.offsets("/model.bin"), meter.total) == ([0, 0], len(DATA))


HALF = len(DATA) // 2
# What the server does wrong in turn, before it does right; and the offsets that are asked for.
MENDED = {
    "truncated": ([faulty.truncated(HALF)], [0, HALF]),
    "truncated twice": ([faulty.truncated(HALF), faulty.truncated(5)], [0, HALF, HALF + 5]),
    "truncated at once": ([faulty.truncated(0)], [0, 0]),
    "truncated before the last byte": ([faulty.truncated(len(DATA) - 1)], [0, len(DATA) - 1]),
    "no length, and short": (
        [faulty.changing(body=lambda b: b[:HALF], Content_Length=None)],
        [0, HALF],
    ),
    "reset": ([faulty.reset(0)], [0, 0]),
    "5xx": ([faulty.says(500), faulty.says(503)], [0, 0, 0]),
    "too many requests": ([faulty.says(429, Retry_After="0")], [0, 0]),
    "shorter meanwhile": ([faulty.truncated(HALF), faulty.says(416)], [0, HALF, 0]),
    "another part": (
        [faulty.truncated(HALF), faulty.changing(Content_Range=f"bytes 0-9/{len(DATA)}")],
        [0, HALF, 0],
    ),
    "no ranges": ([faulty.truncated(HALF), faulty.whole], [0, HALF]),
    "same size, other content": ([faulty.replaced(bytes(len(DATA)))], [0, 0]),
    "one bit": ([faulty.replaced(DATA[:-1] + bytes([DATA[-1] ^ 1]))], [0, 0]),
    "other content after a break": (
        [faulty.truncated(HALF), faulty.replaced(bytes(len(DATA)))],
        [0, HALF, 0],
    ),
    "too many bytes": ([faulty.changing(body=lambda b: b + b"x", Content_Length=None)], [0, 0]),
    "another length": ([faulty.changing(body=lambda b: b[:9], Content_Length="9")], [0, 0]),
    "another tag": (
        [faulty.truncated(HALF), faulty.changing(ETag='"other"')],
        [0, HALF, 0],
    ),
}


@pytest.mark.parametrize("fault", MENDED)
def test_what_goes_wrong_once_is_mended(server: faulty.Server, tmp_path: Path, fault: str) -> None:
    faults, offsets = MENDED[fault]
    server.fail("/model.bin", *faults)
    meter = fetching.Meter()

    fetch(server.url, tmp_path, [FILE], progress=meter)

    assert (tmp_path / "file" / "version" / "model.bin").read_bytes() == DATA
    assert server.offsets("/model.bin") == offsets
    assert meter.total == len(DATA)
    assert left_over(tmp_path) == []


def test_a_file_that_changes_between_two_requests_is_not_put_together(
    server: faulty.Server, tmp_path: Path
) -> None:
    other = bytes(reversed(DATA))
    server.fail("/model.bin", faulty.truncated(HALF), faulty.changed(other), faulty.honest)

    # Without a claim only the validator tells; the new file is taken whole.
    got = fetch(server.url, tmp_path, [listed("model.bin", DATA, claim="")])

    assert got["model.bin"].sha256 == fetching.sha256(other)
    assert server.offsets("/model.bin") == [0, HALF]


def test_without_claim_and_validator_nothing_is_put_together(server: faulty.Server, tmp_path: Path) -> None:
    server.fail("/model.bin", faulty.changing(body=lambda b: b[:HALF], ETag='W/"x"'))

    fetch(server.url, tmp_path, [listed("model.bin", DATA, claim="")])

    assert server.offsets("/model.bin") == [0, 0]


REFUSED = {
    "same size, other content": (faulty.replaced(bytes(len(DATA))), base.DownloadCorrupted, 2),
    "too many bytes": (
        faulty.changing(body=lambda b: b + b"x", Content_Length=None),
        base.DownloadCorrupted,
        2,
    ),
    "another length": (
        faulty.changing(body=lambda b: b[:9], Content_Length="9"),
        base.DownloadCorrupted,
        2,
    ),
    "gone": (faulty.says(404), base.SourceNotFound, 1),
    "packed": (faulty.changing(Content_Encoding="gzip"), BadAnswer, 1),
    "endless redirect": (faulty.redirect("/loop"), BadAnswer, 3),
    "broken off always": (faulty.truncated(10), base.SourceUnavailable, 6),
    "down": (faulty.says(503), TryAgain, 6),
    "told to wait for an hour": (faulty.says(429, Retry_After="3600"), TryAgain, 1),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_stays_wrong_is_refused_and_leaves_nothing(
    server: faulty.Server, tmp_path: Path, fault: str
) -> None:
    server.always["/model.bin"], error, requests = REFUSED[fault]
    server.always["/loop"] = faulty.redirect("/model.bin")

    with pytest.raises(error, match=r"model\.bin"):
        fetch(server.url, tmp_path, [FILE, listed("config.json", b"{}")])

    assert len(server.offsets("/model.bin")) == requests
    assert not (tmp_path / "file").exists()
    assert list(Store(tmp_path).blobs()) == [] or [b.name for b in Store(tmp_path).blobs()] == [
        fetching.sha256(b"{}")
    ]
    server.always.clear()
    fetch(server.url, tmp_path, [FILE])  # another run goes on as if nothing had been


def test_a_corrupted_file_is_named(server: faulty.Server, tmp_path: Path) -> None:
    server.always["/model.bin"] = faulty.replaced(bytes(len(DATA)))

    with pytest.raises(base.DownloadCorrupted) as raised:
        fetch(server.url, tmp_path, [FILE])

    assert raised.value.extra == {"path": "model.bin"}
    assert "fetched twice" in raised.value.detail


def test_a_source_that_begins_anew_each_time_is_given_up(server: faulty.Server, tmp_path: Path) -> None:
    """It sends megabytes each time, but never a new one."""

    def fault(own: faulty.Server, request: faulty.Request) -> Iterator[bytes]:
        return faulty.truncated(2 * MIB)(own, faulty.Request("GET", request.path, {}))  # type: ignore[return-value]

    server.always["/model.bin"] = fault

    with pytest.raises(TryAgain):
        fetch(server.url, tmp_path, [FILE])
    assert len(server.offsets("/model.bin")) == 6


def test_a_run_that_gave_up_is_continued(server: faulty.Server, tmp_path: Path) -> None:
    server.always["/model.bin"] = faulty.says(503)
    server.fail("/model.bin", faulty.truncated(HALF))
    with pytest.raises(TryAgain):
        fetch(server.url, tmp_path, [FILE])

    server.always.clear()
    meter = fetching.Meter()
    fetch(server.url, tmp_path, [FILE], progress=meter)

    assert server.offsets("/model.bin")[-1] == HALF
    assert meter.total == len(DATA)
    assert (tmp_path / "file" / "version" / "model.bin").read_bytes() == DATA


def stopped_at(server: faulty.Server, root: Path, count: int, file: base.RemoteFile = FILE) -> Path:
    """A fetch that is ended after some bytes; the folder of its partial file."""
    with pytest.raises(InterruptedError):
        fetch(server.url, root, [file], progress=ending_at(count))
    (folder,) = (root / "partial").iterdir()
    return folder


def ending_at(count: int) -> base.Progress:
    meter = fetching.Meter()

    def progress(more: int) -> None:
        meter(more)
        if meter.total >= count:
            raise InterruptedError("the lease is lost")

    return progress


def added(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


HARM: dict[str, tuple[Callable[[Path], object], bool]] = {
    "none": (lambda _: None, True),
    "no journal": (lambda folder: (folder / "journal").write_bytes(b""), False),
    "other journal": (lambda folder: (folder / "journal").write_bytes(os.urandom(200)), False),
    "fewer bytes": (lambda folder: os.truncate(folder / "data", 10), False),
    "no bytes": (lambda folder: (folder / "data").unlink(), False),
    "torn line": (lambda folder: added(folder / "journal", b"torn"), True),
    "more bytes": (lambda folder: added(folder / "data", b"not certain"), True),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_partial_file_is_continued_as_far_as_it_is_certain(
    server: faulty.Server, tmp_path: Path, harm: str
) -> None:
    folder = stopped_at(server, tmp_path, 2 * MIB)
    do, resumed = HARM[harm]
    do(folder)

    fetch(server.url, tmp_path, [FILE])

    last = server.offsets("/model.bin")[-1]
    assert (last >= 2 * MIB - 256 * 1024) if resumed else (last == 0)
    assert (tmp_path / "file" / "version" / "model.bin").read_bytes() == DATA


def test_bytes_that_rotted_in_a_partial_file_are_found(server: faulty.Server, tmp_path: Path) -> None:
    folder = stopped_at(server, tmp_path, 2 * MIB)
    with (folder / "data").open("r+b") as stream:
        stream.write(b"rot")

    fetch(server.url, tmp_path, [FILE])

    assert server.offsets("/model.bin")[-1] == 0
    assert (tmp_path / "file" / "version" / "model.bin").read_bytes() == DATA


def test_another_source_continues_what_one_began(server: faulty.Server, tmp_path: Path) -> None:
    """The claim is the same; the validator was the other source's own word and is not given back."""
    stopped_at(server, tmp_path, 2 * MIB)
    with faulty.serving({"/model.bin": DATA}) as mirror:
        fetch(mirror.url, tmp_path, [FILE])

        assert mirror.offsets("/model.bin")[0] > MIB
        assert "if-range" not in mirror.requests[0].headers


def test_without_a_claim_another_source_begins_anew(server: faulty.Server, tmp_path: Path) -> None:
    file = listed("model.bin", DATA, claim="")
    stopped_at(server, tmp_path, 2 * MIB, file)
    with faulty.serving({"/model.bin": DATA}) as mirror:
        fetch(mirror.url, tmp_path, [file])

        assert mirror.offsets("/model.bin") == [0]
    fetch(server.url, tmp_path, [file], place=None)
    assert server.requests[-1].headers["if-range"] == server.tag("/model.bin")


def test_what_progress_raises_ends_every_thread(server: faulty.Server, tmp_path: Path) -> None:
    files = {f"/{number}": os.urandom(MIB) for number in range(8)}
    server.files |= files
    meter = fetching.Meter()

    def progress(count: int) -> None:
        meter(count)
        if meter.total > MIB:
            raise InterruptedError("the lease is lost")

    with pytest.raises(InterruptedError, match="lease"):
        fetch(server.url, tmp_path, [listed(p[1:], d) for p, d in files.items()], progress=progress)

    assert meter.total < 3 * MIB
    assert list((tmp_path / "held").iterdir()) == []


def test_a_lost_lease_ends_a_wait(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "POLL_SECONDS", 0.01)
    server.always["/model.bin"] = faulty.says(503, Retry_After="600")
    calls = itertools.count()

    def progress(_: int) -> None:
        if next(calls) == 2:
            raise InterruptedError("the lease is lost")

    with pytest.raises(InterruptedError):
        fetch(server.url, tmp_path, [FILE], progress=progress)


def test_the_same_content_twice_is_fetched_once(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "POLL_SECONDS", 0.01)
    server.files["/copy.bin"] = DATA

    got = fetch(server.url, tmp_path, [FILE, listed("copy.bin", DATA)])

    assert got["model.bin"].blob == got["copy.bin"].blob
    assert len(server.offsets("/model.bin") + server.offsets("/copy.bin")) == 1


def test_another_worker_that_does_not_get_on_is_not_waited_for(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "POLL_SECONDS", 0.01)
    folder = stopped_at(server, tmp_path, MIB)
    lock = transfer.locks.take(folder / "lock")
    ticks = itertools.count(step=100.0)
    try:
        with pytest.raises(base.SourceUnavailable, match="does not get on"):
            fetch(server.url, tmp_path, [FILE], patience=Patience(clock=lambda: next(ticks)))
    finally:
        assert lock is not None
        os.close(lock)


@pytest.mark.parametrize(
    "file",
    [
        base.RemoteFile("a", size=1, claimed_digest="x", claim_kind="md5"),
        base.RemoteFile("a", size=None, claimed_digest="0" * 40, claim_kind="git-oid"),
    ],
)
def test_a_claim_that_cannot_be_checked_is_refused(tmp_path: Path, file: base.RemoteFile) -> None:
    with pytest.raises(base.UnsafeListing):
        fetch("http://127.0.0.1:9", tmp_path, [file])


@pytest.mark.parametrize("length", ["has it", None])
def test_a_size_that_is_not_listed_is_found_out(
    server: faulty.Server, tmp_path: Path, length: str | None
) -> None:
    if length is None:
        server.always["/model.bin"] = faulty.changing(Content_Length=None)
    file = base.RemoteFile("model.bin", None, claimed_digest=fetching.sha256(DATA), claim_kind="sha256")

    assert fetch(server.url, tmp_path, [file])["model.bin"].size == len(DATA)


def test_a_folder_that_is_there_already_is_used_or_replaced(server: faulty.Server, tmp_path: Path) -> None:
    place = tmp_path / "hub" / "acme" / "model" / ("1" * 40)
    place.mkdir(parents=True)
    (place / "model.bin").write_bytes(b"from an older layout")

    fetch(server.url, tmp_path, [FILE], place=place)
    inode = place.stat().st_ino
    fetch(server.url, tmp_path, [FILE], place=place)

    assert (place / "model.bin").read_bytes() == DATA
    assert place.stat().st_ino == inode
    (place / "more").write_bytes(b"")
    fetch(server.url, tmp_path, [FILE], place=place)
    assert [path.name for path in place.iterdir()] == ["model.bin"]


def test_where_the_disk_cannot_link_files_are_copied(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)

    got = fetch(server.url, tmp_path, [FILE])["model.bin"]

    placed = tmp_path / "file" / "version" / "model.bin"
    assert placed.read_bytes() == DATA
    assert not placed.samefile(got.blob)
    assert placed.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("path", ["../outside", "/etc/x", "a/../../b"])
def test_a_name_that_leaves_the_folder_is_never_placed(tmp_path: Path, path: str) -> None:
    with room.held(Store(tmp_path, keep_free_bytes=0)) as hold, pytest.raises(manifest.BadManifest):
        placing.place(hold, tmp_path / "file" / "v", {path: Fetched(path, 0, "", "", tmp_path / "x")})


def test_the_wait_doubles_is_spread_and_is_bounded() -> None:
    chances = itertools.cycle([0.0, 1.0])
    patience = Patience(attempts=9, stalled_seconds=1e9, chance=lambda: next(chances), clock=lambda: 0.0)
    tries = Tries(patience, offset=0)

    waits = [tries.failed(TryAgain("x"), offset=0) for _ in range(8)]

    assert waits == [0.5, 2.0, 2.0, 8.0, 8.0, 32.0, 30.0, 60.0]
    with pytest.raises(TryAgain):
        tries.failed(TryAgain("x"), offset=0)


def test_a_delay_that_the_source_asks_for_is_kept_unless_it_is_too_long() -> None:
    now = [0.0]
    tries = Tries(Patience(clock=lambda: now[0], chance=lambda: 1.0), offset=0)

    assert tries.failed(TryAgain("x", delay=7.0), offset=0) == 7.0
    now[0] = 800.0
    with pytest.raises(TryAgain):
        tries.failed(TryAgain("x", delay=200.0), offset=0)


def test_new_bytes_give_new_patience() -> None:
    now = [0.0]
    tries = Tries(Patience(attempts=2, clock=lambda: now[0]), offset=0)

    for step in range(1, 50):
        now[0] += 800.0
        tries.failed(TryAgain("x"), offset=step * MIB)
    with pytest.raises(TryAgain):
        tries.failed(TryAgain("x"), offset=49 * MIB + 5)


class Elsewhere(fetching.Served):
    """A source that begins each rest somewhere else than asked."""

    @contextmanager
    def open(self, file: base.RemoteFile, *, offset: int = 0, validator: str = "") -> Iterator[base.Stream]:
        chunks = iter([DATA[:MIB]]) if not offset else iter([DATA[:5]])
        yield base.Stream(offset=offset and offset + 1, size=len(DATA), validator='"v"', chunks=chunks)


def test_bytes_from_elsewhere_are_never_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "Served", Elsewhere)

    with pytest.raises(base.SourceUnavailable, match=r"model\.bin"):
        fetch("http://127.0.0.1:9", tmp_path, [FILE])
    assert list(Store(tmp_path).blobs()) == []


def test_a_fault_of_the_disk_is_not_taken_for_one_of_the_source(
    server: faulty.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(partial.Partial, "write", write)

    with pytest.raises(OSError, match="Input/output"):
        fetch(server.url, tmp_path, [FILE])
    assert len(server.requests) == 1
