"""The tensors of a PEFT LoRA adapter, from its adapter_config.json and, where it is known, its base. Pure."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

from registry.formats.architectures.compare import WrongShape, words
from registry.formats.safetensors import Tensor

MAX_RANK = 2**16
MAX_TARGETS = 1000
PREFIX = "base_model.model."
_PART = re.compile(
    r"(?P<module>.+?)\.(?:base_layer\.)?(?P<part>lora_(?:embedding_)?[AB]|lora_magnitude_vector)"
    r"(?:\.(?!weight$|bias$)[A-Za-z0-9_-]+)?(?:\.(?P<kind>weight|bias))?"
)
# PEFT stores these by itself where the vocabulary was resized.
_SAVED_ALONG = frozenset(
    {"embed_tokens", "lm_head", "wte", "embed_in", "embed_out", "word_embeddings", "score", "classifier"}
)


class BadAdapter(ValueError):
    """The adapter's configuration does not say what it would need to; `member` names the place."""

    def __init__(self, member: str, message: str) -> None:
        super().__init__(message)
        self.member = member


@dataclasses.dataclass(frozen=True, slots=True)
class Lora:
    """What a LoRA configuration says of its tensors."""

    rank: int
    # Last parts of module names; None where the configuration gives an expression or all linear layers.
    targets: tuple[str, ...] | None
    saved: frozenset[str]
    has_rank_pattern: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """What one module of the base got: the two factors, and the sizes that they fit."""

    module: str
    down: Tensor
    up: Tensor
    is_embedding: bool

    @property
    def inputs(self) -> int:
        """How many inputs the module must have."""
        return self.down.shape[1]

    @property
    def outputs(self) -> int:
        """How many outputs the module must have."""
        return self.up.shape[0]


@dataclasses.dataclass
class AdapterTensors:
    """What the weights of an adapter hold, and how that differs from its configuration."""

    pairs: list[Pair] = dataclasses.field(default_factory=list)
    halves: list[str] = dataclasses.field(default_factory=list)
    wrong: list[WrongShape] = dataclasses.field(default_factory=list)
    off_target: list[str] = dataclasses.field(default_factory=list)
    without_tensors: list[str] = dataclasses.field(default_factory=list)
    extra: list[str] = dataclasses.field(default_factory=list)
    saved: list[str] = dataclasses.field(default_factory=list)


def lora_of(config: Mapping[str, Any]) -> Lora | None:
    """What the configuration says; none where it is of another kind than LoRA; raises `BadAdapter`."""
    if config.get("peft_type") != "LORA":
        return None
    rank = config.get("r")
    if type(rank) is not int or not 1 <= rank <= MAX_RANK:
        raise BadAdapter(
            "r", f"the rank r is {str(rank)[:40]}; a whole number from 1 to {MAX_RANK} belongs there"
        )
    return Lora(
        rank=rank,
        targets=_targets(config.get("target_modules")),
        saved=frozenset(_names(config.get("modules_to_save"), "modules_to_save")),
        has_rank_pattern=bool(config.get("rank_pattern")),
    )


def _targets(value: Any) -> tuple[str, ...] | None:
    if value is None or isinstance(value, str):
        return None
    return _names(value, "target_modules")


def _names(value: Any, member: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise BadAdapter(member, f"{member} is no list of names")
    if len(value) > MAX_TARGETS:
        raise BadAdapter(member, f"{member} names {len(value)} modules; at most {MAX_TARGETS} are looked at")
    return tuple(value)


def hold(tensors: Mapping[str, Tensor], lora: Lora) -> AdapterTensors:
    """The pairs of factors, each against the rank and the targets."""
    found = AdapterTensors()
    factors: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _PART.fullmatch(name)
        if match is None:
            (found.saved if _is_saved(name, lora) else found.extra).append(name)
        elif match["kind"] == "weight" or match["part"].startswith("lora_embedding"):
            factors.setdefault(match["module"], {})[match["part"]] = tensor
    for module, parts in factors.items():
        _module(module, parts, lora, found)
    if lora.targets is not None:
        modules = [pair.module for pair in found.pairs]
        found.without_tensors += [
            target for target in lora.targets if not any(_is_named(module, target) for module in modules)
        ]
    return found


def _is_saved(name: str, lora: Lora) -> bool:
    parts = set(name.split("."))
    return bool(parts & (lora.saved | _SAVED_ALONG)) or "modules_to_save" in parts


def _module(module: str, parts: Mapping[str, Tensor], lora: Lora, found: AdapterTensors) -> None:
    embedding = "lora_embedding_A" in parts or "lora_embedding_B" in parts
    middle = "embedding_" if embedding else ""
    down, up = parts.get(f"lora_{middle}A"), parts.get(f"lora_{middle}B")
    if down is None or up is None:
        if set(parts) != {"lora_magnitude_vector"}:
            found.halves.append(module)
        return
    if len(down.shape) != 2 or len(up.shape) != 2:
        return  # convolutions
    rank = down.shape[0]
    if up.shape[1] != rank or (rank != lora.rank and not lora.has_rank_pattern):
        found.wrong.append(WrongShape(down.name, down.shape, ((lora.rank, down.shape[1]),)))
        if up.shape[1] != rank:
            return
    if lora.targets is not None and not any(_is_named(module, target) for target in lora.targets):
        found.off_target.append(module)
    found.pairs.append(Pair(module.removeprefix(PREFIX), down, up, embedding))


def _is_named(module: str, target: str) -> bool:
    return module == target or module.endswith(f".{target}")


def misfits(pairs: list[Pair], base: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    """The modules that the base does not have, or has in another size, each with the words for it."""
    for pair in pairs:
        weight = base.get(f"{pair.module}.weight")
        if weight is None:
            if not any(name.startswith(f"{pair.module}.") for name in base):
                yield pair.module, "the base has no such module"
        elif len(weight.shape) == 2:
            fits = {(pair.outputs, pair.inputs), (pair.inputs, pair.outputs)}
            if weight.shape not in fits:
                stored, wanted = words(weight.shape), words((pair.outputs, pair.inputs))
                yield pair.module, f"the base has {stored} there, the adapter was made for {wanted}"
