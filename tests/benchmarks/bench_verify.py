"""How long a verification with all checks takes, against what else hashes a model: interleaved, warm, in one run.

Peers: coreutils' `sha256sum`; `model_signing`, hashing only and verifying a signature by a key; the function behind
`hf cache verify`, over a listing that is already there. Each of them reads the same files; only ours looks into them.
"""

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gguf as gguf_library
import model_signing
import safetensors
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from huggingface_hub.utils import _verification

from registry.formats import gguf
from registry.lifecycle import Outcome
from registry.verification import examination
from registry.verification.outcomes import MINOR
from registry.verification.subject import Expected
from tests.benchmarks import measuring, verify_models

OURS, SHA256SUM = "this, all checks on", "sha256sum"
TARGETS = {
    "four": {SHA256SUM: 7.0, "model_signing, key": 1.0},
    "one": {SHA256SUM: 4.0, "model_signing, key": 1.0},
}
MAX_MEBIBYTES = 250
MAX_HEADER_SECONDS = 2.0
WATCHED = """
import sys
from pathlib import Path
from registry.verification import examination
asked = examination.Question("folder", None, {})
examination.examine(Path(sys.argv[1]), asked, progress=lambda _: None)
print([line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")][0])
"""


@dataclasses.dataclass(frozen=True)
class Taken:
    """What one round took, in seconds: on the clock, and of the processors."""

    wall: float
    cpu: float


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks verify", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the models are made, and kept (2.5 GiB)")
    parser.add_argument(
        "--patience", type=float, default=0.0, help="seconds to wait for a quiet moment, each time"
    )
    given = parser.parse_args(arguments)
    print(measuring.machine())
    with tempfile.TemporaryDirectory() as temporary:
        place = given.folder or Path(temporary)
        models = {
            "four": verify_models.large(place / "four", shards=4),
            "one": verify_models.large(place / "one", shards=1),
        }
        fine = [_against_peers(name, folder, place, given) for name, folder in models.items()]
        many = verify_models.many(place / "many", files=1000, tensors=132, tokens=128_256)
        fine.append(_headers(many, rounds=given.rounds))
        fine.append(_memory({**models, "many": many}))
        for name in ("four", "many"):
            _profile(name, models.get(name, many))
    return 0 if all(fine) else 1


def _against_peers(name: str, folder: Path, place: Path, given: argparse.Namespace) -> bool:
    known = verify_models.expected(folder)
    size = sum(item.size for item in known.values())
    works = dict(_works(folder, known, place / f"{name}.sig", place / f"{name}.pem"))
    taken: dict[str, list[Taken]] = {label: [] for label in works}
    for turn in range(given.rounds):
        order = list(works)
        for label in order[turn % len(order) :] + order[: turn % len(order)]:
            _wait_for_quiet(given.patience)
            taken[label].append(_measured(works[label]))
    print(
        f"\n{name}: {len(known)} files, {size / 2**20:.0f} MiB, {given.rounds} rounds; seconds, and ratios to {OURS}"
    )
    ours = taken[OURS]
    fine = True
    for label, found in taken.items():
        ratio = statistics.median(one.wall for one in found) / statistics.median(one.wall for one in ours)
        best = min(one.wall for one in found) / min(one.wall for one in ours)
        target = TARGETS[name].get(label)
        kept = target is None or max(ratio, best) >= target
        fine = fine and kept
        print(
            f"  {label:<24} wall median {_middle(found, 'wall'):6.3f} best {min(one.wall for one in found):6.3f}"
            f"   cpu median {_middle(found, 'cpu'):6.3f}   ratio median {ratio:5.2f} best {best:5.2f}"
            + (f"   target {target}: {'kept' if kept else 'MISSED'}" if target else "")
        )
    return fine


def _middle(found: list[Taken], what: str) -> float:
    return statistics.median(getattr(one, what) for one in found)


def _works(
    folder: Path, known: Mapping[str, Expected], signature: Path, key: Path
) -> Iterator[tuple[str, Callable[[], Any]]]:
    yield OURS, lambda: _examined(folder, known)
    yield (
        SHA256SUM,
        lambda: subprocess.run(
            ["sha256sum", *sorted(known)], cwd=folder, stdout=subprocess.DEVNULL, check=True
        ),
    )
    yield "model_signing, hashing", lambda: model_signing.hashing.hash(folder)
    _sign(folder, signature, key)
    verifier = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=key.with_suffix(".pub"))
    yield "model_signing, key", lambda: verifier.verify(folder, signature)
    listing = {path: SimpleNamespace(lfs={"sha256": item.sha256}) for path, item in known.items()}
    yield "huggingface_hub, verify", lambda: _hub_verified(folder, listing)


