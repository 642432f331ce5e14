"""Tells a file's kind by its first bytes. Pure."""

from pathlib import PurePosixPath

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
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
)
PROGRAMS = frozenset({"elf", "pe", "mach-o", "mach-o or java", "webassembly", "script"})
ARCHIVES = frozenset({"zip", "gzip", "7z", "rar", "xz", "bzip2", "zstd", "tar"})
_EXPECTED = {
    ".gguf": "gguf",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".gif": "gif",
    ".pdf": "pdf",
    ".zip": "zip",
    ".gz": "gzip",
    ".webp": "webp",
    ".h5": "hdf5",
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
    if len(start) > 2 and start[0] == 0x80 and 2 <= start[1] <= 5:
        return "pickle"
    if start[257:262] == b"ustar":
        return "tar"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    return ""


def mismatch(path: str, start: bytes) -> str:
    """How the first bytes contradict the name; empty where they do not."""
    suffix, kind = PurePosixPath(path).suffix.lower(), kind_of(start)
    if suffix == ".safetensors":
        if kind in {"zip", "pickle", "gguf", "hdf5", "elf", "gzip"} or start[8:9] != b"{":
            return f"the name says safetensors, the content is {kind or 'something else'}"
        return ""
    if suffix in _EXPECTED:
        expected = _EXPECTED[suffix]
        return (
            "" if kind == expected else f"the name says {expected}, the content is {kind or 'something else'}"
        )
    return _text_mismatch(suffix, kind, start) if suffix in _TEXT else ""


def _text_mismatch(suffix: str, kind: str, start: bytes) -> str:
    if kind and kind != "script":
        return f"the name says text, the content is {kind}"
    if b"\x00" in start:
        return "the name says text, the content is binary"
    if suffix == ".json" and start.strip()[:1] not in {b"{", b"[", b'"'}:
        return "the name says JSON, the content does not begin like it"
    return ""
