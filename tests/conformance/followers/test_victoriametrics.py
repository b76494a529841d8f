"""The port Follower on VictoriaMetrics, by the same remote writes as Prometheus: late, again, in any order, forgotten."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.conformance.followers.parcels import expected, parcel, points, reading
from tests.live.victoriametrics import VictoriaMetrics as Server

from eucora import clock
from eucora.problems import TryLater
from eucora.stores.ports import Interval, Reading, Whose
from eucora.stores.prometheus import Prometheus

NOW = clock.now().replace(microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    opened = Server()
    opened.start()
    yield opened
    opened.close()


@pytest.fixture
async def follower(server: Server) -> AsyncIterator[Prometheus]:
    opened = Prometheus(server.url)
    yield opened
    await opened.close()


def minutes(device: uuid.UUID, count: int, ago: timedelta = timedelta(0)) -> list[Reading]:
    return [reading(device, NOW - ago - n * MINUTE, float(n), 10.0 * n) for n in reversed(range(count))]


async def test_fresh_and_three_weeks_late_in_any_order_told_twice_each_is_there_once(
    follower: Prometheus, server: Server
) -> None:
    device = uuid.uuid4()
    told = minutes(device, 300) + minutes(device, 300, 21 * DAY)
    mixed = random.Random(7).sample(told, len(told))
    for part in (mixed[:400], mixed[200:], mixed):
        answer = await follower.write(parcel(part))
        assert (answer.taken, answer.refused) == (2 * len(part), ())
    assert points(server, device) == expected(told)  # type: ignore[arg-type]
    assert points(server, device, "eucora_used_bytes") == expected(told, 1)  # type: ignore[arg-type]


async def test_a_device_is_forgotten_and_nobody_else(follower: Prometheus, server: Server) -> None:
    gone, kept = uuid.uuid4(), uuid.uuid4()
    for device in (gone, kept):
        await follower.write(parcel(minutes(device, 50)))
    forgotten = await follower.forget(Whose(gone), Interval(clock.EPOCH, NOW + DAY))
    assert (forgotten.left, forgotten.gone_by) == (0, None)
    assert points(server, gone) == []  # type: ignore[arg-type]
    assert points(server, kept) == expected(minutes(kept, 50))  # type: ignore[arg-type]


async def test_an_interval_can_not_be_forgotten_and_the_answer_says_when_it_is_gone(
    follower: Prometheus, server: Server
) -> None:
    device = uuid.uuid4()
    await follower.write(parcel(minutes(device, 50)))
    points(server, device)  # type: ignore[arg-type] # shown
    forgotten = await follower.forget(Whose(device), Interval(NOW - 10 * MINUTE, NOW + MINUTE))
    assert forgotten.left > 0
    assert forgotten.gone_by is not None
    assert abs(forgotten.gone_by - clock.now() - 90 * DAY) < MINUTE


async def test_it_is_well_as_the_guide_says_to_start_it(follower: Prometheus) -> None:
    found = {each.name: (each.state, each.found) for each in await follower.inspect()}
    assert (found["retention"], found["dedup"]) == (("well", "90d"), ("well", "1ms"))
    assert found["head_series"][0] == "well"


async def test_a_server_that_is_killed_has_what_it_kept_and_is_told_the_rest_when_it_is_back() -> None:
    own = Server()
    own.start()
    follower, device = Prometheus(own.url), uuid.uuid4()
    first, second = minutes(device, 20), minutes(device, 20, DAY)
    await follower.write(parcel(first))
    own.query("up", NOW.timestamp())  # flushed
    own.kill()
    with pytest.raises(TryLater, match="does not answer"):
        await follower.write(parcel(second))
    await asyncio.to_thread(own.start)
    await follower.write(parcel([*first, *second]))
    assert points(own, device) == expected([*first, *second])  # type: ignore[arg-type]
    await follower.close()
    own.close()
