"""Drawings say what the numbers say: in bounds, in order, broken where nothing was said, and text is only text."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.web.charts import SMALL, Happened, Span, bounds, broken, plot, ticks, timeline

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DAY = Span(NOON - timedelta(days=1), NOON)
VALUES = st.lists(st.floats(-1e12, 1e12, allow_nan=False), min_size=1, max_size=50)


@given(VALUES, st.sampled_from(["ratio", "bytes", "count", "seconds"]))
def test_every_value_lies_within_the_bounds_which_are_never_one(values: list[float], unit: str) -> None:
    low, high = bounds(values, unit)
    assert low < high
    slack = (high - low) * 1e-6 + 1e-9
    assert low - slack <= min(values)
    assert max(values) <= high + slack


@pytest.mark.parametrize(
    ("values", "unit", "found"),
    [
        ([0.2, 0.3], "ratio", (0, 1)),
        ([0, 0], "count", (0, 1)),
        ([3, 90], "count", (0, 90)),
        ([0.0, 5e-324], "count", (0, 1)),
    ],
)
def test_bounds_begin_at_zero_where_that_is_near_and_a_share_is_of_one(
    values: list[float], unit: str, found: tuple[float, float]
) -> None:
    assert bounds(values, unit) == found


@given(VALUES)
def test_a_line_stays_on_its_sheet_in_order_of_time(values: list[float]) -> None:
    points = [(DAY.since + n * timedelta(minutes=10), value) for n, value in enumerate(values)]
    drawn = re.findall(r'class="serie" points="([^"]*)"', plot(DAY, points, "count", "x"))
    at = [tuple(map(float, pair.split(","))) for line in drawn for pair in line.split()]
    assert len(at) == len(values)
    assert [x for x, _ in at] == sorted(x for x, _ in at)
    assert all(SMALL.left - 0.1 <= x <= SMALL.right + 0.1 and -0.1 <= y <= SMALL.floor + 0.1 for x, y in at)


def test_a_line_breaks_where_nothing_was_said_for_long() -> None:
    minutes = [*range(0, 60, 10), *range(600, 660, 10)]
    points = [(DAY.since + timedelta(minutes=m), 1.0) for m in minutes]
    assert [len(part) for part in broken(points, DAY)] == [6, 6]


@pytest.mark.parametrize("length", [timedelta(minutes=3), timedelta(hours=1), timedelta(days=2), timedelta(days=40)])
def test_times_stand_at_round_moments_and_are_few(length: timedelta) -> None:
    found = ticks(Span(NOON - length, NOON), 8)
    assert 1 <= len(found) <= 10
    assert all(at.second == 0 for at, _ in found)


def test_what_a_device_said_is_text_in_a_drawing() -> None:
    evil = '"><script>alert(1)</script>'
    drawn = timeline(DAY, [Happened("crash", NOON - timedelta(hours=2), None, evil)], evil)
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn


def test_a_session_that_began_before_and_goes_on_fills_the_line() -> None:
    drawn = timeline(DAY, [Happened("session", DAY.since - timedelta(days=1), DAY.until, "x")], "what happened")
    (width,) = re.findall(r'class="span s-session"[^>]*width="([0-9.]+)"', drawn)
    assert float(width) > 1_000
