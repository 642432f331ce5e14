"""The chart of numbers against limits: any numbers give a picture that holds them."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.desk import limits
from governance.desk.limits import Limit

NUMBERS = st.none() | st.integers(0, 10**15)


@pytest.mark.parametrize(
    ("number", "short"),
    [(0, "0"), (999, "999"), (1500, "1.5 k"), (700_000_000, "700 M"), (2 * 10**9, "2 bn")],
)
def test_numbers_are_short(number: int, short: str) -> None:
    assert limits.short(number) == short


@given(st.lists(NUMBERS, max_size=30), st.lists(st.integers(1, 10**12), max_size=4))
def test_every_bar_and_line_lies_in_the_picture(numbers: list[int | None], lines: list[int]) -> None:
    values = [(f"<{place}>", number) for place, number in enumerate(numbers)]
    drawn = [Limit(number, "a & b") for number in lines]

    picture = limits.chart(values, drawn, label='users "by" month')

    tree = ET.fromstring(picture)
    assert tree.attrib["aria-label"] == 'users "by" month'
    bars = [one for one in tree.iter() if one.attrib.get("class") == "bar"]
    assert len(bars) == sum(number is not None for number in numbers)
    for one in bars:
        assert 0 <= float(one.attrib["y"]) < limits.HEIGHT
        assert float(one.attrib["height"]) > 0
    heights = [float(one.attrib["y1"]) for one in tree.iter() if one.attrib.get("class") == "limit"]
    assert len(heights) == len(lines)
    assert all(0 <= height <= limits.HEIGHT for height in heights)


def test_what_is_larger_stands_higher() -> None:
    picture = limits.chart([("a", 1000), ("b", 1_000_000)], [Limit(100_000, "limit")], label="x")

    first, second = (float(found) for found in re.findall(r'class="bar" x="[^"]*" y="([^"]*)"', picture))
    line = float(re.findall(r'class="limit"[^>]* y1="([^"]*)"', picture)[0])
    assert second < line < first
