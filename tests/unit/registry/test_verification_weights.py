"""Checks C7, C8 and C10 over files that were read from disk as a verification reads them."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from registry.formats import gguf_architectures
from registry.lifecycle import Outcome, Severity
from registry.verification import examination
from registry.verification.outcomes import CheckOutcome
from tests import folders
from tests.corpus import gguf, safetensors

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"


def examined(folder: Path, files: dict[str, bytes], check_id: str) -> list[CheckOutcome]:
    """What a check says of these files."""
    folders.write(folder, files)
    asked = examination.Question("folder", None, {})
    found = examination.examine(folder, asked, progress=lambda _: None)
    assert not [item.finding.message for item in found.outcomes if "broke down" in item.finding.message]
    return [item for item in found.outcomes if item.check_id == check_id]


def only(outcomes: list[CheckOutcome]) -> CheckOutcome:
    [one] = outcomes
    return one


@pytest.mark.parametrize("name", safetensors.HOSTILE)
def test_a_hostile_safetensors_file_fails_the_check_by_its_name(name: str, tmp_path: Path) -> None:
    code, make = safetensors.HOSTILE[name]
    sound = {"sound.safetensors": folders.weights("x")}

    found = only(examined(tmp_path, sound | {"deep/er.safetensors": make()}, "C7-safetensors"))

    assert (found.finding.outcome, found.severity, found.finding.path) == (
        Outcome.FAIL,
        Severity.HIGH,
        "deep/er.safetensors",
    )
    assert found.finding.evidence["code"] == code
    assert found.finding.message.startswith("The weight file is malformed: ")
    assert len(found.finding.message) < 1500


@pytest.mark.parametrize("name", gguf.HOSTILE)
def test_a_hostile_gguf_file_fails_the_check_by_its_name(name: str, tmp_path: Path) -> None:
    code, make = gguf.HOSTILE[name]

    found = only(examined(tmp_path, {"sound.gguf": gguf.llama(), "bad.gguf": make()}, "C10-gguf"))

    assert (found.finding.outcome, found.severity, found.finding.path) == (
        Outcome.FAIL,
        Severity.HIGH,
        "bad.gguf",
    )
    assert found.finding.evidence["code"] == code
    assert len(found.finding.message) < 1500


def test_a_gguf_file_is_known_by_its_first_bytes_whatever_its_name(tmp_path: Path) -> None:
    found = only(examined(tmp_path, {"sha256-abc": gguf.llama()[:-1]}, "C10-gguf"))

    assert (found.finding.outcome, found.finding.path) == (Outcome.FAIL, "sha256-abc")


def test_what_the_librarys_writer_makes_passes(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")
    kinds = (
        "bool",
        "uint8",
        "int8",
        "int16",
        "uint16",
        "float16",
        "int32",
        "uint32",
        "float32",
        "int64",
        "float64",
        "complex64",
    )
    save_file({kind: numpy.ones((2, 3), kind) for kind in kinds}, tmp_path / WEIGHTS, {"format": "pt"})

    found = only(examined(tmp_path, {"README.md": b"# A model"}, "C7-safetensors"))

    assert (found.finding.outcome, found.finding.evidence["parameters"]) == (Outcome.PASS, 72)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, ""),
        ({"block_count": 2}, "2 blocks"),
        ({"block_count": 0}, "how many blocks"),
        ({"block_count": 2**31}, "how many blocks"),
        ({"embedding_length": 64}, "embeddings have the shape"),
        ({"vocabulary": 9, "types": 9}, "embeddings have the shape"),
        ({"types": 7}, "token_type"),
        ({"eos": 8}, "none of the 8 tokens"),
        ({"eos": 2**32 - 1}, ""),
    ],
)
def test_a_gguf_models_tensors_fit_its_metadata(changes: dict[str, int], says: str, tmp_path: Path) -> None:
    found = only(examined(tmp_path, {"m.gguf": gguf.llama(**changes)}, "C10-gguf"))

    assert says in found.finding.message
    assert found.finding.outcome is (Outcome.FAIL if says else Outcome.PASS)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (b"blk.0.attn_k.weight", "lacks attn_k"),
        (b"output_norm.weight", "missing"),
        (b"token_embd.weight", "missing"),
    ],
)
def test_a_tensor_under_another_name_is_missed(name: bytes, says: str, tmp_path: Path) -> None:
    renamed = gguf.llama().replace(name, b"x" + name[1:])

    found = only(examined(tmp_path, {"m.gguf": renamed}, "C10-gguf"))

    assert (found.finding.outcome, says in found.finding.message) == (Outcome.FAIL, True)


LAYOUTS = [(name, layout) for name, layouts in gguf_architectures.BLOCKS.items() for layout in layouts]


@pytest.mark.parametrize(("name", "layout"), LAYOUTS)
def test_each_known_layout_passes_whole_and_fails_where_a_tensor_is_missing(
    name: str, layout: frozenset[str], tmp_path: Path
) -> None:
    files = {"whole.gguf": gguf.model(name, layout)}
    for kind in layout:
        files[f"without-{kind}.gguf"] = gguf.model(name, layout - {kind})

    found = examined(tmp_path, files, "C10-gguf")

    assert {item.finding.path for item in found} == files.keys() - {"whole.gguf"}
    assert all(item.finding.outcome is Outcome.FAIL and "lacks" in item.finding.message for item in found)


def test_the_library_knows_the_same_architectures_and_all_tensors_of_the_layouts() -> None:
    library = pytest.importorskip("gguf")
    names = library.MODEL_ARCH_NAMES
    tensors = {
        names[architecture]: {library.TENSOR_NAMES[tensor].rpartition(".")[2] for tensor in held}
        for architecture, held in library.MODEL_TENSORS.items()
    }

    assert set(names.values()) == gguf_architectures.KNOWN
    assert all(layout <= tensors[name] for name, layout in LAYOUTS)


def test_rows_of_another_length_than_the_model_is_wide_are_found(tmp_path: Path) -> None:
    shapes = gguf.shapes_of(gguf.LLAMA_BLOCK, blocks=1, width=32, tokens=8) | {"blk.0.attn_q": [64, 32]}
    pairs = [
        gguf.LLAMA,
        gguf.pair("llama.block_count", gguf.U32, 1),
        gguf.pair("llama.embedding_length", gguf.U32, 32),
    ]

    found = only(examined(tmp_path, {"m.gguf": gguf.of_tensors(pairs, shapes)}, "C10-gguf"))

    assert "blk.0.attn_q.weight has rows of 64" in found.finding.message


def test_an_architecture_that_is_not_known_is_said_so_and_decides_nothing(tmp_path: Path) -> None:
    data = gguf.file((gguf.pair("general.architecture", gguf.STRING, "brandnew"),))

    found = only(examined(tmp_path, {"m.gguf": data}, "C10-gguf"))

    assert (found.finding.outcome, found.severity) == (Outcome.FAIL, Severity.LOW)
    assert "brandnew is not known" in found.finding.message


def test_an_adapter_need_not_be_a_whole_model(tmp_path: Path) -> None:
    data = gguf.file((gguf.LLAMA, gguf.pair("general.type", gguf.STRING, "adapter")))

    assert only(examined(tmp_path, {"m.gguf": data}, "C10-gguf")).finding.outcome is Outcome.PASS


def part(number: int, count: int) -> str:
    return f"model-{number:05d}-of-{count:05d}.safetensors"


def index(weight_map: dict[str, str], total: int | None = None) -> bytes:
    return json.dumps(
        {"metadata": {} if total is None else {"total_size": total}, "weight_map": weight_map}
    ).encode()


PARTS = {part(1, 2): folders.weights("a"), part(2, 2): folders.weights("b")}
AGREED = {"a": part(1, 2), "b": part(2, 2)}
SPLIT = {
    "m-00001-of-00002.gguf": gguf.split(0, 2, ["a"], said=(0, 2, 3)),
    "m-00002-of-00002.gguf": gguf.split(1, 2, ["b", "c"], said=(1, 2, 3)),
}


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (PARTS | {INDEX: index(AGREED, 32)}, ""),
        (PARTS, ""),
        (PARTS | {INDEX: index(AGREED)}, ""),
        (SPLIT, ""),
        ({"a.safetensors": folders.weights("x"), "deep/b.safetensors": folders.weights("x")}, ""),
        ({"model.safetensors": folders.weights("x"), "model.fp16.safetensors": folders.weights("x")}, ""),
        ({"model.safetensors": folders.weights("x"), "other.safetensors": folders.weights("x")}, "more than one"),
        ({part(1, 2): folders.weights("a")}, "there should be 2; part 2 is missing"),
        ({part(2, 2): folders.weights("a")}, "part 1 is missing"),
        (PARTS | {part(3, 2): folders.weights("c")}, "there should be 2"),
        (PARTS | {INDEX: index({"a": part(1, 2), "b": "../x.safetensors"})}, "outside its folder"),
        (PARTS | {INDEX: index({"a": part(1, 2), "b": "x.safetensors"})}, "weight files that are missing: x.safetensors"),
        (PARTS | {INDEX: index({"a": part(2, 2), "b": part(1, 2)})}, "do not hold them: a, b"),
        (PARTS | {INDEX: index(AGREED | {"c": part(1, 2)})}, "do not hold them: c"),
        (PARTS | {part(1, 2): folders.weights("a", "c"), INDEX: index(AGREED)}, "leaves out tensors"),
        (PARTS | {INDEX: index({"a": part(1, 2)})}, "leaves out parts"),
        (PARTS | {INDEX: index(AGREED, 33)}, "says 33 bytes"),
        (PARTS | {INDEX: b'{"weight_map":{"a":"x","a":"y"}}'}, "stands twice"),
        (PARTS | {INDEX: b'{"weight_map":{},"weight_map":{}}'}, "stands twice"),
        (PARTS | {INDEX: b'{"metadata":{"x":1,"x":2},"weight_map":{}}'}, "stands twice"),
        (PARTS | {INDEX: b'{"weight_map":[]}'}, "no map"),
        (PARTS | {INDEX: b"[" * 100_000}, "cannot be used"),
        (PARTS | {INDEX: b"\xff"}, "not JSON"),
        (PARTS | {"x.safetensors": folders.weights("z"), INDEX: index(AGREED)}, "does not name x.safetensors"),
        ({"m-00001-of-00002.gguf": SPLIT["m-00001-of-00002.gguf"]}, "part 2 is missing"),
        ({"m.gguf": SPLIT["m-00001-of-00002.gguf"]}, "says that it is part 1 of 2, its name says none of 1"),
        (SPLIT | {"m-00002-of-00002.gguf": SPLIT["m-00001-of-00002.gguf"]}, "part 1 of 2, its name says 2 of 2"),
        (SPLIT | {"m-00002-of-00002.gguf": gguf.split(1, 2, ["b"], said=(1, 2, 3))}, "3 tensors in all, they hold 2"),
        (SPLIT | {"m-00002-of-00002.gguf": gguf.split(1, 2, ["b", "a"], said=(1, 2, 3))}, "Tensor a is in more"),
    ],
)  # fmt: skip
def test_the_files_of_a_model_belong_together(files: dict[str, bytes], says: str, tmp_path: Path) -> None:
    found = examined(tmp_path, files, "C8-shard-index")

    if not says:
        assert only(found).finding.outcome is Outcome.PASS
    else:
        assert any(says in item.finding.message for item in found), [item.finding.message for item in found]
        assert all(item.finding.outcome is Outcome.FAIL and item.finding.path in files for item in found)


def test_without_weights_that_can_be_listed_nothing_is_said_of_their_files(tmp_path: Path) -> None:
    assert only(examined(tmp_path, {"x.bin": b"1"}, "C8-shard-index")).finding.outcome is Outcome.SKIP


def test_a_folder_of_gguf_files_needs_no_safetensors(tmp_path: Path) -> None:
    assert (
        only(examined(tmp_path, {"m.gguf": gguf.llama()}, "C7-safetensors")).finding.outcome is Outcome.SKIP
    )
