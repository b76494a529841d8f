"""Ranges of ordinals, tombstones and lost batches: what is written is read, and nothing else is."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora_wire import sequence
from eucora_wire.sequence import Items, Lost, Malformed, Tombstone

reasons = st.sampled_from(sequence.REASONS)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[Items, set[int]]:
    """A range and the ordinals in it that are gone."""
    first = draw(st.integers(1, sequence.MAX_ORDINAL - 400))
    last = first + draw(st.integers(0, 300))
    gone = draw(st.dictionaries(st.integers(first, last), reasons, max_size=60))
    return Items(first, last, sequence.tombstones(gone.items())), set(gone)


@given(ranges())
def test_a_range_is_read_as_it_was_written(drawn: tuple[Items, set[int]]) -> None:
    items, _ = drawn
    assert sequence.parse_items(sequence.format_items(items)) == items


@given(ranges())
def test_every_ordinal_is_either_carried_or_a_tombstone(drawn: tuple[Items, set[int]]) -> None:
    items, gone = drawn
    carried = items.carried()
    assert carried == sorted(carried)
    assert set(carried) | gone == set(range(items.first, items.last + 1))
    assert set(carried) & gone == set()
    assert items.carried_count() == len(carried)


@given(st.dictionaries(st.integers(1, 10_000), reasons, max_size=100))
def test_tombstones_are_as_few_runs_as_can_be_and_forget_nothing(gone: dict[int, sequence.Reason]) -> None:
    runs = sequence.tombstones(gone.items())
    assert {n: t.reason for t in runs for n in range(t.first, t.last + 1)} == gone
    assert all(not (a.last + 1 == b.first and a.reason == b.reason) for a, b in pairwise(runs))


def test_the_written_form_of_the_docstring() -> None:
    items = Items(12, 40, (Tombstone(13, 15, "shed"), Tombstone(20, 20, "shed"), Tombstone(33, 33, "void")))
    assert sequence.format_items(items) == "12-40;shed=13-15+20;void=33"
    assert sequence.format_lost([Lost(7, 12, 14, "corrupt"), Lost(9, None, None, "corrupt")]) == (
        "7=12-14:corrupt, 9=:corrupt"
    )


@pytest.mark.parametrize(
    "header",
    [
        "",
        "1",
        "0-1",
        "2-1",
        "01-2",
        "1-2 ",
        "1-2;",
        "1-2;gone=1",
        "1-2;shed=",
        "1-2;shed=3",
        "5-9;shed=4",
        "1-9;shed=5-4",
        "1-9;shed=2-5+4",
        "1-9;shed=2-5;void=5",
        "1-9;shed=2+2",
        f"1-{sequence.MAX_ITEMS + 1}",
        f"{sequence.MAX_ORDINAL}-{sequence.MAX_ORDINAL + 1}",
        "١-٢",
    ],
)
def test_a_header_that_is_no_range_is_malformed(header: str) -> None:
    with pytest.raises(Malformed):
        sequence.parse_items(header)


@given(st.text("0123456789-;+=shedvoid ", max_size=40))
def test_what_is_read_at_all_lies_within_its_own_range(header: str) -> None:
    try:
        items = sequence.parse_items(header)
    except Malformed:
        return
    assert 1 <= items.first <= items.last <= sequence.MAX_ORDINAL
    assert 0 <= items.carried_count() <= items.last - items.first + 1


@st.composite
def losses(draw: st.DrawFn) -> Lost:
    number = draw(st.integers(1, sequence.MAX_ORDINAL))
    if draw(st.booleans()):
        return Lost(number, None, None, draw(reasons))
    first = draw(st.integers(1, sequence.MAX_ORDINAL))
    return Lost(number, first, draw(st.integers(first, sequence.MAX_ORDINAL)), draw(reasons))


@given(st.lists(losses(), max_size=8))
def test_lost_batches_are_read_as_they_were_written(lost: list[Lost]) -> None:
    assert sequence.parse_lost(sequence.format_lost(lost)) == tuple(lost)


@pytest.mark.parametrize(
    "header",
    ["7", "7=", "7=1:shed", "7=1-2", "7=1-2:gone", "7=1-2:shed,8=:shed", " ", "0=:shed", "7=3-2:shed", "7=0-2:shed"],
)
def test_a_header_that_names_no_lost_batch_is_malformed(header: str) -> None:
    with pytest.raises(Malformed):
        sequence.parse_lost(header)
