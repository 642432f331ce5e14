"""Turns the tensors of a llama GGUF file into one BF16 safetensors file, the same bytes every time."""

from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt
import safetensors

OUTER = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def write(reader: gguf.GGUFReader, target: Path, *, heads: int, kv_heads: int) -> None:
    """Write all tensors; the embeddings are tied, so there is no output matrix."""
    rotated = {"attn_q": heads, "attn_k": kv_heads}
    arrays = {}
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if (kind := tensor.name.split(".")[-2]) in rotated:
            values = split_halves(values, heads=rotated[kind])
        arrays[hf_name(tensor.name)] = bfloat16(values)
    # By address, because numpy has no BF16; `arrays` keeps the memory alive until all is written.
    specs = {name: _spec(arrays[name]) for name in sorted(arrays)}
    safetensors.serialize_file(specs, str(target), {"format": "pt"})
    target.chmod(0o644)  # the library makes it private, unlike the other files


def _spec(array: npt.NDArray[np.uint16]) -> safetensors.TensorSpec:
    return safetensors.TensorSpec(
        dtype="bfloat16", shape=list(array.shape), data_ptr=array.ctypes.data, data_len=array.nbytes
    )


def hf_name(name: str) -> str:
    """Translate llama.cpp's name of a tensor into that of transformers."""
    if name in OUTER:
        return OUTER[name]
    block, layer, kind, suffix = name.split(".")
    if block != "blk":
        raise ValueError(f"unexpected tensor: {name}")
    return f"model.layers.{layer}.{INNER[kind]}.{suffix}"


def split_halves(values: npt.NDArray[np.float32], *, heads: int) -> npt.NDArray[np.float32]:
    """Undo llama.cpp's interleaving of the rotary pairs: the two halves of each head, one after the other."""
    rows, columns = values.shape
    return values.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def bfloat16(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Round to the nearest BF16, ties to even."""
    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4")
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return np.ascontiguousarray(rounded, dtype="<u2")
