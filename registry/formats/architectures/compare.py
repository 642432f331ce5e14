"""Holds the tensors that a checkpoint has against those that its configuration speaks of. Pure."""

import dataclasses
from collections.abc import Iterator, Mapping

from registry.formats.architectures.expected import Expectation
from registry.formats.architectures.quantised import CACHE_SCALES, Form, Part, Quantisation, block_form
from registry.formats.architectures.rows import Wanted
from registry.formats.safetensors import Tensor

# Names of tensors that are looked up by row, or that hold one number for each column: never quantised.
_NEVER_LINEAR = ("embed", "wte.", "wpe.", "norm", ".ln_")
_OLD_NAMES = ((".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias"))
_OTHER_PREFIXES = {"language_model.": "model.language_model."}
FLOATS = frozenset({"F16", "BF16", "F32", "F64"})


@dataclasses.dataclass(frozen=True, slots=True)
class WrongShape:
    """A tensor that is there, but not as the configuration says."""

    name: str
    stored: tuple[int, ...]
    wanted: tuple[tuple[int, ...], ...]


@dataclasses.dataclass
class Comparison:
    """What was held against each other, and how they differ."""

    compared: int = 0
    missing: list[str] = dataclasses.field(default_factory=list)
    extra: list[str] = dataclasses.field(default_factory=list)
    wrong: list[WrongShape] = dataclasses.field(default_factory=list)
    # Numbers that are stored in fewer bits than the configuration says.
    narrow: list[str] = dataclasses.field(default_factory=list)
    not_compared: list[str] = dataclasses.field(default_factory=list)
    # The parts on top that a checkpoint of the bare model leaves out.
    without_head: list[str] = dataclasses.field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs."""
        return not (self.missing or self.extra or self.wrong or self.narrow)


def compare(
    tensors: Mapping[str, Tensor], expectation: Expectation, quantisation: Quantisation | None
) -> Comparison:
    """Every difference; the steps grow with the number of tensors only."""
    stored = {_plain_name(name, expectation): tensor for name, tensor in tensors.items()}
    run = _Run(stored, expectation, quantisation, is_bare=_is_stored_bare(stored, expectation))
    for name, wanted in expectation.wanted.items():
        run.hold(name, wanted)
    for name in run.left:
        (run.found.not_compared if run.is_unclaimed(name) else run.found.extra).append(name)
    return run.found


def _is_stored_bare(stored: Mapping[str, Tensor], expectation: Expectation) -> bool:
    """Whether the checkpoint leaves out the body's prefix, as those of a bare model do."""
    body = expectation.architecture.prefix + expectation.architecture.family.body
    named = [name for name in expectation.wanted if name.startswith(body)]
    full = sum(name in stored for name in named)
    short = sum(name.removeprefix(body) in stored for name in named)
    return short > full or (short == full and expectation.architecture.is_bare)


def _plain_name(name: str, expectation: Expectation) -> str:
    for old, new in _OLD_NAMES:
        if name.endswith(old):
            return name.removesuffix(old) + new
    prefix = expectation.architecture.prefix
    other = _OTHER_PREFIXES.get(prefix, "")
    if other and name.startswith(other):
        return f"{prefix}model.{name.removeprefix(other)}"
    return name


class _Run:
    """One comparison: the tensors that nothing has spoken of yet, and what was found so far."""

    def __init__(
        self,
        stored: Mapping[str, Tensor],
        expectation: Expectation,
        quantisation: Quantisation | None,
        *,
        is_bare: bool,
    ) -> None:
        self.stored, self.expectation, self.quantisation = stored, expectation, quantisation
        self.is_bare = is_bare
        self.left = dict.fromkeys(stored)
        self.found = Comparison()
        self.unknown_layers: set[str] = set()
        architecture = expectation.architecture
        self.body = architecture.prefix + architecture.family.body
        layers = architecture.prefix + architecture.family.layers.partition("{l}")[0]
        self.layers = layers.removeprefix(self.body) if is_bare else layers

    def hold(self, full_name: str, wanted: Wanted) -> None:
        """Look for one tensor, under its own name or in one of the forms of the quantisation."""
        name = full_name.removeprefix(self.body) if self.is_bare else full_name
        if wanted.shape is not None and self.quantisation is not None and _is_linear(name, wanted.shape):
            if not self.quantisation.is_known:
                self._pass_over(name)
                return
            if self._hold_packed(name, wanted.shape, self.quantisation):
                return
        tensor = self.stored.get(name)
        if tensor is not None:
            self._hold_plain(name, wanted.shape, tensor)
        elif wanted.required:
            in_head = self.is_bare and not full_name.startswith(self.body)
            (self.found.without_head if in_head else self.found.missing).append(name)

    def _hold_plain(self, name: str, shape: tuple[int, ...] | None, tensor: Tensor) -> None:
        self.left.pop(name, None)
        self.found.compared += 1
        if shape is not None and tensor.shape != shape:
            self.found.wrong.append(WrongShape(name, tensor.shape, (shape,)))
        elif shape is not None and tensor.dtype not in FLOATS:
            self.found.narrow.append(name)

    def _hold_packed(self, name: str, shape: tuple[int, ...], quantisation: Quantisation) -> bool:
        for form, base in _forms(name, shape, quantisation, self.expectation):
            if all(base + part.suffix in self.stored for part in form if part.required):
                for part in form:
                    self._claim(base + part.suffix, part)
                return True
        return False

    def _claim(self, name: str, part: Part) -> None:
        if name in self.left:
            self.left.pop(name)
            self.found.compared += 1
            tensor = self.stored[name]
            if part.shapes and tensor.shape not in part.shapes:
                self.found.wrong.append(WrongShape(name, tensor.shape, part.shapes))

    def _pass_over(self, name: str) -> None:
        """A layer of a quantisation that is not known here: what is stored under its name is not compared."""
        self.left.pop(name, None)
        self.unknown_layers.add(name.removesuffix(".weight"))
        self.found.not_compared.append(name)

    def is_unclaimed(self, name: str) -> bool:
        """Whether the tensor is of a part that the tables do not speak of."""
        unclaimed = self.expectation.architecture.unclaimed
        if unclaimed and name.startswith(unclaimed):
            return True
        number = name.removeprefix(self.layers).partition(".")[0] if name.startswith(self.layers) else ""
        is_number = number.isascii() and number.isdigit() and len(number) < 6
        if is_number and 0 <= int(number) - self.expectation.layers < self.expectation.further_layers:
            return True
        if self.quantisation is None:
            return False
        parts = name.split(".")
        return name.endswith(CACHE_SCALES) or any(
            ".".join(parts[:count]) in self.unknown_layers for count in range(1, min(len(parts), 16))
        )


def _is_linear(name: str, shape: tuple[int, ...]) -> bool:
    if len(shape) == 3:
        return True
    return len(shape) == 2 and name.endswith(".weight") and not any(word in name for word in _NEVER_LINEAR)


def _forms(
    name: str, shape: tuple[int, ...], quantisation: Quantisation, expectation: Expectation
) -> Iterator[tuple[Form, str]]:
    if len(shape) == 3:
        yield block_form(shape), name
    elif quantisation.forms is not None:
        outputs, inputs = reversed(shape) if expectation.architecture.family.transposed else shape
        for form in quantisation.forms(outputs, inputs):
            yield form, name.removesuffix(".weight")


def words(shape: tuple[int, ...]) -> str:
    """A shape as people read it."""
    return " x ".join(map(str, shape)) or "one number"
