"""Canonical units in words that people use; curves that say what they were given."""

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.cli.chart import BLANK, draw
from eucora.cli.show import cell, duration, human, print_table


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [
        (0.25, "ratio", "25 %"),
        (1.0, "ratio", "100 %"),
        (41.5, "celsius", "41.5 °C"),
        (0.0125, "seconds", "12.5 ms"),
        (5400.0, "seconds", "1 h 30 min"),
        (512.0, "bytes", "512 B"),
        (2.0**31, "bytes", "2.0 GiB"),
        (88_100_000.0, "bits_per_second", "88.1 Mbit/s"),
        (3.0, "count", "3"),
        (None, "ratio", ""),
    ],
)
def test_a_value_is_told_as_people_say_it(value: float | None, unit: str, told: str) -> None:
    assert human(value, unit) == told


def test_a_duration_has_its_two_largest_parts() -> None:
    assert [duration(s) for s in (0, 1, 61, 3600, 90061)] == ["0 s", "1 s", "1 min 1 s", "1 h", "1 d 1 h"]


@given(st.text())
def test_nothing_that_a_device_says_commands_the_terminal(text: str) -> None:
    shown = cell([text]).plain
    assert not [char for char in shown if unicodedata.category(char) == "Cc" and char not in "\n\t"]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert len(shown) == len(text)


def test_a_table_shows_markup_and_escapes_as_they_were_written(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("WHAT",), [("[bold]no[/] \x1b[31mred\x1b[0m\a",)], empty="")
    out = capsys.readouterr().out
    assert "[bold]no[/] ␛[31mred␛[0m␇" in out
    assert "\x1b" not in out


points = st.lists(
    st.tuples(st.floats(0, 1e6), st.floats(-1e12, 1e12)), min_size=1, max_size=50, unique_by=lambda point: point[0]
).map(sorted)


@given(points, st.integers(20, 120), st.integers(3, 20))
def test_a_chart_keeps_to_its_frame_and_draws_something(
    drawn: list[tuple[float, float]], width: int, height: int
) -> None:
    lines = draw(drawn, width, height, lambda v: f"{v:.1e}")
    assert len(lines) == height
    assert all(len(line) <= max(width, 8 + 10 + 2) for line in lines)
    assert any(ord(char) > BLANK for line in lines for char in line)


def test_a_rise_goes_from_the_lower_left_to_the_upper_right() -> None:
    lines = draw([(float(n), float(n)) for n in range(20)], 40, 5, str)
    assert chr(BLANK) in lines[0] or " " in lines[0]
    first, last = lines[0].rstrip(), lines[-1].rstrip()
    assert len(first) > len(last)
    assert lines[0].startswith("19.0 ┤")
    assert lines[-1].strip().startswith("0.0 ┤")


def test_what_was_not_measured_is_not_drawn() -> None:
    near = [(float(n), 1.0 + n % 2) for n in range(10)]
    far = [(1000.0 + time, value) for time, value in near]
    row = draw(near + far, 60, 4, str)
    middle = [line[30:50] for line in row]
    assert all(set(part) <= {chr(BLANK), " "} for part in middle)


def test_a_flat_line_has_room_above_and_below() -> None:
    assert not math.isnan(float(draw([(0.0, 5.0), (1.0, 5.0)], 40, 5, str)[0].split()[0]))
