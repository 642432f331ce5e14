"""In which other forms a quantised checkpoint may hold a linear layer, by the method that its config.json names. Pure.

The shapes are those that the methods' own tools write: GPTQ and AWQ pack along one side into 32-bit words, each group
of inputs with its scale; compressed-tensors, FP8, bitsandbytes and ModelOpt as their documents say.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Shape = tuple[int, ...]
# Which shapes are right; none given means any.
Shapes = tuple[Shape, ...]
WORD_BITS = 32
MAX_GROUPS = 64


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One tensor of a form: what its name ends in, which shapes it may have, and whether it must be there."""

    suffix: str
    shapes: Shapes = ()
    required: bool = True


Form = tuple[Part, ...]
Forms = Callable[[int, int], list[Form]]


@dataclasses.dataclass(frozen=True, slots=True)
class Quantisation:
    """How the checkpoint is quantised."""

    method: str
    forms: Forms | None  # None: nothing is known of this method's tensors

    @property
    def is_known(self) -> bool:
        """Whether the shapes of its tensors are known here."""
        return self.forms is not None


def quantisation_of(config: Mapping[str, Any]) -> Quantisation | None:
    """What the configuration says of it; none where it says nothing."""
    stated = config.get("quantization_config") or config.get("compression_config")
    if not isinstance(stated, dict) or not stated:
        return None
    method = stated.get("quant_method")
    name = method.lower() if isinstance(method, str) and method else "an unnamed method"
    make = _METHODS.get(name)
    return Quantisation(name[:60], make(stated) if make is not None else None)


def _whole(stated: Mapping[str, Any], member: str, default: int) -> int:
    value = stated.get(member)
    return value if type(value) is int and -1 <= value <= 2**20 else default


