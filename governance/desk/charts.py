"""Small charts as inline SVG, readable without colour and with a text for those who do not see them. Pure."""

from collections.abc import Sequence
from html import escape

HEIGHT = 56
WIDTH = 320


def bars(values: Sequence[tuple[str, int]], *, label: str) -> str:
    """A bar for each (name, number); the whole is described by `label` and the numbers are titles of the bars."""
    if not values:
        return ""
    top = max(number for _, number in values) or 1
    step = WIDTH / len(values)
    width = max(step - 2, 1)
    parts = []
    for position, (name, number) in enumerate(values):
        height = round(number / top * (HEIGHT - 4), 2) if number else 0
        shown = max(height, 1.5)
        kind = "bar" if number else "bar bar-none"
        parts.append(
            f'<rect class="{kind}" x="{position * step:.2f}" y="{HEIGHT - shown:.2f}" width="{width:.2f}" '
            f'height="{shown:.2f}" rx="1"><title>{escape(name)}: {number:,}</title></rect>'
        )
    return (
        f'<svg class="bars" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def share(parts: Sequence[tuple[str, int, str]], *, label: str) -> str:
    """One bar divided by (name, number, tone); zero parts are left out."""
    total = sum(number for _, number, _ in parts)
    if not total:
        return ""
    drawn, left = [], 0.0
    for name, number, tone in parts:
        if not number:
            continue
        width = number / total * WIDTH
        drawn.append(
            f'<rect class="share-{tone}" x="{left:.2f}" y="0" width="{max(width - 1.5, 1):.2f}" height="10" rx="2">'
            f"<title>{escape(name)}: {number:,}</title></rect>"
        )
        left += width
    return (
        f'<svg class="share" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} 10" '
        f'preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )
