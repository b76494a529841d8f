"""The true age of a batch: a pure function of its entry, whatever the wall clock did."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora_wire.clock import (
    TOLERANCE_MS,
    Boot,
    Sent,
    correct,
    format_boot,
    format_sent,
    parse_boot,
    parse_sent,
)

DAY_MS = 86_400_000
NOW_MS = 1_790_000_000_000
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)

uptimes = st.integers(0, 400 * DAY_MS)
ages = st.integers(0, 28 * DAY_MS)
walls = st.integers(-(10**13), 10**13)
boots = st.builds(Boot, st.uuids(), uptimes)


@given(boots, walls)
def test_boot_and_sent_are_read_as_they_were_written(boot: Boot, wall_ms: int) -> None:
    assert parse_boot(format_boot(boot)) == boot
    assert parse_sent(format_sent(Sent(boot, wall_ms))) == Sent(boot, wall_ms)


@pytest.mark.parametrize(
    "header", ["", "x;t=1", f"{ONE}", f"{ONE};t=-1", f"{ONE};t=1.5", f"{ONE};t=1 ", f"{ONE};t={'9' * 16}"]
)
def test_a_header_that_is_no_boot_is_refused(header: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the header's own text is never repeated
        parse_boot(header)


@given(uptime=uptimes, age=ages, clock_ms=walls, wall_ms=walls)
def test_within_one_boot_the_age_is_true_whatever_the_wall_clock_says(
    uptime: int, age: int, clock_ms: int, wall_ms: int
) -> None:
    told = correct(Boot(ONE, uptime), clock_ms, Sent(Boot(ONE, uptime + age), wall_ms), NOW_MS)
    assert told.age_ms == age
    assert not told.uncertain
    assert abs(clock_ms + told.shift_ms - (NOW_MS - age)) <= TOLERANCE_MS


@given(uptime=uptimes, age=ages, off_by=st.integers(-TOLERANCE_MS, TOLERANCE_MS))
def test_a_wall_clock_within_the_tolerance_is_left_alone(uptime: int, age: int, off_by: int) -> None:
    sent = Sent(Boot(ONE, uptime + age), NOW_MS)
    assert correct(Boot(ONE, uptime), NOW_MS - age + off_by, sent, NOW_MS).shift_ms == 0


@given(age=ages, skew=st.integers(-400 * DAY_MS, 400 * DAY_MS))
def test_after_another_boot_the_skew_at_sending_is_assumed_and_marked(age: int, skew: int) -> None:
    told = correct(Boot(ONE, 5), NOW_MS - age + skew, Sent(Boot(OTHER, 5), NOW_MS + skew), NOW_MS)
    assert told.uncertain
    assert told.age_ms == age
    assert told.shift_ms == (-skew if abs(skew) > TOLERANCE_MS else 0)


@given(clock_ms=walls)
def test_without_a_word_on_sending_nothing_is_older_than_it_says_nor_from_the_future(clock_ms: int) -> None:
    told = correct(Boot(ONE, 5), clock_ms, None, NOW_MS)
    assert told.uncertain
    assert told.age_ms == max(0, NOW_MS - clock_ms)
    assert clock_ms + told.shift_ms <= NOW_MS + TOLERANCE_MS


def test_a_boot_clock_that_went_back_is_not_believed() -> None:
    told = correct(Boot(ONE, 1_000_000), NOW_MS, Sent(Boot(ONE, 5), NOW_MS), NOW_MS)
    assert told.uncertain


def test_a_clock_set_right_between_sealing_and_sending_does_no_harm() -> None:
    # Sealed in 2099, sent five minutes later by a clock that was put right in between.
    in_2099 = 4_100_000_000_000
    told = correct(Boot(ONE, 0), in_2099, Sent(Boot(ONE, 300_000), NOW_MS), NOW_MS)
    assert in_2099 + told.shift_ms == NOW_MS - 300_000
