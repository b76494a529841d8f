"""A closed window never gets another row, and its ranges follow on those before."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from tests.eucora.line import Device, Line

from eucora.archive.windows import close_window, open_for_writing
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

NEVER, AT_ONCE = timedelta(days=1), timedelta(0)


def health(device: Device) -> Payload:
    return Payload(device_id=device.id, timestamp=datetime.now(UTC), hardware=Hardware(cpu=1.0))


async def close(line: Line) -> int | None:
    return await close_window(line.app, datetime.now(UTC) + timedelta(seconds=1), AT_ONCE)


async def test_a_young_window_stays_open(line: Line) -> None:
    assert await close_window(line.app, datetime.now(UTC), NEVER) is None
    assert await line.rows("SELECT state FROM windows") == [("open",)]


async def test_ranges_are_closed_and_follow_on_one_another(line: Line) -> None:
    device = await line.enrol()
    for count in (3, 2):
        await line.append(*(device.batch([health(device)]) for _ in range(count)))
        await line.digest()
        assert await close(line) is not None
    assert await close(line) is not None
    closed = await line.rows("""SELECT ranges FROM windows WHERE state = 'closed' ORDER BY "window" """)
    assert [list(json.loads(ranges).values()) for (ranges,) in closed] == [[[0, 3]], [[3, 5]], []]
    rows = await line.rows("""SELECT "window", count(*) FROM hot_metrics GROUP BY 1 ORDER BY 1""")
    assert rows == [(1, 3), (2, 2)]


async def test_closing_waits_for_whoever_writes_and_counts_only_what_he_committed(line: Line) -> None:
    async with line.app.acquire() as tx:
        writing = tx.transaction()
        await writing.start()
        assert await open_for_writing(tx) == 1
        closing = asyncio.create_task(close(line))
        await asyncio.sleep(0.2)
        assert not closing.done()
        late = asyncio.create_task(_window(line))
        await asyncio.sleep(0.1)
        await writing.commit()
        assert await closing == 2
        assert await late == 2


async def _window(line: Line) -> int:
    async with line.app.acquire() as tx, tx.transaction():
        return await open_for_writing(tx)


async def test_windows_closed_under_load_lose_and_repeat_nothing(line: Line) -> None:
    device = await line.enrol()

    async def close_often() -> None:
        for _ in range(10):
            await close(line)
            await asyncio.sleep(0.03)

    closing = asyncio.create_task(close_often())
    for _ in range(15):
        await line.append(*(device.batch([health(device)]) for _ in range(4)))
        await line.digest()
    await closing
    await close(line)
    assert await line.rows("SELECT count(*), count(DISTINCT item) FROM hot_metrics") == [(60, 60)]
    outside = await line.rows(
        """SELECT count(*) FROM hot_metrics m JOIN windows w USING ("window")
            WHERE m.position <= (w.ranges -> (m.shard || '/' || m.lane) ->> 0)::bigint
               OR m.position > (w.ranges -> (m.shard || '/' || m.lane) ->> 1)::bigint
               OR NOT w.ranges ? (m.shard || '/' || m.lane)"""
    )
    assert outside == [(0,)]
