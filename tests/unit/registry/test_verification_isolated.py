import hashlib
import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from registry.formats.roles import role_of
from registry.verification import child, examination, isolated, wire
from registry.verification.examination import Question
from registry.verification.subject import Expected, LicenseClaim
from tests import folders

POISONED = Path(__file__).parents[2] / "poisoned_child.py"
WORKER = """
import functools, os, sys
from pathlib import Path
from registry.verification import isolated, wire

@functools.cache
def name_child():
    print(Path(f"/proc/self/task/{os.getpid()}/children").read_text(), flush=True)

isolated.SCRIPT = Path(sys.argv[1])
task = wire.decode_task(Path(sys.argv[2]).read_bytes())
limits = isolated.Limits(seconds=600, memory_bytes=2**30)
isolated.examine(Path(task.root), task.question, limits=limits, progress=lambda _: name_child())
"""
LIMITS = isolated.Limits(seconds=60, memory_bytes=512 * 1024**2)


def asked(folder: Path, **changes: bytes | None) -> Question:
    files = folders.model_files(**changes)
    folders.write(folder, files)
    return Question(
        source_kind="folder",
        revision=None,
        expected={
            path: Expected(path, len(data), hashlib.sha256(data).hexdigest(), role_of(path))
            for path, data in files.items()
        },
        licenses=(LicenseClaim("declared", "mit"), LicenseClaim("discovered", "mit", "LICENSE")),
    )


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "SCRIPT", POISONED)


def children() -> set[str]:
    return {
        one
        for thread in Path("/proc/self/task").iterdir()
        for one in (thread / "children").read_text().split()
    }


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


def ended(folder: Path, deed: str, *, limits: isolated.Limits = LIMITS) -> isolated.NoAnswer:
    question = asked(folder, **{"poison.txt": deed.encode()})
    with pytest.raises(isolated.NoAnswer) as caught:
        isolated.examine(folder, question, limits=limits, progress=lambda _: None)
    return caught.value


def test_it_finds_what_the_same_checks_find_here(tmp_path: Path) -> None:
    question = asked(
        tmp_path, **{"run.sh": b"#!/bin/sh\n", "config_json": b'{"auto_map": {"x": "\\ud800\\u0000"}}'}
    )
    counted: list[int] = []

    answer = isolated.examine(tmp_path, question, limits=LIMITS, progress=counted.append)

    here = examination.examine(tmp_path, question, progress=lambda _: None)
    found = [(one.check_id, one.finding.outcome, one.finding.path) for one in answer.examination.outcomes]
    assert found == [(one.check_id, one.finding.outcome, one.finding.path) for one in here.outcomes]
    assert answer.examination.file_states == here.file_states
    assert sum(counted) <= answer.examination.bytes_read == here.bytes_read
    told = answer.surroundings
    assert told.python == ".".join(map(str, sys.version_info[:3]))
    assert set(told.tools) == {"modelcustody", "jinja2", "msgspec", "cryptography"}
    assert 10 * 1024**2 < told.peak_memory_bytes < 250 * 1024**2


@pytest.mark.usefixtures("poisoned")
def test_it_can_do_nothing_but_read_and_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "x")
    question = asked(tmp_path, **{"poison.txt": b"probe"})

    answer = isolated.examine(tmp_path, question, limits=LIMITS, progress=lambda _: None)

    tried = dict(answer.examination.outcomes[-1].finding.evidence["found"])
    assert answer.surroundings.system_calls == "filtered"
    assert (tried.pop("environment"), tried.pop("working_folder")) == ("LANG,PATH", "/")
    assert int(tried.pop("nice")) >= 10
    assert tried.pop("many_files") == "OSError"
    assert tried == dict.fromkeys(tried, "PermissionError")
    assert len(tried) == 9


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("deed", ["hang", "spin", "chatter"])
def test_what_takes_too_long_is_ended_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    # Its time is over once it says that the deed has begun, however long this machine took to come there.
    late = threading.Event()
    decode = wire.decode_line

    def listened(data: bytes) -> wire.Line:
        line = decode(data)
        if line.now == ("check T1-poison",):
            late.set()
        return line

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + 2 * LIMITS.seconds * late.is_set())
    monkeypatch.setattr(wire, "decode_line", listened)
    monkeypatch.setattr(isolated, "time", clock)

    error = ended(tmp_path, deed)

    assert error.code == "check_limit"
    assert "60 seconds" in str(error)
    assert str(error).endswith("while running T1-poison.")


