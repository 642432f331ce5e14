"""How the desk writes things: sizes, distances, badges, charts."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.desk import charts
from governance.templatetags import desk

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DIGEST = "sha256:" + 64 * "a"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\N{EN DASH}"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (3_200_000, "3.2 MB"),
        (10**15, "1000.00 TB"),
    ],
)
def test_sizes_are_in_units_of_a_thousand(value: int | None, shown: str) -> None:
    assert desk.size(value) == shown


@pytest.mark.parametrize(
    ("delta", "shown"),
    [
        (timedelta(seconds=5), "now"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=30), "1 d ago"),
        (-timedelta(hours=5), "in 5 h"),
        (-timedelta(days=90), "in 90 d"),
    ],
)
def test_distances_use_the_largest_unit_that_fits(delta: timedelta, shown: str) -> None:
    assert desk.distance(NOW - delta, NOW) == shown


def test_a_badge_says_its_word_and_has_a_sign() -> None:
    badge = desk.badge("allowed_with_obligations")

    assert "allowed with obligations</span>" in badge
    assert "badge-good" in badge
    assert 'aria-hidden="true"' in badge


def test_what_comes_from_outside_is_escaped() -> None:
    bad = "<script>alert(1)</script>"

    for shown in (desk.badge(bad), desk.digest(bad), desk.subject_link(bad)):
        assert "<script" not in shown


def test_a_shortened_digest_is_copied_in_full() -> None:
    shown = desk.digest(DIGEST, "the digest", 12)

    assert f'data-copy="{DIGEST}"' in shown
    assert f"sha256:{12 * 'a'}\N{HORIZONTAL ELLIPSIS}</code>" in shown
    assert 'aria-label="Copy the digest"' in shown


@pytest.mark.parametrize(("part", "whole", "shown"), [(0, 0, 0), (1, 3, 33), (3, 3, 100), (9, 3, 100)])
def test_percents_never_pass_a_hundred(part: int, whole: int, shown: int) -> None:
    assert desk.percent(part, whole) == shown


def test_facts_in_brief_leave_out_digests_and_what_is_empty() -> None:
    facts = {"cpu": "EPYC", "gpus": [], "flags_digest": DIGEST, "threads": 2}

    assert desk.brief(facts) == "cpu EPYC, threads 2"


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])), st.integers(0, 10**12)
        ),
        max_size=40,
    )
)
def test_charts_are_well_formed_for_any_names_and_numbers(values: list[tuple[str, int]]) -> None:
    drawn = charts.bars(values, label='"numbers" & names')

    if values:
        bars = ET.fromstring(drawn).findall("rect")
        assert len(bars) == len(values)
        assert all(0 <= float(bar.get("y", "-1")) <= charts.HEIGHT for bar in bars)
    else:
        assert drawn == ""


def test_a_share_leaves_out_what_is_zero() -> None:
    parts = [("a", 1, "good"), ("b", 0, "bad"), ("c", 3, "warn")]

    assert len(ET.fromstring(charts.share(parts, label="parts")).findall("rect")) == 2
    assert charts.share([("a", 0, "good")], label="parts") == ""
