"""A trace drawn: every span once, below its parent, where its time lay."""

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from eucora.cli.waterfall import draw
from eucora.clock import EPOCH


def span(own: str, parent: str | None, start_s: float, length_s: float, **more: Any) -> dict[str, Any]:
    time = (EPOCH + timedelta(seconds=start_s)).isoformat()
    return {
        "span_id": own,
        "parent_id": parent,
        "time": time,
        "duration_s": length_s,
        "name": own,
        "status": "ok",
        **more,
    }


def test_children_stand_below_their_parent_in_order_and_bars_where_their_time_lay() -> None:
    spans = [span("c", "a", 2, 2), span("b", "a", 0, 2), span("d", "c", 3, 1, status="error"), span("a", None, 0, 4)]
    lines = draw(spans, 60)
    assert [line.split()[0] for line in lines] == ["a", "b", "c", "✗"]
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 2, 4]
    begins = [line.index("█") for line in lines]
    assert begins[0] == begins[1] < begins[2] < begins[3]
    counts = [line.count("█") for line in lines]
    assert abs(counts[0] - 2 * counts[1]) <= 1
    assert [line.split("  ")[-1].strip() for line in lines] == ["4 s", "2 s", "2 s", "1 s"]


def test_what_a_device_says_does_not_move_the_cursor() -> None:
    (line,) = draw([span("a", None, 0, 1, name="evil\x1b[2J")], 60)
    assert "\x1b" not in line


ids = st.sampled_from("abcdef")
trees = st.lists(
    st.builds(span, ids, st.none() | ids, st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=8
)  # fmt: skip


@given(trees, st.integers(20, 200))
def test_every_span_is_drawn_once_whatever_they_say_of_their_parents(spans: list[dict[str, Any]], width: int) -> None:
    lines = draw(spans, width)
    assert len(lines) == len(spans)
    assert sorted(line.split()[0] for line in lines) == sorted(span["name"] for span in spans)
    assert len({len(line) for line in lines}) == 1
    assert all(any(mark in line for mark in "▏▎▍▌▋▊▉█") for line in lines)
