"""Old batches come in turns: no more than journal and digest take, every site alike, every device once before again."""

import random
import uuid
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.gateway import replay
from eucora.gateway.replay import LEAST, LIVE_BEHIND, LONGEST_S, MOST, REPLAY_BEHIND, Turns, level
from eucora.problems import TryLater

SITES = st.dictionaries(st.sampled_from(["", "muscat", "pune", "oslo"]), st.floats(0, 10_000), min_size=1)


def turns(sites: Mapping[uuid.UUID, str] | None = None, crowded: list[bool] | None = None) -> Turns:
    known = {} if sites is None else sites
    return Turns(lambda d: known.get(d, ""), lambda: bool(crowded and crowded[0]), random.Random(7))


def slow(limit: Turns) -> Turns:
    """The digest is far behind, until the rate is the least."""
    for _ in range(20):
        limit.look(LIVE_BEHIND + 1, 0, 0.0)
    return limit


def told(limit: Turns, device: uuid.UUID) -> float:
    """Seconds until it may come again; 0 when it was let through."""
    try:
        limit.take(device)
    except TryLater as later:
        return later.retry_after_s
    return 0.0


@given(st.floats(1, 5_000), SITES)
def test_all_have_alike_and_what_one_leaves_the_others_have(rate: float, wanted: dict[str, float]) -> None:
    each = level(rate, wanted.values())
    given_ = sum(min(want, each) for want in wanted.values())
    assert given_ == pytest.approx(min(rate, sum(wanted.values())))
    assert each >= rate / max(1, len(wanted)) - 1e-6


def test_while_all_keep_up_nobody_waits() -> None:
    limit = turns()
    for second in range(10):
        limit.look(0, 0, float(second))
        assert [told(limit, uuid.uuid4()) for _ in range(int(MOST / 2))] == [0.0] * int(MOST / 2)


@pytest.mark.parametrize("behind", [(LIVE_BEHIND + 1, 0), (0, REPLAY_BEHIND + 1)])
def test_when_the_digest_falls_behind_fewer_are_let_through_but_never_none(behind: tuple[int, int]) -> None:
    limit = turns()
    rates = []
    for _ in range(12):
        limit.look(*behind, 0.0)
        rates.append(limit.rate)
    assert rates[:3] == [MOST / 2, MOST / 4, MOST / 8]
    assert rates[-1] == LEAST
    for _ in range(25):
        limit.look(0, 0, 0.0)
    assert limit.rate == MOST


def test_a_hundred_thousand_that_come_at_once_are_told_times_that_spread_what_is_owed() -> None:
    limit = turns()
    waits = [told(limit, uuid.uuid4()) for _ in range(100_000)]
    a_second = [sum(second <= wait < second + 1 for wait in waits if wait) for second in range(60)]
    assert max(a_second) < 1.6 * MOST
    assert max(waits) > 0.9 * 100_000 / MOST


def test_who_would_wait_long_is_told_to_ask_again_in_between_since_the_rate_may_rise() -> None:
    limit = slow(turns())
    waits = [told(limit, uuid.uuid4()) for _ in range(100_000)]
    assert 0.9 * LONGEST_S < max(waits) <= LONGEST_S + 5
    assert sum(wait < LONGEST_S / 2 for wait in waits) <= LEAST * LONGEST_S


def test_a_crowded_door_lets_no_old_batch_in_and_keeps_its_place() -> None:
    crowded = [True]
    limit, device = turns(crowded=crowded), uuid.uuid4()
    assert 1 <= told(limit, device) <= 5
    crowded[0] = False
    assert told(limit, device) == 0.0


def test_who_waits_as_long_as_told_is_let_through_before_those_that_came_later() -> None:
    limit = slow(turns())
    first = [uuid.uuid4() for _ in range(int(4 * LEAST))]
    waits = {device: told(limit, device) for device in first}
    late = {uuid.uuid4() for _ in range(1_000)}
    assert all(told(limit, device) for device in late)
    limit.look(LIVE_BEHIND + 1, 0, max(waits.values()))
    assert [told(limit, device) for device in first if waits[device]] == [0.0] * sum(w > 0 for w in waits.values())


def test_a_device_with_weeks_to_tell_goes_behind_the_others_after_each_batch() -> None:
    limit = slow(turns())
    greedy, others = uuid.uuid4(), [uuid.uuid4() for _ in range(int(LEAST))]
    assert told(limit, greedy) == 0.0
    while not told(limit, greedy):  # alone it may go on
        pass
    assert all(told(limit, device) for device in others)
    limit.look(LIVE_BEHIND + 1, 0, 1 + 1 / LEAST)
    through = [not told(limit, device) for device in (greedy, *others)]
    assert sum(through) == len(through)  # one each
    assert told(limit, greedy) > 0


def test_a_large_site_does_not_starve_a_small_one() -> None:
    sites = {uuid.uuid4(): "large" for _ in range(5_000)} | {uuid.uuid4(): "small" for _ in range(250)}
    limit, waiting, through = turns(sites), dict.fromkeys(sites, 0.0), {"large": 0, "small": 0}
    slow(limit)
    for second in range(21):
        for device, again_s in list(waiting.items()):
            if again_s <= second:
                wait = told(limit, device)
                if wait:
                    waiting[device] = second + wait
                else:
                    del waiting[device]
                    through[sites[device]] += 1
        limit.look(LIVE_BEHIND + 1, 0, float(second))
    assert through["small"] == 250
    assert through["large"] <= 21 * LEAST + LEAST


def test_a_ticket_drawn_before_the_site_was_known_is_drawn_again_there() -> None:
    sites: dict[uuid.UUID, str] = {}
    limit, device = slow(turns(sites)), uuid.uuid4()
    for _ in range(1_000):
        told(limit, uuid.uuid4())
    assert told(limit, device) > 5
    sites[device] = "small"
    assert told(limit, device) == 0.0


def test_those_that_never_come_back_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MOST_KNOWN", 100)
    limit = slow(turns())
    for _ in range(200):
        told(limit, uuid.uuid4())
    assert limit.waiting > 100
    limit.look(0, 0, 60.0)
    assert limit.waiting == 0
