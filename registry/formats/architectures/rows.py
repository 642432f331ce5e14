"""The little language in which the tables of tensors are written. Pure.

A line is `name: dimensions if condition`. A name that begins with `.` belongs to every layer, `{e}` stands for each
expert, a line that begins with `?` may be missing. A dimension is a letter of the sizes, or sums and products of them.
"""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator, Mapping

LAYER, EXPERT = "{l}", "{e}"
_LINE = re.compile(r"(?P<may>\?)?\s*(?P<name>\S+):(?P<shape>[^:]*?)(?:\bif\s+(?P<when>.+))?")


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One line of a table."""

    name: str
    shape: tuple[str, ...] | None  # None: any shape
    required: bool
    conditions: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """One tensor that the configuration speaks of."""

    name: str
    shape: tuple[int, ...] | None
    required: bool = True


def numbers(wanted: Wanted) -> int:
    """How many numbers the tensor holds; none where its shape does not matter."""
    return 0 if wanted.shape is None else math.prod(wanted.shape)


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What the letters and conditions of a table mean for one configuration."""

    layers: int
    dimensions: Mapping[str, int]
    # True or false, or the layers for which it is true.
    conditions: Mapping[str, bool | frozenset[int]] = dataclasses.field(default_factory=dict)
    experts: int = 0


@functools.cache
def parse(table: str) -> tuple[Row, ...]:
    """The lines of a table; the tables are ours, so that a bad line is a fault of the program."""
    rows = []
    for line in filter(None, map(str.strip, table.splitlines())):
        found = _LINE.fullmatch(line)
        if found is None:
            raise ValueError(f"not a line of a table: {line!r}")
        shape = None if found["shape"].strip() == "*" else tuple(found["shape"].split())
        conditions = tuple(filter(None, re.split(r"\s+and\s+", (found["when"] or "").strip())))
        rows.append(Row(found["name"], shape, found["may"] is None, conditions))
    return tuple(rows)


def count(rows: tuple[Row, ...], sizes: Sizes) -> int:
    """At most how many tensors the rows stand for, without writing them out."""
    return sum(
        (sizes.layers if row.name.startswith(".") else 1) * (sizes.experts if EXPERT in row.name else 1)
        for row in rows
    )


def expand(rows: tuple[Row, ...], sizes: Sizes, *, layer_prefix: str) -> Iterator[Wanted]:
    """Every tensor that the rows stand for."""
    for row in rows:
        shape = None if row.shape is None else tuple(evaluate(part, sizes.dimensions) for part in row.shape)
        layered = row.name.startswith(".")
        for layer in range(sizes.layers if layered else 1):
            if not all(_holds(condition, sizes, layer) for condition in row.conditions):
                continue
            name = (layer_prefix.replace(LAYER, str(layer)) if layered else "") + row.name
            if EXPERT in name:
                for expert in range(sizes.experts):
                    yield Wanted(name.replace(EXPERT, str(expert)), shape, row.required)
            else:
                yield Wanted(name, shape, row.required)


def _holds(condition: str, sizes: Sizes, layer: int) -> bool:
    name = condition.removeprefix("not ")
    value = sizes.conditions[name]
    holds = value if isinstance(value, bool) else layer in value
    return holds is (name == condition)


def evaluate(expression: str, dimensions: Mapping[str, int]) -> int:
    """The value of sums of products, such as `Q+2*K`."""
    return sum(
        math.prod(int(factor) if factor.isdigit() else dimensions[factor] for factor in term.split("*"))
        for term in expression.split("+")
    )
