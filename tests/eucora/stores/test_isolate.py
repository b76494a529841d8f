"""Whatever a server refuses for ever, everything else is delivered, and little is asked to find that out."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.problems import TryLater
from eucora.stores.isolate import Unacceptable, deliver, refusals
from eucora.stores.remote_write import Sample


class Server:
    """All or nothing, as Prometheus 2.42; or the good part and a refusal, as later ones. It names the first fault."""

    def __init__(self, oldest: int = 0, bad: frozenset[Sample] = frozenset(), partial: bool = False) -> None:
        self.oldest, self.bad, self.partial = oldest, bad, partial
        self.held: set[Sample] = set()
        self.requests = 0

    async def take(self, samples: Sequence[Sample]) -> None:
        self.requests += 1
        faults = [s for s in samples if s in self.bad or s[1] < self.oldest]
        if not faults or self.partial:
            self.held |= set(samples) - set(faults)
        if faults:
            raise Unacceptable("conflict") if faults[0] in self.bad else Unacceptable("too-old", "all")


samples = st.sets(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.integers(0, 60), st.just(1.0)), max_size=80)


@given(samples, st.integers(0, 60), st.randoms(use_true_random=False), st.booleans())
async def test_all_that_is_good_is_held_and_all_that_is_bad_is_told_once(
    told: set[Sample], oldest: int, rng: object, partial: bool
) -> None:
    bad = frozenset(sorted(told)[:: rng.randint(1, 9)])  # type: ignore[attr-defined]
    server = Server(oldest, bad, partial)
    lost = await deliver(sorted(told), server.take)
    refused = {s for s in told if s in bad or s[1] < oldest}
    assert server.held == told - refused
    assert sorted(ms for _, ms in lost) == sorted(ms for _, ms, _ in refused)


async def test_a_parcel_that_is_too_old_altogether_costs_a_few_requests() -> None:
    server = Server(oldest=10**6)
    lost = await deliver([(b"a", ms, 1.0) for ms in range(10_000)], server.take)
    assert len(lost) == 10_000
    assert server.requests <= 15


async def test_one_bad_sample_of_many_costs_a_few_requests() -> None:
    told = [(b"a", ms, 1.0) for ms in range(10_000)]
    server = Server(bad=frozenset({told[4_711]}))
    assert await deliver(told, server.take) == [("conflict", 4_711)]
    assert server.requests <= 30
    assert len(server.held) == 9_999


async def test_out_of_order_in_one_series_says_nothing_of_another() -> None:
    held: set[Sample] = set()

    async def take(part: Sequence[Sample]) -> None:
        if any(labels == b"a" and ms < 50 for labels, ms, _ in part):
            raise Unacceptable("out-of-order", "series")
        held.update(part)

    told = [(labels, ms, 1.0) for labels in (b"a", b"b") for ms in range(100)]
    lost = await deliver(told, take)
    assert len(lost) == 50
    assert {ms for _, ms in lost} == set(range(50))
    assert len(held) == 150


async def test_a_server_that_goes_away_in_between_ends_it() -> None:
    async def take(part: Sequence[Sample]) -> None:
        if len(part) > 1:
            raise Unacceptable("conflict")
        raise TryLater("store-unavailable")

    with pytest.raises(TryLater):
        await deliver([(b"a", 1, 1.0), (b"a", 2, 1.0)], take)


def test_refusals_are_a_range_and_a_count_a_reason() -> None:
    found = refusals([("too-old", 5_000), ("conflict", 1_000), ("too-old", 2_000)])
    assert [(r.reason, r.count, r.first.second, r.last.second) for r in found] == [
        ("conflict", 1, 1, 1),
        ("too-old", 2, 2, 5),
    ]