def _examined(folder: Path, known: Mapping[str, Expected]) -> None:
    found = examination.examine(
        folder, examination.Question("folder", None, dict(known)), progress=lambda _: None
    )
    wrong = [
        item.finding.message
        for item in found.outcomes
        if item.finding.outcome is Outcome.FAIL
        and item.severity not in MINOR
        and item.check_id[:3] in {"C3-", "C7-", "C8-", "C10", "C19"}
    ]
    if wrong:
        raise SystemExit(f"The verification found something: {wrong}")


def _hub_verified(folder: Path, listing: dict[str, Any]) -> None:
    found = _verification.verify_maps(
        remote_by_path=listing,
        local_by_path=_verification.collect_local_files(folder),
        revision="main",
        verified_path=folder,
    )
    if found.mismatches or found.missing_paths or found.extra_paths:
        raise SystemExit("The Hub's function found something.")


def _sign(folder: Path, signature: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    key.with_suffix(".pub").write_bytes(
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    model_signing.signing.Config().use_elliptic_key_signer(private_key=key).sign(folder, signature)


def _wait_for_quiet(patience: float) -> None:
    """Until nobody else computes for half a second; not longer than the patience lasts."""
    end, quiet = time.monotonic() + patience, 0
    while quiet < 5 and time.monotonic() < end:
        running = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
        quiet = quiet + 1 if running <= 1 else 0
        time.sleep(0.1)


def _measured(work: Callable[[], Any]) -> Taken:
    before, start = os.times(), time.perf_counter()
    work()
    wall, after = time.perf_counter() - start, os.times()
    return Taken(wall, sum(after[:4]) - sum(before[:4]))


def _headers(folder: Path, *, rounds: int) -> bool:
    """Very many headers; the formats' own libraries beside them."""
    known = verify_models.expected(folder)
    ours = [_measured(lambda: _examined(folder, known)) for _ in range(rounds)]
    theirs = [_measured(lambda: _opened(folder)) for _ in range(rounds)]
    data = (folder / "vocabulary.gguf").read_bytes()
    parsed = [_measured(lambda: gguf.parse_header(data, file_size=len(data))) for _ in range(rounds)]
    read = _measured(lambda: gguf_library.GGUFReader(folder / "vocabulary.gguf"))
    middle = _middle(ours, "wall")
    kept = min(one.wall for one in ours) <= MAX_HEADER_SECONDS
    print(
        f"\n1,000 safetensors files with 132,000 tensors, their index, and a vocabulary of 128,256 tokens:"
        f"\n  {OURS}: median {middle:.2f} s, best {min(one.wall for one in ours):.2f} s,"
        f" cpu {_middle(ours, 'cpu'):.2f} s; target {MAX_HEADER_SECONDS} s: {'kept' if kept else 'MISSED'}"
        f"\n  safetensors' own reader over the same headers, no data and no checks: {_middle(theirs, 'wall'):.2f} s"
        f"\n  the GGUF header alone: {_middle(parsed, 'wall'):.3f} s; gguf's own reader {read.wall:.1f} s"
    )
    return kept


def _opened(folder: Path) -> None:
    for path in sorted(folder.glob("*.safetensors")):
        with safetensors.safe_open(path, "numpy") as opened:
            for name in opened.keys():  # noqa: SIM118 - it is no mapping
                opened.get_slice(name).get_shape()


def _memory(models: Mapping[str, Path]) -> bool:
    print("\nPeak of resident memory of a process that does nothing else, in MiB:")
    fine = True
    for name, folder in models.items():
        shown = subprocess.run(
            [sys.executable, "-c", WATCHED, folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            check=True,
        )
        peak = int(shown.stdout) / 1024
        kept = peak < MAX_MEBIBYTES
        fine = fine and kept
        print(f"  {name:<6} {peak:6.1f}   target {MAX_MEBIBYTES}: {'kept' if kept else 'MISSED'}")
    return fine


def _profile(name: str, folder: Path) -> None:
    """Where the time of the checks goes; what threads do while they read is not in it."""
    known = verify_models.expected(folder)
    print(f"\nprofile, {name}")
    for line in measuring.profile(lambda: _examined(folder, known), rows=12):
        print(f"  {line}")
