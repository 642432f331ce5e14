import math
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from registry.lifecycle import Outcome, Severity
from registry.verification import numbers, reading
from registry.verification.outcomes import Finding
from registry.verification.subject import Subject
from tests import folders
from tests.corpus import gguf

ROWS, COLUMNS = 128, 64
COUNT = ROWS * COLUMNS
ORDINARY = struct.pack("<3f", 0.01, -0.02, 0.03) * (COUNT // 3 + 1)


def file(
    data: bytes = ORDINARY, *, name: str = "model.layers.0.mlp.weight", dtype: str = "F32", shape: Any = None
) -> bytes:
    """A weight file with an ordinary matrix before and behind the one in question."""
    shape = shape or [ROWS, COLUMNS]
    size = (
        len(data)
        if shape != [ROWS, COLUMNS]
        else COUNT * {"F32": 4, "BF16": 2, "U8": 1, "BOOL": 1, "F16": 2}[dtype]
    )
    header, place = {}, 0
    for tensor, kind, dimensions, length in (
        ("a.weight", "F32", [ROWS, COLUMNS], 4 * COUNT),
        (name, dtype, shape, size),
        ("z.weight", "F32", [ROWS, COLUMNS], 4 * COUNT),
    ):
        header[tensor] = {"dtype": kind, "shape": dimensions, "data_offsets": [place, place + length]}
        place += length
    body = ORDINARY[: 4 * COUNT]
    return folders.safetensors(header, body + data[:size] + body)


def found(folder: Path, files: dict[str, bytes]) -> list[Finding]:
    folders.write(folder, files)
    seen = reading.read_folder(folder, {}, progress=lambda _: None).seen
    return list(numbers.plausible(Subject("folder", None, {}, seen)))


def with_value(value: float) -> bytes:
    """An ordinary matrix with one number of another kind at its end, which is always looked at."""
    return ORDINARY[: 4 * COUNT - 4] + struct.pack("<f", value)


@pytest.mark.parametrize(
    ("data", "severity", "says"),
    [
        (file(with_value(math.nan)), Severity.HIGH, "not numbers (NaN)"),
        (file(with_value(-math.inf)), Severity.HIGH, "infinite"),
        (file(bytes([1]) * (COUNT - 1) + b"\x07", dtype="BOOL"), Severity.HIGH, "neither true nor false"),
        (file(bytes(4 * COUNT)), Severity.MEDIUM, "all zeros"),
        (file(bytes(2 * COUNT), dtype="BF16"), Severity.MEDIUM, "all zeros"),
        (file(bytes(COUNT), dtype="U8", name="a.qweight"), Severity.MEDIUM, "all zeros"),
        (file(struct.pack("<f", 1e20) * COUNT), Severity.MEDIUM, "beyond any use"),
        (file(struct.pack("<f", 0.5) * COUNT), Severity.LOW, "one and the same"),
        (file(b"\xff\x7f" * COUNT, dtype="BF16"), Severity.HIGH, "NaN"),
    ],
)  # fmt: skip
def test_numbers_that_make_no_sense_are_found(
    data: bytes, severity: Severity, says: str, tmp_path: Path
) -> None:
    [finding] = found(tmp_path, {"m.safetensors": data, "sound.safetensors": file()})

    assert (finding.outcome, finding.severity, finding.path) == (Outcome.FAIL, severity, "m.safetensors")
    assert says in finding.message
    assert finding.evidence["tensor"] in finding.message
    assert finding.evidence["offsets"]


@pytest.mark.parametrize(
    "data",
    [
        file(),
        file(struct.pack("<f", 1.0) * COUNT, name="model.norm.weight"),
        file(bytes(4 * COUNT), name="base_model.model.layers.0.q_proj.lora_B.weight"),
        file(bytes(4 * COUNT), name="layers.0.bias"),
        file(bytes(4 * 64), name="tiny", shape=[8, 8]),
        file(bytes(4 * 9000), name="flat", shape=[9000]),
        file(struct.pack("<f", -math.inf) * COUNT, name="attn_mask"),
        file(struct.pack("<f", -3.4e38) * COUNT, name="causal_mask"),
        file(bytes(COUNT), dtype="U8", name="model.position_ids"),
        file(b"\x77" * COUNT, dtype="U8", name="layers.0.qzeros"),
        file(b"\x00\x01" * (COUNT // 2), dtype="BOOL", name="model.flags"),
        # An embedding whose padding rows are zero, as are its first.
        file(bytes(4096) + ORDINARY[4096 : 4 * COUNT - 4096] + bytes(4096), name="embed_tokens.weight"),
    ],
)  # fmt: skip
def test_what_training_starts_from_is_normal(data: bytes, tmp_path: Path) -> None:
    [finding] = found(tmp_path, {"m.safetensors": data})

    assert finding.outcome is Outcome.PASS, finding.message
    assert finding.evidence["looked_at"] == finding.evidence["tensors"] == 3


def test_bytes_that_are_no_weights_are_found(tmp_path: Path) -> None:
    for dtype in ("F32", "BF16", "F16"):
        [finding] = found(tmp_path, {"m.safetensors": file(os.urandom(4 * COUNT), dtype=dtype)})

        assert (finding.outcome, finding.severity) == (Outcome.FAIL, Severity.HIGH)


def test_scales_of_packed_weights_are_looked_at(tmp_path: Path) -> None:
    block = struct.pack("<e", 0.01) + bytes(range(16))
    shape, sound = [1024, 8], block * 256
    whole = gguf.file(infos=(gguf.info("blk.0.a.weight", shape, 2, 0),), data=sound)
    spoilt = gguf.file(
        infos=(gguf.info("blk.0.a.weight", shape, 2, 0),),
        data=sound[: -len(block)] + struct.pack("<e", math.nan) + bytes(16),
    )

    assert found(tmp_path, {"m.gguf": whole})[0].outcome is Outcome.PASS
    [finding] = found(tmp_path, {"m.gguf": spoilt})
    assert (finding.severity, "blk.0.a.weight" in finding.message) == (Severity.HIGH, True)


def test_the_same_places_are_looked_at_each_time(tmp_path: Path) -> None:
    [one] = found(tmp_path, {"m.safetensors": file()})
    [other] = found(tmp_path, {})

    assert one.evidence == other.evidence
    assert one.evidence["bytes"] > 0


def test_without_weights_nothing_is_claimed(tmp_path: Path) -> None:
    assert [item.outcome for item in found(tmp_path, {"x.safetensors": b"", "y.txt": b"y"})] == [Outcome.SKIP]