@pytest.mark.usefixtures("poisoned")
def test_a_check_that_eats_memory_is_undecided_and_the_others_count(tmp_path: Path) -> None:
    question = asked(tmp_path, **{"poison.txt": b"eat"})
    limits = isolated.Limits(seconds=60, memory_bytes=200 * 1024**2)

    answer = isolated.examine(tmp_path, question, limits=limits, progress=lambda _: None)

    *others, last = answer.examination.outcomes
    assert (last.check_id, last.finding.outcome) == ("T1-poison", "error")
    assert "MemoryError" in last.finding.message
    found = {one.check_id: one.finding.outcome for one in others}
    assert (found["C3-digests"], found["C7-safetensors"]) == ("pass", "pass")
    assert answer.surroundings.peak_memory_bytes < limits.memory_bytes + isolated.MAPPED_BYTES


def test_memory_that_its_limits_do_not_count_is_watched_from_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "SCRIPT", POISONED)
    monkeypatch.setattr(isolated, "_resident_bytes", lambda _: 2 * LIMITS.memory_bytes)

    error = ended(tmp_path, "hang")

    assert (error.code, "512 MiB of memory" in str(error)) == ("check_limit", True)


def test_what_needs_too_much_memory_to_be_read_is_ended(tmp_path: Path) -> None:
    question = asked(tmp_path, **{f"{number}.json": b"[" + b" " * 8 * 1024**2 for number in range(6)})
    limits = isolated.Limits(seconds=60, memory_bytes=72 * 1024**2)

    with pytest.raises(isolated.LimitReached, match=r"72 MiB of memory.*while reading"):
        isolated.examine(tmp_path, question, limits=limits, progress=lambda _: None)


def test_a_thread_that_there_is_no_memory_for_is_the_end_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(*args: object, **more: object) -> None:
        raise RuntimeError("can't start new thread")

    task = wire.encode_task(wire.Task(str(tmp_path), asked(tmp_path)))
    monkeypatch.setattr(child, "confine", lambda *_, **__: ("", ""))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(task)))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=(said := io.BytesIO())))
    monkeypatch.setattr(examination, "examine", no_thread)

    assert child.main(["0", "0", "0"]) == 0
    assert wire.decode_line(said.getvalue()).stopped == "memory"


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("die", "was ended by SIGSEGV before it had answered"),
        ("leave", "ended with code 3 before it had answered"),
        ("babble", "it answered what is no answer"),
        ("flood", "it answered with more than an answer can be"),
    ],
)
def test_what_breaks_down_is_named(tmp_path: Path, deed: str, words: str) -> None:
    error = ended(tmp_path, deed)

    assert error.code == "check_crashed"
    assert words in str(error)
    assert str(error).endswith("while running T1-poison.")


@pytest.mark.usefixtures("poisoned")
def test_what_falls_silent_and_goes_on_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "LAST_SECONDS", 0.05)

    error = ended(tmp_path, "fall silent")

    assert (error.code, "it closed its output and went on" in str(error)) == ("check_crashed", True)


def test_a_script_that_is_not_there_is_a_crash_with_what_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "SCRIPT", tmp_path / "nothing.py")

    error = ended(tmp_path / "m", "hang")

    assert "before they had begun" in str(error)
    assert "nothing.py" in error.details


@pytest.mark.usefixtures("poisoned")
def test_what_progress_raises_ends_it(tmp_path: Path) -> None:
    question = asked(tmp_path, **{"poison.txt": b"hang"})

    def lost(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        isolated.examine(tmp_path, question, limits=LIMITS, progress=lost)


def test_it_dies_with_its_worker(tmp_path: Path) -> None:
    task = wire.Task(str(tmp_path), asked(tmp_path, **{"poison.txt": b"hang"}))
    (tmp_path / "task.json").write_bytes(wire.encode_task(task))
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(POISONED), str(tmp_path / "task.json")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
    )
    assert worker.stdout is not None
    handle = os.pidfd_open(int(worker.stdout.readline()))
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()

    ended, _, _ = select.select([handle], [], [], 30)
    os.close(handle)
    assert ended
