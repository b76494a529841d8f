"""Batches shrink on a line that does not carry them, and are large again when it does."""

from hypothesis import given
from hypothesis import strategies as st

from eucora_agent.batching import LEAST, MOST, QUICK_S, SLOW_S, after

fits = st.integers(LEAST, MOST)
items = st.integers(1, 2_000)
took = st.one_of(st.none(), st.floats(0, 60))


@given(fits, st.lists(st.tuples(items, took)))
def test_whatever_a_line_does_a_batch_may_hold_some_items_and_not_without_end(
    fits: int, seen: list[tuple[int, float | None]]
) -> None:
    for count, took_s in seen:
        fits = after(fits, count, took_s)
        assert LEAST <= fits <= MOST


@given(fits, items, st.one_of(st.none(), st.floats(SLOW_S, 60, exclude_min=True)))
def test_what_did_not_get_through_is_not_tried_as_large_again(fits: int, items: int, took_s: float | None) -> None:
    assert after(fits, items, took_s) <= max(LEAST, min(fits, items) // 2)


@given(fits)
def test_a_line_that_is_good_again_is_used_whole_after_a_few_batches(fits: int) -> None:
    for _ in range(7):
        fits = after(fits, fits, QUICK_S)
    assert fits == MOST


@given(fits, st.data())
def test_a_small_batch_that_is_quick_says_nothing_of_a_large_one(fits: int, data: st.DataObject) -> None:
    assert after(fits, data.draw(st.integers(1, fits - 1)), 0.0) == fits
