"""How fast a sender may send: a mean over a minute, here and among all gateways, and never at the price of waiting."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.gateway import pace
from eucora.gateway.pace import WINDOW_S, Pace
from eucora.problems import TryLater


class Shared:
    """What several gateways have in common: counts of one window."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.away = False

    async def count(self, key: str, window_s: float, by: int = 1) -> int | None:
        if self.away:
            return None
        self.counts[key] = self.counts.get(key, 0) + by
        return self.counts[key]


def taken(limit: Pace, sender: str, now_s: float, most: int) -> int:
    """How many of `most` requests at once are let through."""
    for n in range(most):
        try:
            limit.take(sender, now_s)
        except TryLater:
            return n
    return most


@given(
    rate=st.floats(0.02, 50),
    gaps=st.lists(st.floats(0, 30), min_size=1, max_size=60),
    bursts=st.lists(st.integers(1, 40), min_size=60, max_size=60),
)
def test_nobody_sends_more_than_the_bucket_and_what_flows_into_it(
    rate: float, gaps: list[float], bursts: list[int]
) -> None:
    limit, now_s, through = Pace("test", rate), 0.0, 0
    for gap, burst in zip(gaps, bursts, strict=False):
        now_s += gap
        through += taken(limit, "a", now_s, burst)
        assert through <= max(1.0, rate * WINDOW_S) + rate * now_s + 1e-6


@given(rate=st.floats(1, 50))
def test_one_who_waits_as_long_as_told_is_let_through(rate: float) -> None:
    limit = Pace("test", rate)
    taken(limit, "a", 0.0, 10_000)
    with pytest.raises(TryLater) as told:
        limit.take("a", 0.0)
    assert told.value.slug == "too-fast"
    limit.take("a", told.value.retry_after_s)


def test_senders_do_not_slow_each_other() -> None:
    limit = Pace("test", 1.0)
    assert taken(limit, "a", 0.0, 100) == 60
    assert taken(limit, "b", 0.0, 100) == 60


def test_the_times_to_wait_are_spread_so_that_a_fleet_does_not_return_as_one() -> None:
    waits = set()
    for seed in range(20):
        limit = Pace("test", 0.1, random.Random(seed))
        taken(limit, "a", 0.0, 10)
        with pytest.raises(TryLater) as told:
            limit.take("a", 0.0)
        waits.add(told.value.retry_after_s)
    assert len(waits) == 20


def test_memory_is_bounded_whoever_knocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_KNOWN", 100)
    limit = Pace("test", 1.0)
    for n in range(10_000):
        limit.take(n, n / 1000)
    assert len(limit._buckets) <= 100


async def test_gateways_together_close_a_sender_who_spreads_over_them() -> None:
    shared, gateways = Shared(), [Pace("test", 1.0) for _ in range(4)]
    for gateway in gateways:
        assert taken(gateway, "a", 0.0, 40) == 40
    for gateway in gateways:
        await gateway.share(shared, 0.0)
    assert shared.counts == {"pace:test:a": 160}
    assert taken(gateways[-1], "a", 1.0, 1) == 0
    assert taken(gateways[-1], "a", 1.0 + WINDOW_S / 4, 1) == 1
    assert taken(gateways[-1], "b", 1.0, 1) == 1


async def test_what_was_told_to_the_cache_is_not_told_twice_and_slow_senders_never() -> None:
    shared, limit = Shared(), Pace("test", 1.0)
    taken(limit, "busy", 0.0, 40)
    taken(limit, "slow", 0.0, 5)
    for _ in range(3):
        await limit.share(shared, 0.0)
    assert shared.counts == {"pace:test:busy": 40}


async def test_while_the_cache_is_away_each_gateway_limits_by_itself() -> None:
    shared, limit = Shared(), Pace("test", 1.0)
    shared.away = True
    assert taken(limit, "a", 0.0, 100) == 60
    await limit.share(shared, 0.0)
    assert taken(limit, "a", 10.0, 100) == 10
