"""C6 and C12 over a corpus of archives and containers, and folders whose files are not what they seem."""

import contextlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats import containers, tars, view, zips
from registry.formats.archives import BadArchive
from registry.lifecycle import Outcome
from registry.verification import checks, examination, reading, structure
from registry.verification.subject import Expected
from tests import folders
from tests.corpus import torch_writer as torch
from tests.corpus.archives import Sample, named
from tests.corpus.containers import GOOD, every
from tests.unit.registry.test_formats_pickles import found

SAMPLES = every()


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_a_hostile_container_is_named_and_refused(sample: Sample) -> None:
    (result,) = found(sample.check, {sample.path: sample.data})

    assert (result.finding.outcome, result.finding.path) == (Outcome.FAIL, sample.path), (
        result.finding.message
    )
    reasons = [reason["reason"] for reason in result.finding.evidence.get("reasons", [])]
    assert any(sample.says in words for words in [*reasons, result.finding.message]), (
        reasons,
        result.finding.message,
    )
    assert result.finding.message.endswith(".")


@pytest.mark.parametrize("path", GOOD)
def test_a_good_container_raises_no_alarm(path: str) -> None:
    for check_id in ("C6-format", "C12-containers"):
        (result,) = found(check_id, {path: GOOD[path]})
        assert result.finding.outcome is Outcome.PASS, (
            check_id,
            result.finding.message,
            result.finding.evidence,
        )


def test_without_a_container_nothing_is_claimed() -> None:
    (result,) = found("C12-containers", {"config.json": b"{}", "model.msgpack": b"\x80"})

    assert result.finding.outcome is Outcome.SKIP


def test_a_long_list_of_members_is_read_in_few_steps() -> None:
    """Members that all lie at one place are refused, without reading that place over and over."""
    reads = []
    names = [f"{place}.json" for place in range(2000)]
    data = named(*names)
    recorder = view.Recorder(
        len(data), lambda offset, length: (reads.append(length), data[offset : offset + length])[1]
    )

    assert len(zips.read(recorder).members) == 2000
    assert sum(reads) < 3 * len(data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(GOOD)), st.data())
def test_a_changed_container_never_breaks_a_check(path: str, data: st.DataObject) -> None:
    raw = bytearray(GOOD[path])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, max(len(raw) - 1, 0)))
        raw[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=4))
    for check_id in ("C6-format", "C12-containers"):
        for result in found(check_id, {path: bytes(raw)}):
            assert "broke down" not in result.finding.message


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_are_an_archive_or_refused(data: bytes) -> None:
    for read in (zips.read, tars.read):
        with contextlib.suppress(BadArchive):
            read(view.whole(data))
    for path in ("a.onnx", "a.h5", "a.pb", "a.zip", "a"):
        containers.examine(path, view.whole(b"\x89HDF\r\n\x1a\n" + data if path == "a.h5" else data))


def examine(root: Path, *, sizes: dict[str, int] | None = None) -> list[checks.CheckOutcome]:
    """What all checks say of a folder whose manifest lists what is there, or something else."""
    listed = sizes or {
        path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()
    }
    expected = {path: Expected(path, size, "0" * 64, "weight") for path, size in listed.items()}
    found = examination.examine(root, examination.Question("folder", None, expected), progress=lambda _: None)
    return list(found.outcomes)


@pytest.mark.parametrize(
    "kind", ["link", "link-outside", "pipe", "folder-link", "backslash", "case", "unicode"]
)
def test_a_folder_with_tricks_is_refused_before_it_is_read(tmp_path: Path, kind: str) -> None:
    root = folders.write(tmp_path / "model", {"config.json": b"{}"})
    match kind:
        case "link":
            (root / "a.bin").symlink_to("/etc/hostname")
        case "link-outside":
            (tmp_path / "secret").write_bytes(b"x")
            (root / "a.bin").symlink_to(tmp_path / "secret")
        case "pipe":
            os.mkfifo(root / "a.bin")
        case "folder-link":
            (root / "a").symlink_to("/etc")
        case "backslash":
            (root / "a\\b").write_bytes(b"")
        case "case":
            (root / "Config.json").write_bytes(b"{}")
        case "unicode":
            folders.write(root, {"\u00e9": b"", "e\u0301": b""})

    read = reading.read_folder(root, {}, progress=lambda _: None)

    assert read.seen == {}
    assert list(read.unreadable) == [""]
    outcomes = examine(root, sizes={"config.json": 2})
    assert {item.check_id for item in outcomes if item.finding.outcome is Outcome.FAIL} >= {"C2-file-set"}


@pytest.mark.parametrize("listed", [True, False])
def test_a_sparse_giant_is_refused_unread(tmp_path: Path, listed: bool) -> None:
    root = folders.write(tmp_path, {"config.json": b"{}"})
    with (root / "model.bin").open("wb") as stream:
        stream.truncate(10 * 2**40)
    read: list[int] = []
    expected = {"config.json": Expected("config.json", 2, "0" * 64, "config")}
    expected |= {"model.bin": Expected("model.bin", 1000, "0" * 64, "weight")} if listed else {}

    result = reading.read_folder(root, expected, progress=read.append)

    assert sum(read) == 2
    assert "10,995,116,277,760 bytes" in result.unreadable["model.bin"]


def test_a_large_checkpoint_is_understood_from_the_pieces_that_were_kept(tmp_path: Path) -> None:
    """The pickle, the directory and the local headers are kept of a file that is too large to be kept whole."""
    count = 1_000_000
    pickle = torch.state_dict({f"layer.{key}": torch.tensor(key, count, (count,)) for key in ("0", "1")})
    members = torch.torch_members(pickle) | {f"archive/data/{key}": bytes(4 * count) for key in ("0", "1")}
    root = folders.write(tmp_path, {"pytorch_model.bin": torch.padded_zip(members)})
    expected = {"pytorch_model.bin": Expected("pytorch_model.bin", 0, "", "weight")}

    result = reading.read_folder(root, expected, progress=lambda _: None, keep_bytes=1024)

    seen = result.seen["pytorch_model.bin"]
    kept = sum(map(len, seen.samples.values()))
    assert not seen.is_whole
    assert kept < 100_000
    outcomes = {
        item.check_id: item for item in checks.run_checks(checks.Subject("folder", None, {}, result.seen))
    }
    assert "nothing in this one would" in outcomes["C11-pickle"].finding.message
    assert outcomes["C12-containers"].finding.outcome is Outcome.PASS
    assert outcomes["C6-format"].finding.outcome is Outcome.PASS


def test_the_pieces_of_a_file_are_in_order_and_apart() -> None:
    data = torch.torch_zip()
    pieces = structure.pieces(
        "a.bin", size=len(data), read_at=lambda offset, length: data[offset : offset + length]
    )

    ends = [offset + length for offset, length in pieces]
    assert all(end < begin for end, (begin, _) in zip(ends, pieces[1:], strict=False))
    assert sum(length for _, length in pieces) <= len(data)
