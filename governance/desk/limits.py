"""A chart of numbers by month against limits, on a scale of powers of ten. Pure.

Users of a service and the limits of licenses lie far apart: on an even scale the one would vanish beside the other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 14, 26
UNITS = ((1_000_000_000, "bn"), (1_000_000, "M"), (1000, "k"))


@dataclass(frozen=True)
class Limit:
    """A line at a number."""

    number: int
    label: str


def short(number: int) -> str:
    """A number in few characters: 700 M, 1.5 k."""
    for size, unit in UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def chart(values: Sequence[tuple[str, int | None]], limits: Sequence[Limit], *, label: str) -> str:
    """Bars by name with the lines of the limits; a month without a number has no bar."""
    numbers = [number for _, number in values if number]
    top = max([10, *numbers, *(limit.number for limit in limits)])
    bottom = min([top / 10, *(number for number in numbers if number)])
    low, high = math.floor(math.log10(bottom)), math.ceil(math.log10(top) + 0.05)
    parts = [_decade(power, low, high) for power in range(low, high + 1)]
    parts += _bars(values, low, high)
    parts += [_line(limit, low, high) for limit in limits]
    return (
        f'<svg class="limits" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f"{''.join(parts)}</svg>"
    )


def _height(number: float, low: int, high: int) -> float:
    share = (math.log10(max(number, 10.0**low)) - low) / (high - low)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _decade(power: int, low: int, high: int) -> str:
    y = _height(10.0**power, low, high)
    return (
        f'<line class="decade" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="scale" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(10**power) if power >= 0 else ""}</text>'
    )


def _bars(values: Sequence[tuple[str, int | None]], low: int, high: int) -> list[str]:
    step = (WIDTH - LEFT - RIGHT) / max(len(values), 1)
    width = min(step * 0.66, 44)
    floor = HEIGHT - BOTTOM
    parts = []
    every = max(1, math.ceil(len(values) / 12))
    for place, (name, number) in enumerate(values):
        middle = LEFT + step * (place + 0.5)
        if number is not None:
            y = min(_height(number, low, high) if number else floor, floor - 2)
            parts.append(
                f'<rect class="bar" x="{middle - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" '
                f'height="{floor - y:.1f}" rx="2"><title>{escape(name)}: {number:,}</title></rect>'
            )
        if (len(values) - 1 - place) % every == 0:
            parts.append(
                f'<text class="scale" x="{middle:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(name)}</text>'
            )
    return parts


def _line(limit: Limit, low: int, high: int) -> str:
    y = _height(limit.number, low, high)
    return (
        f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="limit-name" x="{WIDTH - RIGHT - 4}" y="{y - 5:.1f}" text-anchor="end">{escape(limit.label)}</text>'
    )
