import dataclasses
import hashlib
import json
import re
import struct
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats.safetensors import Header
from registry.lifecycle import Outcome, Severity
from registry.verification import checks, outcomes, reading
from registry.verification.subject import Expected, LicenseClaim, Seen, Subject
from tests import folders, subjects


def subject_of(
    files: dict[str, bytes],
    *,
    listed: dict[str, bytes] | None = None,
    licenses: tuple[LicenseClaim, ...] = subjects.MIT,
) -> Subject:
    """What was read, and a manifest that lists the same or something else."""
    return subjects.subject(files, expected=subjects.expected(listed or files), licenses=licenses)


def outcome_of(check_id: str, subject: Subject) -> outcomes.CheckOutcome:
    """The worst outcome of one check."""
    found = [item for item in checks.run_checks(subject) if item.check_id == check_id]
    order = [Outcome.FAIL, Outcome.ERROR, Outcome.SKIP, Outcome.PASS]
    return min(found, key=lambda item: order.index(item.finding.outcome))


def test_a_sound_model_passes_every_check() -> None:
    found = checks.run_checks(subject_of(folders.model_files()))

    assert {item.check_id: item.finding.outcome for item in found} == {
        check.check_id: Outcome.SKIP if check.check_id in folders.SKIPPED else Outcome.PASS
        for check in checks.CHECKS
    }
    assert outcomes.run_outcome(found) is Outcome.PASS
    assert outcomes.summary(found) == ""


def index(weight_map: object, **extra: object) -> bytes:
    return json.dumps({"weight_map": weight_map} | extra).encode()


A, B = folders.weights("a"), folders.weights("b")
SHARDS: dict[str, bytes | None] = {"model_safetensors": None, "m-1.safetensors": A, "m-2.safetensors": B}
INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("check", "changes", "expected"),
    [
        ("C6-format", {"model_safetensors": b"PK\x03\x04" + bytes(60)}, Outcome.FAIL),
        ("C6-format", {"config_json": b"\x80\x04\x95"}, Outcome.FAIL),
        ("C7-safetensors", {"model_safetensors": folders.weights()[:-1]}, Outcome.FAIL),
        ("C7-safetensors", {"model_safetensors": None}, Outcome.ERROR),
        ("C10-gguf", {"model.gguf": b"GGUF"}, Outcome.FAIL),
        ("C8-shard-index", SHARDS | {INDEX: index({"a": "m-1.safetensors", "b": "m-2.safetensors"})}, Outcome.PASS),
        ("C8-shard-index", SHARDS | {INDEX: index({"a": "m-1.safetensors"})}, Outcome.FAIL),
        ("C8-shard-index", SHARDS | {INDEX: index({"a": "m-2.safetensors", "b": "m-1.safetensors"})}, Outcome.FAIL),
        ("C8-shard-index", SHARDS | {INDEX: index({"a": "../x.safetensors", "b": "m-2.safetensors"})}, Outcome.FAIL),
        ("C8-shard-index", SHARDS | {INDEX: index({"a": "m-1.safetensors", "b": "m-3.safetensors"})}, Outcome.FAIL),
        ("C8-shard-index", SHARDS | {INDEX: index([])}, Outcome.FAIL),
        ("C8-shard-index", SHARDS | {INDEX: b"{"}, Outcome.FAIL),
        ("C8-shard-index", {"other.safetensors": folders.weights()}, Outcome.FAIL),
        ("C11-pickle", {"x.bin": b"anything"}, Outcome.FAIL),
        ("C11-pickle", {"x.dat": b"\x80\x04\x95"}, Outcome.FAIL),
        ("C11-pickle", {"x": b"PK\x03\x04....archive/data.pkl"}, Outcome.FAIL),
    ],
)  # fmt: skip
def test_a_check_says_what_it_found(check: str, changes: dict[str, bytes | None], expected: Outcome) -> None:
    found = outcome_of(check, subject_of(folders.model_files(**changes)))

    assert found.finding.outcome is expected, found.finding.message
    assert found.finding.message.endswith(".")


def test_a_wrong_total_in_the_index_is_a_minor_matter() -> None:
    right = {"a": "m-1.safetensors", "b": "m-2.safetensors"}
    files = folders.model_files(**SHARDS | {INDEX: index(right, metadata={"total_size": 99})})

    found = checks.run_checks(subject_of(files))

    minor = next(item for item in found if item.check_id == "C8-shard-index")
    assert (minor.finding.outcome, minor.severity) == (Outcome.FAIL, Severity.LOW)
    assert outcomes.run_outcome(found) is Outcome.PASS


def test_missing_and_extra_files_are_critical() -> None:
    files = folders.model_files()
    found = checks.run_checks(subject_of(files | {"extra": b"x"}, listed=files | {"gone": b"y"}))

    worst = {(item.check_id, item.finding.path) for item in outcomes.critical(found)}
    assert worst == {("C2-file-set", "extra"), ("C2-file-set", "gone"), ("C3-digests", "gone")}