def _groups(inputs: int, size: int) -> int:
    return 1 if size <= 0 else -(-inputs // size)


def _packed(count: int, bits: int) -> int:
    return -(-count * bits // WORD_BITS)


def _gptq(stated: Mapping[str, Any]) -> Forms:
    bits, size = max(1, _whole(stated, "bits", 4)), _whole(stated, "group_size", 128)

    def forms(outputs: int, inputs: int) -> list[Form]:
        groups = _groups(inputs, size)
        return [
            (
                Part(".qweight", ((_packed(inputs, bits), outputs),)),
                Part(".qzeros", ((groups, _packed(outputs, bits)),)),
                Part(".scales", ((groups, outputs),)),
                Part(".g_idx", ((inputs,),), required=False),
                Part(".bias", ((outputs,),), required=False),
            )
        ]

    return forms


def _awq(stated: Mapping[str, Any]) -> Forms:
    bits = max(1, _whole(stated, "bits", _whole(stated, "w_bit", 4)))
    size = _whole(stated, "group_size", _whole(stated, "q_group_size", 128))

    def forms(outputs: int, inputs: int) -> list[Form]:
        groups = _groups(inputs, size)
        return [
            (
                Part(".qweight", ((inputs, _packed(outputs, bits)),)),
                Part(".qzeros", ((groups, _packed(outputs, bits)),)),
                Part(".scales", ((groups, outputs),)),
                Part(".bias", ((outputs,),), required=False),
            )
        ]

    return forms


def _fp8(stated: Mapping[str, Any]) -> Forms:
    block = _block(stated.get("weight_block_size"))

    def forms(outputs: int, inputs: int) -> list[Form]:
        scales: Shapes = ((), (1,), (outputs, 1)) if block is None else (_blocks(outputs, inputs, block),)
        common = (
            Part(".weight", ((outputs, inputs),)),
            Part(".input_scale", ((), (1,)), required=False),
            Part(".input_scale_ub", (), required=False),
        )
        return [(*common, Part(name, scales)) for name in (".weight_scale_inv", ".weight_scale")]

    return forms


def _block(value: Any) -> tuple[int, int] | None:
    if isinstance(value, list) and len(value) == 2 and all(type(side) is int and side > 0 for side in value):
        return value[0], value[1]
    return None


def _blocks(outputs: int, inputs: int, block: tuple[int, int]) -> Shape:
    return -(-outputs // block[0]), -(-inputs // block[1])


def _bitsandbytes(stated: Mapping[str, Any]) -> Forms:
    def forms(outputs: int, inputs: int) -> list[Form]:
        half = -(-outputs * inputs // 2)
        four = (
            Part(".weight", ((half, 1), (1, half))),
            Part(".weight.absmax"),
            Part(".weight.quant_map"),
            Part(".weight.nested_absmax", required=False),
            Part(".weight.nested_quant_map", required=False),
            Part(".weight.quant_state.bitsandbytes__nf4", required=False),
            Part(".weight.quant_state.bitsandbytes__fp4", required=False),
        )
        eight = (
            Part(".weight", ((outputs, inputs),)),
            Part(".SCB", ((outputs,),)),
            Part(".weight_format", required=False),
        )
        return [four, eight]

    return forms


def _compressed(stated: Mapping[str, Any]) -> Forms:
    groups = stated.get("config_groups")
    schemes = [
        scheme["weights"]
        for scheme in (list(groups.values())[:MAX_GROUPS] if isinstance(groups, dict) else [])
        if isinstance(scheme, dict) and isinstance(scheme.get("weights"), dict)
    ]

    def forms(outputs: int, inputs: int) -> list[Form]:
        return [form for scheme in schemes for form in _compressed_forms(scheme, outputs, inputs)]

    return forms


def _compressed_forms(scheme: Mapping[str, Any], outputs: int, inputs: int) -> Iterator[Form]:
    bits = max(1, _whole(scheme, "num_bits", 8))
    scales = _scales(scheme, outputs, inputs)
    shared = (
        Part(".weight_scale", scales),
        Part(".weight_global_scale", ((), (1,)), required=False),
        Part(".input_global_scale", ((), (1,)), required=False),
        Part(".input_scale", ((), (1,)), required=False),
        Part(".input_zero_point", ((), (1,)), required=False),
        Part(".weight_g_idx", ((inputs,),), required=False),
    )
    yield (Part(".weight", ((outputs, inputs),)), Part(".weight_zero_point", scales, required=False), *shared)
    packed = ((outputs, _packed(inputs, bits)), (outputs, -(-inputs * bits // 8)))
    yield (
        Part(".weight_packed", packed),
        Part(".weight_shape", ((2,),), required=False),
        Part(".weight_zero_point", (), required=False),
        *shared,
    )


def _scales(scheme: Mapping[str, Any], outputs: int, inputs: int) -> Shapes:
    strategy, block = scheme.get("strategy"), _block(scheme.get("block_structure"))
    if strategy == "channel":
        return ((outputs, 1),)
    if strategy in {"group", "tensor_group"}:
        return ((outputs, _groups(inputs, _whole(scheme, "group_size", 128))),)
    if strategy == "block" and block is not None:
        return (_blocks(outputs, inputs, block),)
    if strategy == "tensor":
        return ((), (1,))
    return ()


def _modelopt(stated: Mapping[str, Any]) -> Forms:
    def forms(outputs: int, inputs: int) -> list[Form]:
        scale = ((), (1,))
        eight = (
            Part(".weight", ((outputs, inputs),)),
            Part(".weight_scale", scale),
            Part(".input_scale", scale, required=False),
        )
        four = (
            Part(".weight", ((outputs, -(-inputs // 2)),)),
            Part(".weight_scale", ((outputs, -(-inputs // 16)),)),
            Part(".weight_scale_2", scale),
            Part(".input_scale", scale, required=False),
        )
        return [four, eight]

    return forms


def _blocks_only(stated: Mapping[str, Any]) -> Forms:
    """Only blocks of experts are packed; see `block_form`."""

    def forms(outputs: int, inputs: int) -> list[Form]:
        return []

    return forms


_METHODS: Mapping[str, Callable[[Mapping[str, Any]], Forms]] = {
    "gptq": _gptq,
    "auto-round": _gptq,
    "awq": _awq,
    "fp8": _fp8,
    "fbgemm_fp8": _fp8,
    "bitsandbytes": _bitsandbytes,
    "compressed-tensors": _compressed,
    "modelopt": _modelopt,
    "mxfp4": _blocks_only,
}
# Scales for the cache of keys and values, which belong to no layer of weights.
CACHE_SCALES = (".k_scale", ".v_scale", ".q_scale", ".k_zero_point", ".v_zero_point", ".prob_scale")


def block_form(shape: Sequence[int]) -> Form:
    """How MXFP4 holds a block of experts, each `inputs x outputs`: 32 values of 4 bits with one scale."""
    experts, inputs, outputs = shape
    groups = -(-inputs // 32)
    return (
        Part("_blocks", ((experts, outputs, groups, 16),)),
        Part("_scales", ((experts, outputs, groups),)),
    )
