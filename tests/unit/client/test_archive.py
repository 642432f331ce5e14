import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelcustody_client import archive

names = st.from_regex(r"\A[a-z][a-z0-9._-]{0,8}(/[a-z][a-z0-9._-]{0,8}){0,2}\Z")


def packed(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    archive.write_archive(sorted(files.items()), stream=stream)
    return stream.getvalue()


def opened(data: bytes) -> archive.Archive:
    return archive.Archive(io.BytesIO(data))


def tarred(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def member(name: str = "a", **changes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for field, value in changes.items():
        setattr(info, field, value)
    return info


@given(st.dictionaries(names, st.binary(max_size=1100), max_size=5))
def test_an_archive_is_what_tarfile_writes_and_is_read_back(files):
    data = packed(files)

    assert data == tarred(*((member(name), files[name]) for name in sorted(files)))
    found = opened(data)
    assert {name: found.read(name) for name in found.members} == files


def test_every_flipped_bit_of_an_archive_is_refused_or_seen_in_a_digest():
    files = {"a.json": b"{}", "b/c.leaf": b"x" * 600}
    data, digests = packed(files), [member.sha256 for member in opened(packed(files)).members.values()]

    for position in range(len(data) * 8):
        spoiled = bytearray(data)
        spoiled[position // 8] ^= 1 << position % 8
        try:
            found = opened(bytes(spoiled))
        except archive.ArchiveInvalid:
            continue
        assert [member.sha256 for member in found.members.values()] != digests


@pytest.mark.parametrize("cut", [1, 511, 512, 1024, 9000, 10239])
def test_a_cut_archive_is_refused(cut):
    with pytest.raises(archive.ArchiveInvalid):
        opened(packed({"a": b"x"})[:-cut])


@given(st.binary(max_size=2000))
def test_reading_raises_nothing_but_its_own_error(data):
    with pytest.raises(archive.ArchiveInvalid):
        opened(data)


@pytest.mark.parametrize(
    "info",
    [
        member(mtime=1),
        member(mode=0o600),
        member(uid=1),
        member(uname="root"),
        member("../a"),
        member("/a"),
        member("a//b"),
        member("a b"),
        member(".a"),
        member("a\u00fc"),
        member(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member(type=tarfile.LNKTYPE, linkname="b"),
        member(type=tarfile.DIRTYPE),
        member(type=tarfile.CHRTYPE),
        member(type=tarfile.AREGTYPE),
        member("d/" * 60 + "a"),
    ],
)
def test_members_that_are_not_plain_are_refused(info):
    with pytest.raises(archive.ArchiveInvalid):
        opened(tarred((info, b"")))


def test_duplicates_and_disorder_are_refused():
    for pair in (("a", "a"), ("b", "a")):
        with pytest.raises(archive.ArchiveInvalid, match="twice, or out of order"):
            opened(tarred(*((member(name), b"") for name in pair)))
        with pytest.raises(archive.ArchiveInvalid, match="does not come after"):
            archive.write_archive([(name, b"") for name in pair], stream=io.BytesIO())


def test_hidden_bytes_are_refused():
    data = bytearray(packed({"a": b"x"}))
    data[512 + 10] = 1
    with pytest.raises(archive.ArchiveInvalid, match="hidden after a"):
        opened(bytes(data))
    for more in (b"\0" * 512, b"x"):
        with pytest.raises(archive.ArchiveInvalid, match="after the end"):
            opened(packed({"a": b"x"}) + more)


def test_limits(monkeypatch):
    data = packed({"a": b"x" * 10, "b": b""})
    for name, value in (("MAX_ARCHIVE_BYTES", 10_000), ("MAX_MEMBER_BYTES", 9), ("MAX_MEMBERS", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, value)
            with pytest.raises(archive.ArchiveInvalid):
                opened(data)


def test_a_member_of_a_size_that_is_not_there_is_refused_without_reading_it():
    header = archive.header("a", size=archive.MAX_MEMBER_BYTES)
    with pytest.raises(archive.ArchiveInvalid, match="cut short"):
        opened(header + b"x" * 512)


def test_a_member_that_changes_after_the_scan_is_refused():
    stream = io.BytesIO(packed({"a": b"x"}))
    found = archive.Archive(stream)
    stream.seek(512)
    stream.write(b"y")

    with pytest.raises(archive.ArchiveInvalid, match="changed"):
        found.read("a")
    with pytest.raises(archive.ArchiveInvalid, match="not in the archive"):
        found.read("b")
