import hashlib
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.formats import numbers
from registry.formats.gguf_header import Array, BadGguf, Header, texts
from registry.formats.safetensors import BadHeader
from registry.lifecycle import Outcome
from registry.verification import one_file, plans, reading, weights
from registry.verification.pieces import Budget, Collector, Plan, Wanted
from registry.verification.subject import Expected, Subject
from tests import folders
from tests.corpus import gguf, safetensors

MEBIBYTE = 1024 * 1024


def fed(
    data: bytes, plan: Plan | None, start: bytearray, *, chunk: int, first: int = 4, budget: int = 10_000
) -> Collector:
    """A collector that has seen the data in chunks."""
    collector = Collector(start, plan, first=min(first, len(data)), budget=Budget(budget))
    for at in range(0, len(data), chunk):
        collector.feed(memoryview(data)[at : at + chunk])
    return collector


def steps(ends: list[int], wanted: Wanted) -> Plan:
    yield from ends
    return wanted


@given(
    st.binary(min_size=1, max_size=120),
    st.integers(1, 50),
    st.lists(st.integers(0, 120), max_size=4),
    st.lists(st.tuples(st.integers(0, 20), st.integers(1, 30)), max_size=6),
)
def test_pieces_and_the_start_are_those_of_the_file(
    data: bytes, chunk: int, ends: list[int], gaps: list[tuple[int, int]]
) -> None:
    asked = [min(end, len(data)) for end in sorted(ends)]
    place = max([4, *asked])  # a plan asks for the start as far as it looks at it
    wanted = []
    for gap, length in gaps:
        if place + gap + length <= len(data):
            wanted.append((place + gap, length))
            place += gap + length
    start = bytearray()

    collector = fed(
        data, steps(asked, Wanted(keep=max([0, *asked]), pieces=tuple(wanted))), start, chunk=chunk
    )

    assert collector.samples == {offset: data[offset : offset + length] for offset, length in wanted}
    assert collector.finish() == data[: max([4, *asked])]
    assert not start


@given(
    st.integers(1, 30), st.integers(1, 30), st.lists(st.integers(0, 99), min_size=2, max_size=8, unique=True)
)
def test_pieces_that_passed_by_are_taken_from_the_start_that_is_held(
    chunk: int, asked: int, cuts: list[int]
) -> None:
    data = bytes(range(100))
    places = sorted(cuts)
    wanted = tuple((begin, end - begin) for begin, end in itertools.pairwise(places))

    collector = fed(data, steps([asked], Wanted(pieces=wanted)), bytearray(), chunk=chunk)

    assert collector.samples == {offset: data[offset : offset + length] for offset, length in wanted}


def test_what_does_not_fit_is_let_go_and_the_plan_is_closed() -> None:
    closed: list[bool] = []

    def plan() -> Generator[int, None, Wanted]:
        try:
            yield 50
        except GeneratorExit:
            closed.append(True)
            raise
        return Wanted(keep=50)

    budget = Budget(20)
    collector = Collector(bytearray(), plan(), first=4, budget=budget)
    collector.feed(memoryview(bytes(100)))

    assert (collector.finish(), collector.is_asking, closed) == (bytes(4), False, [True])
    assert budget.take(20)


def test_the_budget_is_given_back_as_far_as_nothing_is_kept() -> None:
    budget = Budget(100)
    collector = Collector(bytearray(), steps([60], Wanted(keep=10)), first=4, budget=budget)
    collector.feed(memoryview(bytes(100)))

    assert len(collector.finish()) == 10
    assert (budget.take(95), budget.take(94)) == (False, True)


def test_a_header_that_costs_too_much_is_not_kept() -> None:
    collector = fed(bytes(100), steps([60], Wanted(keep=60, header=1, cost=10_000)), bytearray(), chunk=100)

    assert (collector.finish(), collector.wanted.header) == (bytes(4), None)


@pytest.mark.parametrize("size", [0, 1, MEBIBYTE - 1, MEBIBYTE, 3 * MEBIBYTE + 7])
@pytest.mark.parametrize("is_ahead", [False, True])
def test_a_file_is_read_the_same_by_one_thread_and_by_two(size: int, is_ahead: bool, tmp_path: Path) -> None:
    data = os.urandom(size)
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    counted: list[int] = []
    task = one_file.Task("x.bin", path, size, first=16, with_oid=True, is_ahead=is_ahead)

    seen = one_file.read(task, budget=Budget(0), step=counted.append)

    assert seen.sha256 == hashlib.sha256(data).hexdigest()
    assert seen.git_oid == hashlib.sha1(b"blob %d\0" % size + data).hexdigest()
    assert (seen.start, sum(counted)) == (data[:16], size)


