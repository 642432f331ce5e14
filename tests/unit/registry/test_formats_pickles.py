"""C11 over a corpus of pickles: no hostile one passes, none runs, and good ones are no worse than their format."""

import _compat_pickle
import io
import pickletools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.formats import pickle_opcodes, pickle_targets, pickled_files, pickles, view
from registry.lifecycle import Outcome, Severity
from registry.verification import checks, outcomes
from registry.verification.subject import Seen, Subject
from tests import subjects
from tests.corpus import assembler as asm
from tests.corpus import torch_writer as torch
from tests.corpus.pickles import CANARY, Sample, every

SAMPLES = every()


def found(check_id: str, files: dict[str, bytes]) -> list[outcomes.CheckOutcome]:
    return list(subjects.outcomes(check_id, subjects.subject(files)).values())


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_a_hostile_pickle_is_named_and_refused(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    (result,) = found("C11-pickle", {sample.path: sample.data})

    assert (result.finding.outcome, result.finding.path) == (Outcome.FAIL, sample.path)
    assert result.severity is (Severity.CRITICAL if sample.is_critical else Severity.HIGH), (
        result.finding.message
    )
    reasons = result.finding.evidence["reasons"]
    assert any(sample.says in reason["reason"] for reason in reasons), reasons
    assert result.finding.message.endswith(".")
    assert not Path(CANARY).exists()


def test_the_corpus_is_as_large_as_it_should_be() -> None:
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES) >= 60


def array(content: bytes = asm.call("_codecs", "encode", "\0" * 16, "latin1")) -> bytes:
    """A numpy array of four 32-bit numbers, as numpy pickles it with protocol 2."""
    dtype = (
        asm.look_up("numpy", "dtype") + asm.value(("f4", False, True)) + asm.REDUCE
        + asm.value((3, "<", None, None, None, -1, -1, 0)) + asm.BUILD
    )  # fmt: skip
    state = asm.MARK + asm.number(1) + asm.value((4,)) + dtype + asm.value(False) + content + asm.TUPLE
    empty = asm.MARK + asm.look_up("numpy", "ndarray") + asm.value((0,)) + asm.text("b") + asm.TUPLE
    return asm.look_up("numpy.core.multiarray", "_reconstruct") + empty + asm.REDUCE + state + asm.BUILD


BIG_INTEGERS = asm.pickle(asm.value({"vocabulary": {f"word {place}": place for place in range(500)}}))
GOOD = {
    "pytorch_model.bin": torch.torch_zip(),
    "model.pt": torch.torch_zip(folder="model"),
    "python.pth": torch.plain_zip(torch.torch_members()),
    "deflated.ckpt": torch.plain_zip(torch.torch_members(), deflated=True),
    "step.ckpt": torch.torch_zip(
        torch.good_pickle(asm.text("epoch") + asm.number(3) + asm.text("loss") + b"G" + bytes(8))
    ),
    "old.bin": torch.legacy(),
    "half.bin": torch.torch_zip(torch.state_dict({"a": torch.tensor("0", 8, (2, 4), kind="HalfStorage")})),
    "rng_state.pth": torch.torch_zip(torch.good_pickle(asm.text("numpy") + array())),
    "vocabulary.pkl": BIG_INTEGERS,
    "array.pkl": asm.pickle(array(), 2),
    "objects.npy": torch.npy(asm.pickle(array(), 2), "'|O'", "(1,)"),
}
NO_PICKLE = {
    "array.npy": torch.npy(bytes(16)),
    "structured.npy": torch.npy(
        bytes(20), "[('a', '<f4'), ('b', '<U1', (1, 2)), ('c', [('d', '<f8')])]", "(1,)"
    ),
    "arrays.npz": torch.plain_zip(
        {"a.npy": torch.npy(bytes(16)), "b.npy": torch.npy(bytes(16))}, deflated=True
    ),
    "vocab.txt": b"cat\ndog\n(bird\nRome\ni\n.\n",
    "README.md": b"(c) 2026 Acme\nconfig\nsettings\n.\n",
    "merges.txt": b"co\nto\n.\nto\n",
    "config.json": b"{}",
    "image.png": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "flax_model.msgpack": b"\x81\xa6params\x80",
    "tokenizer.model": b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02",
}


@pytest.mark.parametrize("path", GOOD)
def test_a_good_pickle_is_no_worse_than_its_format(path: str) -> None:
    (result,) = found("C11-pickle", {path: GOOD[path]})

    assert (result.finding.outcome, result.severity) == (Outcome.FAIL, Severity.LOW), result.finding.message
    assert "nothing in this one would" in result.finding.message
    assert result.finding.evidence["reasons"] == []


@pytest.mark.parametrize("path", NO_PICKLE)
def test_a_file_without_a_pickle_raises_no_alarm(path: str) -> None:
    (result,) = found("C11-pickle", {path: NO_PICKLE[path]})

    assert result.finding.outcome is Outcome.PASS, result.finding.message


def test_a_pickle_beside_safetensors_can_be_left_out() -> None:
    (result,) = found("C11-pickle", {"a/pytorch_model.bin": torch.torch_zip(), "a/model.safetensors": b""})

    assert "same folder has safetensors" in result.finding.message


def test_one_bad_file_hides_no_other() -> None:
    results = found("C11-pickle", {f"{place}.pkl": sample.data for place, sample in enumerate(SAMPLES)})

    assert len(results) == len(SAMPLES)


