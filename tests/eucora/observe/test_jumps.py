"""A clock that somebody sets is seen; one that is drawn slowly, and a machine that sleeps or is busy, are not."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from eucora.observe.jumps import LEAST_S, REMEMBERED, Jumps

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(st.lists(st.floats(0.1, 1e6), max_size=20), st.floats(-0.0005, 0.0005))
def test_time_that_goes_by_is_no_jump_however_long_between_two_looks(steps: list[float], drawn: float) -> None:
    watch, passed = Jumps(), 0.0
    for step in [0.0, *(min(step, 3600.0) for step in steps)]:  # 0.5 ms a second: as fast as chrony draws
        passed += step
        assert watch.look(NOON + passed * (1 + drawn) * SECOND, passed) == 0.0
    assert watch.lately(NOON + passed * SECOND) is None


@given(st.floats(LEAST_S + 0.1, 1e8) | st.floats(-1e8, -LEAST_S - 0.1))
def test_a_clock_that_was_set_is_told_once_with_how_far_and_remembered_for_an_hour(by: float) -> None:
    watch = Jumps()
    watch.look(NOON, 100.0)
    moved = NOON + (1 + by) * SECOND
    assert abs(watch.look(moved, 101.0) - by) < 0.01
    assert watch.look(moved + SECOND, 102.0) == 0.0
    found = watch.lately(moved + SECOND)
    assert found is not None
    assert abs(found[1] - by) < 0.01
    assert watch.lately(moved + REMEMBERED + 2 * SECOND) is None