def test_a_reading_that_is_stopped_leaves_no_thread_behind(tmp_path: Path) -> None:
    class Stopped(Exception): ...

    def stop(count: int) -> None:
        raise Stopped

    path = tmp_path / "x.bin"
    path.write_bytes(bytes(5 * MEBIBYTE))
    before = threading.active_count()
    with pytest.raises(Stopped):
        one_file.read(
            one_file.Task("x.bin", path, 5 * MEBIBYTE, first=1, is_ahead=True), budget=Budget(0), step=stop
        )

    assert threading.active_count() == before


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_file_that_grows_or_shrinks_meanwhile_is_refused(is_kept: bool, tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(bytes(100))
    for listed in (99, 101):
        with pytest.raises(OSError, match="changed"):
            one_file.read(
                one_file.Task("x.bin", path, listed, first=1, is_kept=is_kept), budget=Budget(0), step=print
            )


def test_what_checks_read_most_closely_is_kept_first(tmp_path: Path) -> None:
    folders.write(
        tmp_path, {"a.png": bytes(900), "tokenizer.json": bytes(1000), "b.bin": bytes(10), "README.md": b"x"}
    )

    read = reading.read_folder(tmp_path, {}, progress=lambda _: None, keep_bytes=1005)

    assert {path: file.is_whole for path, file in read.seen.items()} == dict.fromkeys(read.seen, True)
    limited = {path: file.size > 0 and file.start is not None for path, file in read.seen.items()}
    assert all(limited.values())


def test_headers_and_samples_come_with_the_one_reading(tmp_path: Path) -> None:
    folders.write(tmp_path, {"m.safetensors": folders.weights("a", "b"), "m.gguf": gguf.llama(tokens=20_000)})

    seen = reading.read_folder(tmp_path, {}, progress=lambda _: None).seen

    found = Subject("folder", None, {}, seen).ggufs["m.gguf"]
    assert isinstance(found, Header)
    tokens = found.values["tokenizer.ggml.tokens"]
    assert isinstance(tokens, Array)
    assert sum(1 for _ in texts(seen["m.gguf"].start, tokens)) == 20_000
    data = (tmp_path / "m.gguf").read_bytes()
    assert all(data[at : at + len(piece)] == piece for at, piece in seen["m.gguf"].samples.items())
    assert seen["m.gguf"].samples
    assert b"".join(seen["m.safetensors"].samples.values()) == b"\x01" * 32


def test_of_an_ancestors_copy_only_headers_and_small_files_are_read(tmp_path: Path) -> None:
    files = {
        "config.json": b"{}",
        "m.safetensors": folders.weights(),
        "m.gguf": gguf.llama(),
        "x.bin": bytes(10),
        "y": b"y",
    }
    folders.write(tmp_path, files)
    expected = {
        path: Expected(path, len(data), hashlib.sha256(data).hexdigest(), "other")
        for path, data in files.items()
    }
    expected["x.bin"] = Expected("x.bin", 10, "0" * 64, "weight")
    expected["y"] = Expected("y", 2, hashlib.sha256(b"y").hexdigest(), "other")

    seen = reading.read_heads(
        tmp_path, {path: expected[path] for path in ("config.json", "m.safetensors", "m.gguf", "x.bin")}
    )

    assert list(seen) == ["config.json", "m.gguf", "m.safetensors"]
    subject = Subject("folder", None, {}, seen)
    assert not [
        item
        for item in (*subject.headers.values(), *subject.ggufs.values())
        if isinstance(item, BadHeader | BadGguf)
    ]
    assert not any(file.samples for file in seen.values())


def test_a_header_for_which_there_is_no_room_is_undecided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PLAN_TOTAL_BYTES", 10)
    folders.write(tmp_path, {"m.safetensors": safetensors.numbered(900)})

    seen = reading.read_folder(tmp_path, {}, progress=lambda _: None).seen

    [found] = weights.tensors(Subject("folder", None, {}, seen))
    assert (found.outcome, found.path) == (Outcome.ERROR, "m.safetensors")


def test_plans_ask_for_no_more_than_the_file_has() -> None:
    for path in ("x.safetensors", "x.gguf", "x"):
        plan = plans.plan_of(path, bytearray(b"GGUF"), size=4, sampling=numbers.NOTHING)

        assert all(end <= 4 for end in plan)


PEAK = """
import sys
from pathlib import Path
from registry.verification.examination import Question, examine
found = examine(Path(sys.argv[1]), Question("folder", None, {}), progress=lambda _: None)
assert not [item for item in found.outcomes if "broke down" in item.finding.message], found.outcomes
print([line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0].split()[1])
"""


def test_memory_stays_bounded_whatever_the_model_is(tmp_path: Path) -> None:
    """Peak of a process of its own, over large weights, many tensors, a large vocabulary and a large tokenizer."""
    for number in range(3):
        (tmp_path / f"many-{number}.safetensors").write_bytes(safetensors.numbered(1000) + b"cut off")
        sound = folders.weights(*(f"block.{number}.expert.{place}.weight" for place in range(40_000)))
        (tmp_path / f"model-{number + 1:05d}-of-00003.safetensors").write_bytes(sound)
    with (tmp_path / "large.gguf").open("wb") as stream:
        stream.write(gguf.llama(tokens=200_000))
    with (tmp_path / "large.bin").open("wb") as stream:
        stream.truncate(300 * MEBIBYTE)  # takes no room on disk
    (tmp_path / "tokenizer.json").write_bytes(b'{"a":"' + b"x" * 33_000_000 + b'"}')

    child = subprocess.run(
        [sys.executable, "-c", PEAK, tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )

    assert int(child.stdout) < 250 * 1024
