"""The whole way: devices sign, the digest commits, the archive compacts, and PromQL finds exactly what was sent."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.followers.parcels import Points, points
from tests.eucora.line import Device, Line, close_line, open_line
from tests.live.prometheus import Server

from eucora import clock
from eucora.archive import compact, masks
from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.archive.query import resolve
from eucora.archive.windows import close_window
from eucora.domains.all import erased
from eucora.pipeline import followers
from eucora.pipeline.followers import State, Teller, Telling, states
from eucora.stores.prometheus import Prometheus
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
CPU = resolve("cpu").name


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)


@pytest.fixture
async def objects(servers: Any) -> AsyncIterator[S3Objects]:
    opened = S3Objects(servers.s3, "eucora-data")
    yield opened
    await opened.close()


@pytest.fixture
def feed(line: Line, objects: S3Objects, tmp_path: Path) -> Feed:
    return Feed(line.app, Copies(objects, tmp_path / "fed", 2**26), "metrics", partial(erased, line.app))


@pytest.fixture
async def follower(own: Server) -> AsyncIterator[Prometheus]:
    opened = Prometheus(own.url)
    yield opened
    await opened.close()


@pytest.fixture
def short(tmp_path: Path) -> Iterator[Server]:
    """A server that takes what is a week old at most."""
    config = tmp_path / "short.yml"
    config.write_text("storage: {tsdb: {out_of_order_time_window: 7d}}\n")
    server = Server(config)
    server.start()
    yield server
    server.close()


async def send(line: Line, device: Device, times: list[datetime], lane: Any = "live") -> Points:
    """Batches of ten; what PromQL should find of them."""
    sent = [
        Payload(device_id=device.id, timestamp=at, hardware=Hardware(cpu=float(n % 101))) for n, at in enumerate(times)
    ]
    for first in range(0, len(sent), 10):
        await line.append(device.batch(sent[first : first + 10], lane=lane))
    await line.digest()
    return sorted((clock.to_ms(p.timestamp), p.hardware.cpu / 100) for p in sent if p.hardware)  # type: ignore[operator]


async def tell(follower: Prometheus, feed: Feed, line: Line, done: int) -> State:
    """Until nothing waits and so many samples were told."""
    ended = asyncio.Event()

    async def watch() -> State:
        async with asyncio.timeout(60):
            while True:
                for state in await states(line.app, clock.now()):
                    if state.waiting == 0 and state.told >= done:
                        ended.set()
                        return state
                await asyncio.sleep(0.05)

    _, state = await asyncio.gather(followers.run(Telling(follower, feed, line.app, 2.0), ended), watch())
    return state


async def seal(line: Line, objects: S3Objects) -> None:
    await close_window(line.app, clock.now() + timedelta(seconds=1), timedelta(0))
    await compact.compact(line.app, objects, epoch=1)


def found(server: Server, device: uuid.UUID) -> Points:
    return [(ms, pytest.approx(value)) for ms, value in points(server, device, CPU)]


async def test_three_weeks_from_files_and_today_from_hot_rows_are_found_exactly(
    line: Line, objects: S3Objects, feed: Feed, follower: Prometheus, own: Server
) -> None:
    closed, fresh = await line.enrol(), await line.enrol()
    replayed = await send(
        line, closed, [NOW - timedelta(days=21) + n * timedelta(hours=2) for n in range(250)], "replay"
    )
    await seal(line, objects)
    await compact.drop(line.app, clock.now() + timedelta(days=1))
    today = await send(line, fresh, [NOW - n * timedelta(minutes=1) for n in range(100)])
    state = await tell(follower, feed, line, 350)
    assert (state.told, state.refused) == (350, ())
    assert found(own, closed.id) == replayed
    assert found(own, fresh.id) == today


async def test_a_server_that_is_killed_and_started_while_it_is_told_gets_everything_once(
    line: Line, feed: Feed, follower: Prometheus, own: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "ROWS_AT_ONCE", 20)
    devices = [await line.enrol() for _ in range(4)]
    sent = {d.id: await send(line, d, [NOW - n * timedelta(minutes=1) for n in range(100)]) for d in devices}

    async def killed() -> None:
        for _ in range(2):
            await asyncio.sleep(0.1)
            own.kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(own.start)

    state, _ = await asyncio.gather(tell(follower, feed, line, 400), killed())
    assert state.told == 400
    assert state.retries > 0
    assert {device: found(own, device) for device in sent} == sent


async def test_a_worker_killed_between_write_and_cursor_changes_nothing(
    line: Line, feed: Feed, follower: Prometheus, own: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = await line.enrol()
    sent = await send(line, device, [NOW - n * timedelta(minutes=1) for n in range(100)])

    async def killed(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(Teller, "_commit", killed)
        teller = Teller(Telling(follower, feed, line.app, 2.0))
        with pytest.raises(asyncio.CancelledError):
            await teller.turn()
        await teller.let_go()
    assert found(own, device.id) == sent, "it was written"
    state = await tell(follower, feed, line, 100)
    assert (state.told, state.refused) == (100, ())
    assert found(own, device.id) == sent


async def test_a_device_that_the_archive_erased_is_gone_there_and_its_neighbour_is_not(
    line: Line, feed: Feed, follower: Prometheus, own: Server
) -> None:
    erased, other = await line.enrol(), await line.enrol()
    await send(line, erased, [NOW - n * timedelta(minutes=1) for n in range(50)])
    kept = await send(line, other, [NOW - n * timedelta(minutes=1) for n in range(50)])
    await tell(follower, feed, line, 100)
    assert len(found(own, erased.id)) == 50
    await masks.erase(line.app, erased.id, None, None, clock.now())
    more = await send(line, other, [NOW + timedelta(seconds=1)])
    state = await tell(follower, feed, line, 101)
    assert state.forgetting == 0
    assert found(own, erased.id) == []
    assert found(own, other.id) == sorted([*kept, *more])


async def test_what_is_too_late_is_in_the_record_of_the_follower_and_the_rest_is_there(
    line: Line, feed: Feed, short: Server
) -> None:
    follower = Prometheus(short.url)
    device = await line.enrol()
    fresh = await send(line, device, [NOW - n * timedelta(minutes=1) for n in range(10)])
    await tell(follower, feed, line, 10)  # an empty server would take everything: late is against what it holds
    times = [NOW - timedelta(days=day) for day in range(1, 21)]
    late = await send(line, device, times, "replay")
    state = await tell(follower, feed, line, 10)
    kept = [(ms, value) for ms, value in late if ms > clock.to_ms(NOW - timedelta(days=7, hours=1))]
    assert found(short, device.id) == sorted([*kept, *fresh])
    assert sum(r.count for r in state.refused) == len(late) - len(kept)
    assert {r.reason for r in state.refused} == {"too-old"}
    assert min(r.first for r in state.refused) == times[-1]
    assert state.waiting == 0
    await follower.close()
