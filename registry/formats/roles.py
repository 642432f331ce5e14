"""What each file of a model repository is for, by its name. Pure."""

from pathlib import PurePosixPath

WEIGHT_SUFFIXES = frozenset(
    {
        ".safetensors",
        ".gguf",
        ".bin",
        ".pt",
        ".pth",
        ".ckpt",
        ".pkl",
        ".pickle",
        ".h5",
        ".keras",
        ".onnx",
        ".msgpack",
        ".npz",
        ".tflite",
    }
)
CODE_SUFFIXES = frozenset(
    {".py", ".sh", ".js", ".c", ".cpp", ".cu", ".so", ".dll", ".exe", ".ipynb", ".bat", ".ps1"}
)
TOKENIZER_NAMES = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.json",
        "vocab.txt",
        "merges.txt",
        "tekken.json",
    }
)
TOKENIZER_SUFFIXES = frozenset({".model", ".tiktoken", ".spm"})
LICENSE_STEMS = ("license", "licence", "copying", "notice", "use_policy", "unlicense")
DOC_SUFFIXES = frozenset(
    {".md", ".txt", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".html"}
)
CONFIG_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".toml", ".ini", ".cfg"})


def role_of(path: str) -> str:
    """One of weight, config, tokenizer, template, code, license, doc, other."""
    name = PurePosixPath(path).name.lower()
    suffix = PurePosixPath(name).suffix
    if name.startswith(LICENSE_STEMS):
        return "license"
    if suffix == ".jinja" or name in {"chat_template.json", "template"}:
        return "template"
    if name in TOKENIZER_NAMES or suffix in TOKENIZER_SUFFIXES:
        return "tokenizer"
    for suffixes, role in (
        (WEIGHT_SUFFIXES, "weight"),
        (CODE_SUFFIXES, "code"),
        (CONFIG_SUFFIXES, "config"),
        (DOC_SUFFIXES, "doc"),
    ):
        if suffix in suffixes:
            return role
    return "other"
