"""Members of configurations that make a loader run or fetch code, each with what it does. Pure.

Where a loader did so without being asked, the known vulnerability is named.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from registry.formats.sign import Level, Sign
from registry.verification.subject import walk

MAX_SAID = 160
# `org/name--module.Class` names code of another repository, at whatever revision it has on the day.
_ELSEWHERE = re.compile(r"^(?P<repository>[^\s]{1,200}?)--(?P<code>.+)$")
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Methods of quantisation that the common engines bring with them; another one needs a plug-in of somebody else's.
QUANTISERS = frozenset(
    {
        "aqlm", "auto-round", "auto_round", "autoround", "awq", "awq_marlin", "bitblas", "bitnet", "bitsandbytes", "bnb",
        "compressed-tensors", "compressed_tensors", "deepspeedfp", "eetq", "exl2", "exl3", "experts_int8", "fbgemm_fp8", "fp8",
        "fp_quant", "fpquant", "gguf", "gptq", "gptq_bitblas", "gptq_marlin", "gptq_marlin_24", "higgs", "hqq", "inc", "int8", "ipex",
        "marlin", "metal", "modelopt", "modelopt_fp4", "moe_wna16", "mxfp4", "mxfp8", "nvfp4", "petit_nvfp4", "ptpc_fp8", "quanto",
        "quark", "rtn", "sinq", "spqr", "torchao", "tpu_int8", "vptq",
    }
)  # fmt: skip
# Libraries from which pipelines, modules and settings of a configuration are normally taken.
LIBRARIES = (
    "diffusers",
    "transformers",
    "sentence_transformers",
    "torch",
    "onnxruntime",
    "optimum",
    "peft",
    "timm",
)
TARGETS = (
    *LIBRARIES,
    "nemo",
    "speechbrain",
    "pytorch_lightning",
    "lightning",
    "torchmetrics",
    "ldm",
    "sgm",
    "megatron",
)
# Lists of a pipeline's parts, and how a part names the repository that it is fetched from.
PIPELINES = frozenset({"model_index.json", "modular_model_index.json"})
SOURCES = ("repo", "pretrained_model_name_or_path")
# Where a name is enough to start a program.
PROGRAMS = re.compile(
    r"^(?:os|posix|nt|subprocess|pty|sys|builtins|importlib|runpy|shutil|socket|ctypes|pickle|code|pip)\.|^(?:exec|eval)$"
)
# Architectures for which vLLM 0.10.1 to 0.17 trusted the repository's code whatever the operator had said.
TRUSTED_ANYWAY = ("NemotronVL", "Llama_Nemotron", "LlamaNemotronVL", "Nemotron_Nano_VL", "KimiK25", "KimiVL")


def code_signs(value: Any, *, name: str, has_file: Callable[[str], bool]) -> Iterator[tuple[Sign, str, Any]]:
    """Each member that leads to code as (sign, place, value); `has_file` says whether the repository has such a file."""
    architectures = value.get("architectures") if isinstance(value, dict) else None
    pinned = _pinned(value)
    for place, member, inner in walk(value):
        if not inner:
            continue
        where = f"{place}.{member}".lstrip(".")
        rule = RULES.get(member)
        if rule is not None:
            for level, says in rule(inner, where, has_file):
                yield Sign(level, member, f"{says}{pinned if member == 'auto_map' else ''}"), where, inner
        if member == "auto_map" and _mentions(architectures, TRUSTED_ANYWAY):
            words = (
                "is of an architecture whose code vLLM 0.10.1 to 0.17 ran whatever the operator had said "
                "(CVE-2026-27893, CVE-2026-4944)"
            )
            yield Sign(Level.DANGER, "trusted-anyway", words), "architectures", architectures
    if name in {"modules.json", *PIPELINES}:
        yield from _modules(value, name)


Said = Iterator[tuple[Level, str]]


def _auto_map(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    known = " (CVE-2025-66448: vLLM before 0.11.1 ran it unasked)" if "." in where else ""
    known = known or " (CVE-2026-22807: vLLM 0.10.1 to 0.13 ran it unasked)"
    references = list(_texts(inner))
    for reference in references[:20]:
        elsewhere = _ELSEWHERE.match(reference)
        if elsewhere:
            words = f"the member {where} makes a loader fetch and run code of another repository, {said(elsewhere['repository'])}"
            yield Level.DANGER, f"{words}, at whatever revision that has on the day{known}"
        else:
            module = reference.rpartition(".")[0].replace(".", "/") + ".py"
            missing = "" if has_file(module) else f", although there is no file {said(module)} here"
            yield Level.DANGER, f"the member {where} makes a loader import {said(reference)}{missing}{known}"
    if not references:
        yield Level.DANGER, f"the member {where} names code that a loader would import"


def _pinned(value: Any) -> str:
    revision = value.get("code_revision") if isinstance(value, dict) else None
    if isinstance(revision, str) and _COMMIT.fullmatch(revision):
        return f"; code_revision names commit {revision}, which counts only where the loader is told so too"
    return ""


def _kernel(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    """A name with a slash is a repository of kernels: compiled code that is fetched and loaded."""
    for text in _texts(inner):
        if "/" not in text:
            continue
        if where.endswith("_internal"):
            words = f"the member {where} made transformers 4.56 to 5.2 fetch and run code of {said(text)} without asking (CVE-2026-4372)"
            yield Level.ATTACK, words
        else:
            yield (
                Level.DANGER,
                f"the member {where} makes a loader fetch and run compiled kernels of {said(text)}",
            )


def _kernels(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    yield Level.DANGER, f"the member {where} makes a loader fetch and run compiled kernels"


def _names_code(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    first = next(_texts(inner), "code")
    other = " of another repository" if "/" in first else ""
    yield Level.DANGER, f"the member {where} names code{other} that a loader would import: {said(first)}"


def _model_file(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    # In configurations of tokenizers a member of this name is the vocabulary.
    text = next(_texts(inner), "")
    if text.endswith((".py", ".pyc", ".so", ".pyd")) or (
        where == "model_file" and not text.endswith((".model", ".spm", ".json", ".txt"))
    ):
        yield (
            Level.DANGER,
            f"the member {where} makes mlx-lm run the file {said(text)} without asking (CVE-2026-5843)",
        )


def _trust(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    yield Level.DANGER, f"the member {where} asks the loader to trust code of the repository"


def _target(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    text = inner if isinstance(inner, str) else ""
    if PROGRAMS.search(text):
        yield Level.ATTACK, f"the member {where} makes a loader call {said(text)}"
    elif text and not text.startswith(tuple(f"{name}." for name in TARGETS)):
        yield Level.DANGER, f"the member {where} makes a loader import and call {said(text)}"


def _class(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    """A tokenizer's class: a bare name is looked up in a library's list, one in full is imported."""
    if isinstance(inner, str):
        yield from _imported(inner, where, has_file)


def _kinds(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    """The parts of a router of sentence-transformers, each the name of a class in full."""
    named = inner.values() if isinstance(inner, dict) else []
    for text in (text for text in named if isinstance(text, str)):
        if all(part.isidentifier() for part in text.split(".")):
            yield from _imported(text, where, has_file)


def _megatron(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    """A module that PEFT imports by its name, whatever it is."""
    text = inner if isinstance(inner, str) else ""
    if text.split(".")[0] != "megatron":
        yield Level.DANGER, f"the member {where} makes a loader import {said(text)}"


def _imported(inner: Any, where: str, has_file: Callable[[str], bool]) -> Said:
    """The name of a class in full, which sentence-transformers and PEFT import whatever it is."""
    for text in _texts(inner):
        if "." in text and not text.startswith(tuple(f"{name}." for name in LIBRARIES)):
            level = Level.ATTACK if PROGRAMS.search(text) else Level.DANGER
            yield level, f"the member {where} makes a loader import {said(text)}"


RULES: dict[str, Callable[[Any, str, Callable[[str], bool]], Said]] = {
    "auto_map": _auto_map,
    "custom_pipelines": _names_code,
    "custom_generate": _names_code,
    "model_file": _model_file,
    "trust_remote_code": _trust,
    "_target_": _target,
    "parent_library": _imported,
    "tokenizer_class": _class,
    "types": _kinds,
    "megatron_core": _megatron,
    "activation_function": _imported,
    "activation_fn": _imported,
    "sbert_ce_default_activation_function": _imported,
    "kernel_config": _kernels,
    "use_kernels": _kernels,
    "hub_kernels": _kernels,
    "attn_implementation": _kernel,
    "_attn_implementation": _kernel,
    "_attn_implementation_internal": _kernel,
    "experts_implementation": _kernel,
}


MEMBERS = frozenset(RULES) | {"quant_method"}


def _modules(value: Any, name: str) -> Iterator[tuple[Sign, str, Any]]:
    """Parts of a pipeline that are of no known library: sentence-transformers and diffusers import them by name."""
    if name == "modules.json":
        items = value if isinstance(value, list) else []
        named = [
            (f"[{place}].type", item.get("type"))
            for place, item in enumerate(items)
            if isinstance(item, dict)
        ]
    else:
        parts = value.items() if isinstance(value, dict) else []
        named = [(str(part), of[0]) for part, of in parts if isinstance(of, list) and len(of) >= 2]
        yield from _elsewhere(parts)
    for where, library in named:
        if isinstance(library, str) and library.split(".")[0] not in LIBRARIES:
            level = Level.ATTACK if PROGRAMS.search(f"{library}.") else Level.DANGER
            yield (
                Sign(
                    level,
                    "module",
                    f"the part {where} is of a type of its own, {said(library)}, which a loader would import",
                ),
                where,
                library,
            )


def _elsewhere(parts: Iterable[tuple[Any, Any]]) -> Iterator[tuple[Sign, str, Any]]:
    """Parts of a pipeline that are fetched from another repository."""
    for part, of in parts:
        for source in of if isinstance(of, list) else []:
            named = [source.get(name) for name in SOURCES] if isinstance(source, dict) else []
            for text in (text for text in named if isinstance(text, str) and text):
                words = f"the part {said(str(part))} is fetched from another repository, {said(text)}"
                yield Sign(Level.DANGER, "fetched", words), str(part), text


def unknown_quantiser(value: Any) -> str:
    """The method of quantisation that is none of the known ones; empty where there is none."""
    for _, member, inner in walk(value):
        if member == "quant_method" and isinstance(inner, str) and inner.lower() not in QUANTISERS:
            return said(inner)
    return ""


def said(text: str) -> str:
    """A text of the file's, cut short, in one line."""
    plain = " ".join(text.split())
    return plain if len(plain) <= MAX_SAID else plain[: MAX_SAID - 1] + "…"


def _texts(value: Any) -> Iterator[str]:
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict | list):
            yield from (inner for _, _, inner in walk({"": item}) if isinstance(inner, str))


def _mentions(value: Any, names: tuple[str, ...]) -> bool:
    return any(name.lower() in text.lower() for text in _texts(value or []) for name in names)