@pytest.mark.parametrize("path", ["LICENSE_model.py", "README.safetensors", "license.bin"])
def test_code_and_weights_named_like_a_document_fail_the_run(path: str) -> None:
    found = checks.run_checks(subject_of(folders.model_files(**{path: folders.weights("hidden")})))

    result = next(item for item in found if (item.check_id, item.finding.path) == ("C2-file-set", path))
    assert (result.finding.outcome, result.severity) == (Outcome.FAIL, Severity.HIGH)
    assert outcomes.run_outcome(found) is Outcome.FAIL


def test_a_branch_is_not_a_pin() -> None:
    for revision, expected in (("main", Outcome.FAIL), (None, Outcome.FAIL), ("a" * 40, Outcome.PASS)):
        subject = Subject("hub", revision, {}, {})
        assert outcome_of("C1-pinned", subject).finding.outcome is expected


@pytest.mark.parametrize(
    "fault",
    [
        KeyError("oops"),
        struct.error(),
        zlib.error(),
        re.error("x"),
        msgspec.DecodeError(),
        EOFError(),
        MemoryError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
def test_a_check_that_breaks_down_is_an_error_and_the_others_run(fault: Exception) -> None:
    def broken(subject: Subject) -> list[outcomes.Finding]:
        raise fault

    extra = checks.Check("X", "Broken", Severity.HIGH, broken)
    found = checks.run_checks(subject_of(folders.model_files()), checks=[extra, *checks.CHECKS])

    assert (found[0].finding.outcome, len(found)) == (Outcome.ERROR, 1 + len(checks.CHECKS))
    assert outcomes.run_outcome(found) is Outcome.ERROR
    assert "X: The check broke down" in outcomes.summary(found)


def test_an_interruption_passes_through_a_check() -> None:
    class Stopped(BaseException): ...

    def stopped(subject: Subject) -> list[outcomes.Finding]:
        raise Stopped

    with pytest.raises(Stopped):
        checks.run_checks(subject_of({}), checks=[checks.Check("X", "x", Severity.LOW, stopped)])


def test_where_nothing_passed_there_is_no_pass() -> None:
    skipped = checks.Check("X", "x", Severity.LOW, lambda _: [outcomes.skipped("There was nothing.")])

    assert outcomes.run_outcome([]) is Outcome.ERROR
    assert outcomes.run_outcome(checks.run_checks(subject_of({}), checks=[skipped])) is Outcome.ERROR


def test_an_end_that_was_not_kept_is_not_taken_for_harmless() -> None:
    file = Seen("notes.dat", 10**9, "0" * 64, bytes(4096))

    found = outcome_of("C6-format", dataclasses.replace(subject_of({}), seen={file.path: file})).finding

    assert (found.outcome, found.path) == (Outcome.ERROR, "notes.dat")


paths = st.sampled_from(
    [
        "model.safetensors",
        "config.json",
        "tokenizer_config.json",
        "a.jinja",
        "README.md",
        "x.bin",
        INDEX,
        "LICENSE",
    ]
)


@settings(max_examples=150)
@given(st.dictionaries(paths, st.binary(max_size=120), max_size=5))
def test_no_content_breaks_a_check_down(files: dict[str, bytes]) -> None:
    found = checks.run_checks(subject_of(files))

    assert {item.check_id for item in found} == {check.check_id for check in checks.CHECKS}
    assert not [item.finding.message for item in found if "broke down" in item.finding.message]


def test_reading_hashes_every_byte_and_keeps_what_checks_need(tmp_path: Path) -> None:
    files = folders.model_files()
    folders.write(tmp_path, files)
    expected = {"config.json": Expected("config.json", 0, "", "config", claim_kind="git-oid")}
    steps: list[int] = []

    read = reading.read_folder(tmp_path, expected, progress=steps.append)

    assert sum(steps) == read.bytes_read == sum(map(len, files.values()))
    assert {path: seen.sha256 for path, seen in read.seen.items()} == {
        path: hashlib.sha256(data).hexdigest() for path, data in files.items()
    }
    config = read.seen["config.json"]
    data = files["config.json"]
    assert config.git_oid == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    assert (config.start, config.is_whole) == (data, True)
    assert isinstance(read.seen["model.safetensors"].header, Header)


def test_reading_stays_within_its_budget(tmp_path: Path) -> None:
    folders.write(tmp_path, {f"{number}.json": b"[" + b"1," * 5000 + b"1]" for number in range(10)})

    read = reading.read_folder(tmp_path, {}, progress=lambda _: None, keep_bytes=25_000)

    assert sum(seen.is_whole for seen in read.seen.values()) == 2


def test_reading_ends_when_it_is_told_to(tmp_path: Path) -> None:
    class Stopped(BaseException): ...

    def stop(count: int) -> None:
        raise Stopped

    folders.write(tmp_path, folders.model_files())

    with pytest.raises(Stopped):
        reading.read_folder(tmp_path, {}, progress=stop)


def test_a_folder_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    read = reading.read_folder(tmp_path / "none", {}, progress=lambda _: None)

    assert "" in read.unreadable