def test_what_was_not_kept_is_not_decided() -> None:
    data = torch.torch_zip()
    seen = Seen("a.bin", len(data), "0" * 64, data[:64])
    subject = Subject("folder", None, {}, {"a.bin": seen})

    (result,) = checks.run_checks(
        subject, checks=[check for check in checks.CHECKS if check.check_id == "C11-pickle"]
    )

    assert result.finding.outcome is Outcome.ERROR


def test_every_allowed_name_is_what_an_unpickler_looks_up() -> None:
    """Python 2's names are translated while a pickle is loaded: none of ours may turn into another one."""
    for full in pickle_targets.ALLOWED:
        module, _, name = full.rpartition(".")
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))
        assert f"{_compat_pickle.IMPORT_MAPPING.get(module, module)}.{name}" == full


def test_every_opcode_of_python_is_known() -> None:
    """A stream of each opcode alone, with nothing or something on the stack, is followed or refused."""
    for opcode in pickletools.opcodes:
        for before in (b"", b"N", b"(N", b"](NN", b"NNN("):
            result = pickles.follow(view.whole(before + opcode.code.encode("latin-1") + bytes(32) + b"\n."))
            assert result.is_complete or result.refusals


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_verdict(data: bytes) -> None:
    for path in ("a.bin", "a.npy", "a.npz", "a"):
        verdict = pickled_files.examine(path, view.whole(data))
        assert verdict is None or verdict.problems or verdict.pickles or path == "a.npy"


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, bytes]:
    path = draw(st.sampled_from(sorted(GOOD)))
    data = bytearray(GOOD[path])
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data) - 1))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=3))
        if not data:
            break
    return path, bytes(data)


@settings(max_examples=400, deadline=None)
@given(mutated())
def test_a_changed_good_file_never_calls_what_is_not_allowed(case: tuple[str, bytes]) -> None:
    path, data = case
    verdict = pickled_files.examine(path, view.whole(data))

    assert verdict is None or verdict.problems or set(verdict.targets) <= pickle_targets.ALLOWED


OPCODES = st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes])
ARGUMENTS = st.sampled_from(
    [b"", b"\x00", b"\x01", b"os\nsystem\n", b"collections\nOrderedDict\n", b"I\n", b"1\n"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(OPCODES, ARGUMENTS), max_size=40))
def test_data_is_what_pickletools_reads_too(steps: list[tuple[bytes, bytes]]) -> None:
    """What is said to be data, the standard library's disassembler reads to the same end, with allowed names only."""
    data = b"\x80\x04" + b"".join(code + argument for code, argument in steps) + b"."
    result = pickles.follow(view.whole(data))
    if result.is_data:
        steps_read = list(pickletools.genops(data[: result.end]))
        assert steps_read[-1][0].name == "STOP"
        assert {item.partition(".")[0] for item in result.targets} <= {"collections"}


@pytest.mark.parametrize("kind", ["f4", ">i8", "U3", "S5", "?", "c16", "M8[D]", "O"])
def test_what_numpy_writes_is_data(kind: str) -> None:
    numpy = pytest.importorskip("numpy")
    values = numpy.zeros((2, 3), dtype=kind)
    out = io.BytesIO()
    numpy.save(out, values)
    files = {"a.pkl": values.dumps(), "a.npy": out.getvalue()}

    for result in found("C11-pickle", files):
        assert result.severity is Severity.LOW or result.finding.outcome is Outcome.PASS, (
            result.finding.message
        )


def test_a_long_stream_is_followed_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_opcodes, "MAX_OPCODES", 5000)
    stream = pickles.follow(view.whole(asm.proto() + b"N0" * 6000 + b"N."))

    assert not stream.is_complete
    assert [refusal.code for refusal in stream.refusals].count("pop") <= 100
    assert stream.refusals[-1].code in {"pop", "too_many"}


def test_an_archive_of_very_many_pickles_is_refused_in_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled_files, "MAX_STEPS", 5000)
    long = asm.pickle(asm.EMPTY_LIST + asm.put(0) + asm.get(0) * 1000)
    for members in (
        {f"{n}.pkl": long for n in range(40)},
        {f"{n}.pkl": asm.pickle(asm.NONE) for n in range(200)},
    ):
        (result,) = found("C11-pickle", {"a.zip": torch.plain_zip(members, deflated=True)})

        assert result.severity is Severity.HIGH
        assert "more pickles than are followed" in str(result.finding.evidence["reasons"])


def test_the_names_that_picklescan_warns_of_are_known() -> None:
    """The deny-list of another tool, as an oracle: nothing that it calls dangerous is data here."""
    scanner = pytest.importorskip("picklescan.scanner")
    for module, names in scanner._unsafe_globals.items():
        for name in {"anything"} if names == "*" else {names} if isinstance(names, str) else names:
            assert pickle_targets.canonical(module, name) not in pickle_targets.ALLOWED
            assert pickle_targets.is_harmful(module, name), (module, name)


def test_a_warning_of_the_second_opinion_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = pytest.importorskip("picklescan.scanner")
    (result,) = found("C11-pickle", {"a.pkl": BIG_INTEGERS})
    assert result.severity is Severity.LOW
    assert result.finding.evidence["second_opinion"]["words"] == "found nothing dangerous"

    def break_down(*arguments: object, **named: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(scanner, "scan_pickle_bytes", break_down)
    (result,) = found("C11-pickle", {"a.pkl": BIG_INTEGERS})
    assert result.severity is Severity.HIGH
    assert "broke down" in result.finding.message
