"""A closed window becomes files, and nobody who asks sees a difference: same answers, each row once, whenever one asks."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.eucora.line import Device, Line

from eucora.archive import compact, lines, query
from eucora.archive.lines import Lines
from eucora.archive.query import Archive, LineKey, LineRow, resolve
from eucora.archive.windows import close_window
from eucora.problems import TryLater
from eucora.stores.ports import Stored
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Hardware, Volume

NOW = datetime.now(UTC).replace(microsecond=123_456) - timedelta(minutes=1)
LONG_AGO, SOON = NOW - timedelta(days=27), NOW + timedelta(minutes=5)
CPU, USED = resolve("cpu"), resolve("hardware.volumes.used")


def payload(device: Device, at: datetime, n: int) -> Payload:
    volumes = (Volume("/", total=100 + n, used=50 + n), Volume("/home", total=1_000, used=n))
    events = (Event(uuid.uuid4(), at, "agent.spool_damaged", "warning", detail=f'{n}, "quoted", and ünïcode'),)
    return Payload(
        device_id=device.id, timestamp=at, hardware=Hardware(cpu=float(n % 100), volumes=volumes), events=events
    )


async def tell(line: Line, device: Device, count: int, days: int = 0) -> None:
    """Payloads a minute apart, ending `days` ago."""
    times = [NOW - timedelta(days=days, minutes=n) for n in range(count)]
    await line.append(device.batch([payload(device, at, n) for n, at in enumerate(times)]))
    await line.digest()


async def close(line: Line) -> None:
    await close_window(line.app, datetime.now(UTC) + timedelta(seconds=1), timedelta(0))


async def seal(line: Line, objects: Any) -> list[int]:
    await close(line)
    return await compact.compact(line.app, objects, epoch=1)


async def page(
    archive: Archive, device: Device, kinds: Sequence[str], after: LineKey | None = None, most: int = 1_000
) -> list[LineRow]:
    """The first lines of a device."""
    asks = Lines(since=LONG_AGO, until=SOON, kinds=kinds, devices=[device.id], after=after)
    async with aclosing(lines.lines(archive, asks, most)) as lists:
        return [row async for rows in lists for row in rows][:most]


async def told(archive: Archive, device: Device) -> tuple[Any, ...]:
    """Everything that one can ask of a device."""
    series = [await query.series(archive, device.id, metric, LONG_AGO, SOON, 1_000) for metric in (CPU, USED)]
    said = await page(archive, device, ("event",))
    return (*series, said, await query.latest(archive, device.id))


async def test_every_answer_is_the_same_before_and_after_a_window_is_sealed(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device, other = await line.enrol(), await line.enrol()
    for each, count in ((device, 30), (other, 5)):
        await tell(line, each, count)
    await tell(line, device, 10, days=20)  # late, in the same window
    before = await told(archive, device)
    assert len(before[0].points) == 40
    assert len(before[2]) == 40
    assert await seal(line, objects) == [1]
    assert await told(archive, device) == before
    days = {time.astimezone(UTC).date() for time, _ in before[0].points}  # four of them just after midnight
    assert await line.rows("SELECT count(*) FROM archive_files WHERE kind = 'metrics'") == [(len(days),)]


async def test_hot_rows_and_files_are_one_answer_and_the_newest_are_kept_when_it_is_long(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()
    await tell(line, device, 10, days=3)
    await seal(line, objects)
    await tell(line, device, 10, days=1)
    await seal(line, objects)
    await tell(line, device, 10)
    whole = await query.series(archive, device.id, CPU, LONG_AGO, SOON, 1_000)
    assert [t for t, _ in whole.points] == sorted(t for t, _ in whole.points)
    assert len(whole.points) == 30
    assert (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 15)).points == whole.points[-15:]
    since, until = whole.points[3][0], whole.points[25][0]
    assert (await query.series(archive, device.id, CPU, since, until, 1_000)).points == whole.points[3:25]


async def test_lines_are_paged_across_hot_rows_and_files_without_one_twice_or_missing(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()
    for days in (2, 1, 0):
        await tell(line, device, 7, days=days)
        if days:
            await seal(line, objects)
    seen, after = [], None
    while found := await page(archive, device, ("event",), after, 4):
        seen += found
        after = found[-1].key
    assert len(seen) == len({row.id for row in seen}) == 21
    assert [row.key for row in seen] == sorted((row.key for row in seen), reverse=True)
    assert {row.fields["detail"] for row in seen} >= {'3, "quoted", and ünïcode'}


async def test_of_a_device_that_was_silent_since_its_window_was_sealed_the_newest_values_are_still_told(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    silent, busy = await line.enrol(), await line.enrol()
    await tell(line, silent, 3)
    before = await query.latest(archive, silent.id)
    assert before.values
    await seal(line, objects)
    await tell(line, busy, 3)
    await seal(line, objects)
    assert await query.latest(archive, silent.id) == before


async def test_hot_rows_go_some_time_after_sealing_and_no_answer_changes(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()
    await tell(line, device, 9)
    before = await told(archive, device)
    await seal(line, objects)
    assert await compact.drop(line.app, datetime.now(UTC)) == []
    assert await compact.drop(line.app, datetime.now(UTC) + compact.GRACE + timedelta(seconds=5)) == [1]
    assert await line.rows("SELECT count(*) FROM hot_metrics") == [(0,)]
    assert await compact.drop(line.app, datetime.now(UTC) + timedelta(days=1)) == []
    assert await told(archive, device) == before


async def test_an_empty_window_is_sealed_without_a_file(line: Line, objects: S3Objects) -> None:
    assert await seal(line, objects) == [1]
    assert await line.rows("SELECT count(*) FROM archive_files") == [(0,)]


async def test_two_at_once_seal_a_window_once(line: Line, archive: Archive, objects: S3Objects) -> None:
    device = await line.enrol()
    await tell(line, device, 5)
    before = await told(archive, device)
    await close(line)
    both = await asyncio.gather(*(compact.compact(line.app, objects, epoch=1) for _ in range(2)))
    assert sorted(both) in ([[], [1]], [[1], []])
    assert await told(archive, device) == before


class Unsteady:
    """An object store that keeps other bytes than it was given."""

    def __init__(self, objects: S3Objects) -> None:
        self.objects = objects

    async def put(self, key: str, body: bytes, **more: Any) -> Stored | None:
        return await self.objects.put(key, body[:-1], **more)

    async def get(self, key: str, version: str | None = None) -> bytes | None:
        return await self.objects.get(key, version)


async def test_what_is_not_read_back_equal_is_not_sealed_and_nothing_is_lost(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()
    await tell(line, device, 5)
    before = await told(archive, device)
    with pytest.raises(TryLater):
        await seal(line, Unsteady(objects))
    assert await line.rows("""SELECT state FROM windows ORDER BY "window" """) == [("closed",), ("open",)]
    assert await told(archive, device) == before
    assert await compact.compact(line.app, objects, epoch=1) == [1]
    assert await told(archive, device) == before


async def test_a_reader_in_a_loop_sees_the_same_count_while_windows_are_closed_sealed_and_dropped(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()
    for days in (2, 1, 0):
        await tell(line, device, 6, days=days)
        await close(line)
    counts: set[int] = set()
    ended = asyncio.Event()

    async def read() -> None:
        while not ended.is_set():
            counts.add(len((await query.series(archive, device.id, CPU, LONG_AGO, SOON, 1_000)).points))

    reading = asyncio.create_task(read())
    assert await compact.compact(line.app, objects, epoch=1) == [1, 2, 3]
    await compact.drop(line.app, datetime.now(UTC) + timedelta(days=1))
    await asyncio.sleep(0.2)
    ended.set()
    await reading
    assert counts == {18}
