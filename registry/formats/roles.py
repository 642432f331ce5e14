"""What each file of a model repository is for, by its name. Pure."""

import re
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
        # of other runtimes, or pickles under other names: the policy decides about them as about any format
        ".distcp",
        ".dill",
        ".engine",
        ".ggml",
        ".joblib",
        ".mlmodel",
        ".ort",
        ".ot",
        ".pb",
        ".pdiparams",
        ".pdmodel",
        ".pdparams",
        ".plan",
        ".pt2",
        ".pte",
        ".ptl",
        ".rknn",
        ".t7",
        ".th",
        ".trt",
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
# Where one of these stands in the name of a text, the text may set terms.
LICENSE_WORDS = re.compile(
    r"licen[sc]e|terms[-_ ]?of[-_ ]?use|use[-_ ]?policy|(^|[-_ ])eula|terms[-_ ]and[-_ ]conditions"
)
DOC_SUFFIXES = frozenset(
    {".md", ".txt", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".html"}
)
CONFIG_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".toml", ".ini", ".cfg"})


def role_of(path: str) -> str:
    """One of weight, config, tokenizer, template, code, license, doc, other."""
    name = PurePosixPath(path).name.lower()
    suffix = PurePosixPath(name).suffix
    if _is_license(name, suffix):
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


def _is_license(name: str, suffix: str) -> bool:
    """A license has such a name and is no other kind of file: weights named so are weights."""
    if suffix in WEIGHT_SUFFIXES | CODE_SUFFIXES | CONFIG_SUFFIXES:
        return False
    if name.startswith(LICENSE_STEMS):
        return True
    return suffix in {"", *DOC_SUFFIXES} and LICENSE_WORDS.search(name) is not None
