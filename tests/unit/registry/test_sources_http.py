import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.sources import base
from registry.sources.addresses import HostNotConfigured
from registry.sources.http import HttpSource, parse_list
from tests import faulty

FILES = {"config.json": b"{}", "a b/w\u00e4ight.bin": bytes(5000), "empty": b""}
A, B = "a" * 64, "B" * 64


def sums(files: dict[str, bytes]) -> bytes:
    return "".join(f"{hashlib.sha256(data).hexdigest()} *{path}\n" for path, data in files.items()).encode()


@pytest.fixture
def server() -> Iterator[faulty.Server]:
    with faulty.serving(
        {"/m/SHA256SUMS": sums(FILES)}
        | {f"/m/{path}".replace(" ", "%20").replace("\u00e4", "%C3%A4"): data for path, data in FILES.items()}
    ) as server:
        yield server


def source(server: faulty.Server) -> HttpSource:
    return HttpSource(f"{server.url}/m/SHA256SUMS", hosts=[server.url.removeprefix("http://")])


def test_what_the_checksum_file_lists_is_the_version(server: faulty.Server) -> None:
    http = source(server)

    assert (http.folder, http.pin("").commit) == (None, None)
    listed = http.list_files()

    assert {file.path: (file.size, file.claim_kind, file.claimed_digest) for file in listed} == {
        path: (len(data), "sha256", hashlib.sha256(data).hexdigest()) for path, data in FILES.items()
    }
    for file in listed:
        with http.open(file) as stream:
            assert b"".join(stream.chunks) == FILES[file.path]


def test_a_file_is_resumed(server: faulty.Server) -> None:
    http = source(server)
    file = base.RemoteFile("a b/w\u00e4ight.bin", size=5000)

    with http.open(file) as stream:
        validator = stream.validator
    with http.open(file, offset=4990, validator=validator) as stream:
        assert (stream.offset, b"".join(stream.chunks)) == (4990, bytes(10))


def test_what_is_observed_changes_with_the_list_only(server: faulty.Server) -> None:
    http = source(server)
    first = http.observe()

    assert first == http.observe()
    assert (first.commit, first.license, first.gated) == (None, None, None)
    server.files["/m/SHA256SUMS"] = sums(FILES | {"new": b"x"})
    assert http.observe().listing_digest != first.listing_digest


def test_a_list_that_changes_meanwhile_is_refused(server: faulty.Server) -> None:
    http = source(server)
    http.pin("")
    server.files["/m/SHA256SUMS"] = sums({"config.json": b"{}"})

    with pytest.raises(base.RevisionMoved):
        http.list_files()


def test_sizes_are_not_needed(server: faulty.Server) -> None:
    server.always["/m/config.json"] = faulty.says(405)

    assert {file.path: file.size for file in source(server).list_files()}["config.json"] is None


def test_a_listed_file_that_is_not_there_is_refused(server: faulty.Server) -> None:
    del server.files["/m/config.json"]

    with pytest.raises(base.SourceNotFound, match=r"config\.json"):
        source(server).list_files()


def test_there_are_no_revisions(server: faulty.Server) -> None:
    with pytest.raises(base.InvalidSource, match="revision"):
        source(server).pin("main")


def test_an_operator_names_the_hosts() -> None:
    with pytest.raises(HostNotConfigured):
        HttpSource("https://models.example/SHA256SUMS", hosts=["other.example"])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        f"{A}  a\n\n",
        f"{A}  a\r\n",
        f"\\{A}  a\\nb\n",
        f"SHA256 (a) = {A}\n",
        f"{A[:40]}  a\n",
        f"{A} a\n",
        f"{A}  \n",
        f"{A}  /etc/passwd\n",
        f"{A}  ../a\n",
        f"{A}  a/../../b\n",
        f"{A}  a\\b\n",
        f"{A}  a\x00b\n",
        f"{A}  a\n{B}  a\n",
        f"{A}  a\n{B}  ./a\n",
        f"{A}  a\n{B}  A\n",
        "# a comment\n",
        "\udcff",
    ],
)
def test_a_list_that_is_not_plain_is_refused(line: str) -> None:
    with pytest.raises(base.UnsafeListing, match="SUMS"):
        parse_list(line.encode("utf-8", "surrogateescape"), place="SUMS")


def test_text_and_binary_marks_are_the_same() -> None:
    assert parse_list(f"{B}  ./b/c d\n{A} *a".encode(), place="SUMS") == {"a": A, "b/c d": B.lower()}


@given(st.binary() | st.text().map(lambda text: f"{A}  {text}\n".encode("utf-8", "replace")))
def test_any_bytes_are_a_list_or_refused(data: bytes) -> None:
    try:
        listed = parse_list(data, place="SUMS")
    except base.UnsafeListing:
        return
    assert listed
