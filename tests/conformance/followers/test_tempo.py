"""The port Follower on a real Tempo with the configuration that we ship, where the machine has one; by HTTP and by gRPC."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.live.tempo import Tempo as Server

from eucora import clock
from eucora.batch import LATE
from eucora.problems import TryLater
from eucora.stores.ports import Interval, Parcel, Span, Whose
from eucora.stores.tempo import Tempo

NOW = clock.now().replace(microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
SHAPES = {1: {"name": "boot"}, 2: {"name": 'evil" } || { true'}}


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.close()


@pytest.fixture(params=["http", "grpc"])
async def follower(request: Any, shared: Server) -> AsyncIterator[Tempo]:
    url = shared.otlp if request.param == "http" else shared.otlp_grpc
    opened = Tempo(url, query_url=shared.url)
    yield opened
    await opened.close()


def span(device: uuid.UUID, at: datetime, shape: int = 1, **more: Any) -> Span:
    given: dict[str, Any] = {"subject": None, "status": "ok", "attributes": {}, "received": max(at, NOW)} | more
    marks = LATE if given["received"] - at > DAY else 0
    ids = {"trace_id": os.urandom(16), "span_id": os.urandom(8), "parent_id": None}
    return Span(device=device, time=at, marks=marks, shape=shape, duration_s=1.5, **ids, **given)  # type: ignore[arg-type]


async def by_trace(server: Server, told: Span) -> int:
    """Distinct spans of its trace, when it is there."""
    for _ in range(40):
        if found := server.trace(told.trace_id):
            return len(set(found))
        await asyncio.sleep(0.25)
    return 0


async def eventually(server: Server, traceql: str, count: int) -> list[str]:
    """Trace ids that are found by time: those of the last quarter of an hour in seconds, older ones in about a minute."""
    found: list[str] = []
    for _ in range(300):
        found = server.search(traceql, NOW - 28 * DAY, NOW + DAY)
        if len(found) >= count:
            return found
        await asyncio.sleep(0.5)
    return found


async def test_fresh_and_three_weeks_old_spans_are_there_by_trace_each_id_once_however_often_told(
    follower: Tempo, shared: Server
) -> None:
    device = uuid.uuid4()
    told = [span(device, NOW - age - n * MINUTE) for n in range(20) for age in (DAY * 0, 21 * DAY)]
    for _ in range(2):
        answer = await follower.write(Parcel(told, SHAPES))
        assert (answer.taken, answer.refused) == (40, ())
    assert [await by_trace(shared, each) for each in told] == [1] * 40


@pytest.mark.timeout(300)
async def test_fresh_and_late_spans_are_found_by_traceql_by_device_and_time_however_often_told(
    follower: Tempo, shared: Server
) -> None:
    device, other = uuid.uuid4(), uuid.uuid4()
    told = [span(d, NOW - age - n * MINUTE) for n in range(20) for age in (DAY * 0, 21 * DAY) for d in (device, other)]
    for _ in range(2):
        await follower.write(Parcel(told, SHAPES))
    mine = sorted(each.trace_id.hex() for each in told if each.device == device)
    assert await eventually(shared, f'{{resource.host.id="{device}"}}', 40) == mine
    late = await eventually(shared, f'{{resource.host.id="{device}" && span.eucora.late="true"}}', 20)
    assert late == sorted(each.trace_id.hex() for each in told if each.device == device and each.marks)


async def test_nothing_that_a_device_says_becomes_a_query_or_another_device(follower: Tempo, shared: Server) -> None:
    device, other = uuid.uuid4(), uuid.uuid4()
    evil = {"host.id": str(other), 'a" } || { true': "x\ud800", "": "nameless", "eucora.subject": str(other)}
    told = span(device, NOW, 2, attributes=evil)
    assert (await follower.write(Parcel([told], SHAPES))).taken == 1
    assert await eventually(shared, f'{{resource.host.id="{device}"}}', 1) == [told.trace_id.hex()]
    assert shared.search(f'{{resource.host.id="{other}"}}', NOW - DAY, NOW + DAY) == []
    assert shared.search(f'{{span.eucora.subject="{other}"}}', NOW - DAY, NOW + DAY) == []


async def test_a_span_from_the_future_counts_as_received(follower: Tempo, shared: Server) -> None:
    device = uuid.uuid4()
    answer = await follower.write(Parcel([span(device, NOW + 4000 * DAY, received=NOW)], SHAPES))
    assert (answer.taken, answer.clamped) == (1, 1)
    assert len(await eventually(shared, f'{{resource.host.id="{device}"}}', 1)) == 1


async def test_what_is_to_be_forgotten_goes_with_the_retention_that_the_server_tells(follower: Tempo) -> None:
    done = await follower.forget(Whose(device=uuid.uuid4()), Interval(NOW - DAY, NOW))
    assert done.gone_by is not None
    assert timedelta(days=29) < done.gone_by - clock.now() <= timedelta(days=30)


async def test_inspection_is_content_with_what_we_ship(follower: Tempo) -> None:
    assert {f.name: f.state for f in await follower.inspect()} == {
        "retention": "well",
        "ingestion_time_range_slack": "well",
        "blocklist_poll": "well",
        "max_traces_per_user": "well",
    }


async def test_a_burst_after_an_outage_is_there_whole(shared: Server) -> None:
    follower, device = Tempo(shared.otlp, query_url=shared.url), uuid.uuid4()
    told = [
        span(device, NOW - timedelta(seconds=n // 100)) for n in range(12_000)
    ]  # more than its default keeps in memory
    for first in range(0, len(told), 500):
        assert (await follower.write(Parcel(told[first : first + 500], SHAPES))).refused == ()
    said = await asyncio.to_thread(lambda: httpx.get(f"{shared.url}/metrics", trust_env=False).text)
    counted = [row for row in said.splitlines() if row.startswith("tempo_discarded_spans_total")]
    discarded = [row for row in counted if not row.endswith(" 0")]
    assert discarded == [], "acknowledged, and dropped"
    await follower.close()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
async def test_a_server_that_was_killed_gets_the_rest_when_it_is_back(scheme: str) -> None:
    server, device = Server(), uuid.uuid4()
    server.start()
    follower = Tempo(server.otlp if scheme == "http" else server.otlp_grpc, query_url=server.url)
    told = [span(device, NOW - n * MINUTE) for n in range(30)]
    await follower.write(Parcel(told[:20], SHAPES))
    await asyncio.sleep(1)
    server.kill()
    with pytest.raises(TryLater):
        await follower.write(Parcel(told[20:], SHAPES))
    await asyncio.to_thread(server.start)
    for _ in range(20):  # a connection by gRPC waits a moment before it is tried again
        try:
            await follower.write(Parcel(told, SHAPES))  # some again: killed between the write and the cursor
            break
        except TryLater:
            await asyncio.sleep(0.5)
    found = [await by_trace(server, each) for each in told]
    await follower.close()
    server.close()
    assert found == [1] * 30
