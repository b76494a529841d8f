"""Batches shrink on a line that does not carry them, and are large again when it does; one that it never carries waits."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.batching import ASIDE_S, LEAST, MOST, QUICK_S, SLOW_S, Carried
from eucora_agent.spool_head import Sealed

STREAM = uuid.uuid4()
fits = st.integers(LEAST, MOST)
items = st.integers(1, 2_000)
took = st.one_of(st.none(), st.floats(0, 60))


def batch(items: int, number: int = 1) -> Sealed:
    return Sealed(number, STREAM, number, 1, items)


def see(carried: Carried, sealed: Sealed, took_s: float | None, now_s: float = 0.0, *, may_wait: bool = True) -> None:
    if took_s is None:
        carried.stalled(sealed, now_s, lambda low, high: high, may_wait=may_wait)
    else:
        carried.answered(sealed, took_s)


@given(fits, st.lists(st.tuples(items, took)))
def test_whatever_a_line_does_a_batch_may_hold_some_items_and_not_without_end(
    fits: int, seen: list[tuple[int, float | None]]
) -> None:
    carried = Carried(fits)
    for count, took_s in seen:
        see(carried, batch(count), took_s)
        assert LEAST <= carried.fits <= MOST


@given(fits, items, st.one_of(st.none(), st.floats(SLOW_S, 60, exclude_min=True)))
def test_what_did_not_get_through_is_not_tried_as_large_again(fits: int, items: int, took_s: float | None) -> None:
    carried = Carried(fits)
    see(carried, batch(items), took_s)
    assert carried.fits <= max(LEAST, min(fits, items) // 2)


@given(fits)
def test_a_line_that_is_good_again_is_used_whole_after_a_few_batches(fits: int) -> None:
    carried = Carried(fits)
    for _ in range(7):
        see(carried, batch(carried.fits), QUICK_S)
    assert carried.fits == MOST


@given(fits, st.data())
def test_a_small_batch_that_is_quick_says_nothing_of_a_large_one(fits: int, data: st.DataObject) -> None:
    carried = Carried(fits)
    see(carried, batch(data.draw(st.integers(1, fits - 1))), 0.0)
    assert carried.fits == fits


@given(st.lists(st.tuples(st.integers(1, 6), took), max_size=60))
def test_of_batches_that_are_as_small_as_may_be_at_most_one_waits_so_that_others_try_the_platform(
    seen: list[tuple[int, float | None]],
) -> None:
    carried = Carried()
    small = {n: batch(n, number=n) for n in range(1, 7)}
    for now, (number, took_s) in enumerate(seen):
        see(carried, small[number], took_s, now_s=float(now))
        assert sum(carried.waits(each, float(now)) for each in small.values()) <= 1


@given(st.integers(2 * LEAST, MOST), st.floats(0, 1e9))
def test_what_is_more_than_the_line_carries_waits_some_minutes_and_no_longer(count: int, now_s: float) -> None:
    carried, sealed = Carried(), batch(count)
    see(carried, sealed, None, now_s)
    assert carried.waits(sealed, now_s + ASIDE_S[1] - 1)
    assert not carried.waits(sealed, now_s + ASIDE_S[1] + 1)


@given(items, st.integers(1, 9))
def test_what_nothing_may_pass_never_waits(count: int, times: int) -> None:
    carried, sealed = Carried(), batch(count)
    for _ in range(times):
        see(carried, sealed, None, may_wait=False)
    assert not carried.waits(sealed, 0.0)


@given(items, took)
def test_what_was_answered_waits_no_more(count: int, took_s: float | None) -> None:
    carried, sealed = Carried(), batch(count)
    see(carried, sealed, took_s)
    see(carried, sealed, 1.0)
    assert not carried.waits(sealed, 0.0)
    assert carried.torn == {}
