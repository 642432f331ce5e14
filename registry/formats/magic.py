"""Tells a file's kind by its first bytes. Pure."""

from pathlib import PurePosixPath

from registry.formats import pickles, tars

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "elf"),
    (b"\xfe\xed\xfa\xce", "mach-o"),
    (b"\xfe\xed\xfa\xcf", "mach-o"),
    (b"\xce\xfa\xed\xfe", "mach-o"),
    (b"\xcf\xfa\xed\xfe", "mach-o"),
    (b"\xca\xfe\xba\xbe", "mach-o or java"),
    (b"\x00asm", "webassembly"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"#!", "script"),
    (b"GGUF", "gguf"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x93NUMPY", "numpy"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
)
PROGRAMS = frozenset({"elf", "pe", "mach-o", "mach-o or java", "webassembly", "script"})
ARCHIVES = frozenset({"zip", "gzip", "7z", "rar", "xz", "bzip2", "zstd", "tar"})
# What a file of this name may be; an empty kind stands for what has no telling first bytes.
_EXPECTED: dict[str, tuple[str, ...]] = {
    ".gguf": ("gguf",),
    ".png": ("png",),
    ".jpg": ("jpeg",),
    ".jpeg": ("jpeg",),
    ".gif": ("gif",),
    ".pdf": ("pdf",),
    ".zip": ("zip",),
    ".mar": ("zip",),
    ".npz": ("zip",),
    ".keras": ("zip", "hdf5"),
    ".npy": ("numpy",),
    ".tar": ("tar",),
    ".nemo": ("tar", "gzip"),
    ".gz": ("gzip",),
    ".webp": ("webp",),
    ".h5": ("hdf5",),
    **dict.fromkeys((".bin", ".pt", ".pth", ".ckpt"), ("pickle", "zip", "")),
    **dict.fromkeys((".pkl", ".pickle", ".dill", ".joblib"), ("pickle", "zip", "gzip", "bzip2", "xz", "")),
    **dict.fromkeys((".msgpack", ".onnx", ".pb", ".tflite"), ("",)),
}
_TEXT = frozenset(
    {
        ".json",
        ".md",
        ".txt",
        ".py",
        ".jinja",
        ".yaml",
        ".yml",
        ".toml",
        ".ini",
        ".cfg",
        ".svg",
        ".html",
        ".sh",
        ".csv",
        ".rst",
        ".jsonl",
    }
)


def kind_of(start: bytes) -> str:
    """The kind that the first bytes betray; empty where they betray none."""
    for prefix, kind in _KINDS:
        if start.startswith(prefix):
            return kind
    if start[:2] == b"MZ" and b"\x00" in start[:64]:
        return "pe"
    if start[257:262] == b"ustar" or tars.is_header(start[: tars.BLOCK]):
        return "tar"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    if start[8:9] == b"{" and 2 <= int.from_bytes(start[:8], "little") < 2**32:
        return "safetensors"
    return "pickle" if pickles.begins_like_one(start) else ""


def mismatch(path: str, start: bytes) -> str:
    """How the first bytes contradict the name; empty where they do not."""
    suffix, kind = PurePosixPath(path).suffix.lower(), kind_of(start)
    if suffix == ".safetensors":
        if kind not in {"safetensors", ""} or start[8:9] != b"{":
            return f"the name says safetensors, the content is {kind or 'something else'}"
        return ""
    if suffix in _EXPECTED:
        expected = _EXPECTED[suffix]
        named = expected[0] or suffix.removeprefix(".")
        return "" if kind in expected else f"the name says {named}, the content is {kind or 'something else'}"
    return _text_mismatch(suffix, kind, start) if suffix in _TEXT else ""


def _text_mismatch(suffix: str, kind: str, start: bytes) -> str:
    if kind and kind != "script":
        return f"the name says text, the content is {kind}"
    if b"\x00" in start:
        return "the name says text, the content is binary"
    if suffix == ".json" and start.strip()[:1] not in {b"{", b"[", b'"'}:
        return "the name says JSON, the content does not begin like it"
    return ""
