"""The gap ledger is the union of what was told: it does not matter in which order, in which portions or how often."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from eucora.journal.intervals import MOST_MISSING, Account, accounted, begun, joined, pack, unpack

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
Ranges = Sequence[tuple[int, int]]
RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12)).map(lambda r: (r[0], r[0] + r[1])), max_size=14)


def heard(ranges: Ranges) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


def missing(account: Account) -> set[int]:
    return heard([(each.first, each.last) for each in account.missing])


def after(parts: Iterable[Ranges]) -> Account:
    account = Account()
    for n, part in enumerate(parts):
        account = accounted(account, joined(part), NOW + timedelta(seconds=n))
    return account


@given(RANGES, st.randoms(use_true_random=False), st.integers(1, 5))
def test_whatever_the_order_and_the_portions_it_is_what_a_set_would_say(
    ranges: Ranges, chance: Random, size: int
) -> None:
    wanted = heard(ranges)
    shuffled = [*ranges, *ranges[: len(ranges) // 2]]  # some come twice
    chance.shuffle(shuffled)
    found = after([shuffled[n : n + size] for n in range(0, len(shuffled), size)])
    assert found.last == max(wanted, default=0)
    assert missing(found) == set(range(1, found.last + 1)) - wanted
    firsts = [each.first for each in found.missing]
    assert firsts == sorted(firsts)
    assert all(each.first <= each.last for each in found.missing)


@given(RANGES)
def test_ranges_joined_are_the_same_ordinals_and_never_touch(ranges: Ranges) -> None:
    found = joined(ranges)
    assert heard(found) == heard(ranges)
    assert all(a[1] + 1 < b[0] for a, b in pairwise(found))


@given(RANGES)
def test_what_is_kept_is_what_was_known(ranges: Ranges) -> None:
    account = after([[each] for each in ranges])
    assert unpack({"last": account.last, "missing": pack(account), "begins": account.begins}) == account


def test_since_when_a_gap_is_known_stays_when_a_part_of_it_is_filled() -> None:
    account = after([[(1, 3)], [(20, 22)], [(10, 12)]])
    assert [(m.first, m.last, m.since) for m in account.missing] == [
        (4, 9, NOW + timedelta(seconds=1)),
        (13, 19, NOW + timedelta(seconds=1)),
    ]


def test_a_device_that_leaves_ever_more_holes_fills_no_table_and_hides_none() -> None:
    ranges = [(n, n) for n in range(2, 4 * MOST_MISSING, 2)]
    account = after([ranges])
    assert len(account.missing) == MOST_MISSING
    assert missing(account) >= set(range(1, account.last)) - heard(ranges)


@given(RANGES, st.integers(1, 40), st.integers(0, 6), st.integers(0, 10), st.randoms(use_true_random=False))
def test_a_stream_that_runs_on_from_another_misses_nothing_below_its_first_item_whenever_that_comes(
    ranges: Ranges, begin: int, length: int, when: int, chance: Random
) -> None:
    first, others = (begin, begin + length), [(a + begin, b + begin) for a, b in ranges]
    account = Account()
    for n, each in enumerate([*others[:when], first, *others[when:]]):
        if each is first:
            account = begun(account, begin)
        account = accounted(account, [each], NOW + timedelta(seconds=n))
    wanted = heard([first, *others])
    assert missing(account) == set(range(begin, max(wanted) + 1)) - wanted
    assert account.items == max(wanted) - begin + 1
