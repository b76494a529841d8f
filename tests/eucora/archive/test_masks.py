"""Erasure: at once nobody sees it, soon it is in no file and no table, and nobody else's numbers change."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from tests.eucora.archive.test_compact import CPU, LONG_AGO, NOW, SOON, close, tell, told
from tests.eucora.line import Line

from eucora.archive import compact, masks, merge, query, sweep
from eucora.archive.query import Archive
from eucora.stores.s3 import S3Objects

LATER = timedelta(minutes=30)
EPOCH = uuid.uuid4().int % 10**9


async def seal(line: Line, objects: S3Objects) -> None:
    await close(line)
    await compact.compact(line.app, objects, EPOCH)


async def settle(line: Line, objects: S3Objects) -> list[int]:
    """What the scheduler does in the hours after."""
    await seal(line, objects)
    await compact.drop(line.app, datetime.now(UTC) + LATER)
    done = await merge.clean(line.app, objects, EPOCH, datetime.now(UTC))
    await sweep.delete_replaced(line.app, objects, datetime.now(UTC) + LATER)
    return done + await merge.clean(line.app, objects, EPOCH, datetime.now(UTC))


async def holding(objects: S3Objects, device: uuid.UUID, folder: Path) -> list[str]:
    """Objects in which a device is found: in their bytes as they lie, or in any row."""
    found = []
    async for stored in objects.list("archive/"):
        if f"/{EPOCH}/" not in stored.key:
            continue
        body = await objects.get(stored.key)
        assert body is not None
        path = folder / "object.parquet"
        path.write_bytes(body)
        rows = duckdb.sql(f"SELECT count(*) FROM '{path}' AS r WHERE r::text LIKE '%{device}%'").fetchall()
        if device.bytes in body or str(device).encode() in body or rows != [(0,)]:
            found.append(stored.key)
    return found


async def hot(line: Line, device: uuid.UUID) -> int:
    tables = ("hot_metrics", "hot_lines", "hot_spans")
    return sum([(await line.rows(f"SELECT count(*) FROM {t} WHERE device = $1", device))[0][0] for t in tables])


async def test_an_erased_device_is_seen_by_nobody_at_once_and_soon_it_is_nowhere(
    line: Line, archive: Archive, objects: S3Objects, tmp_path: Path
) -> None:
    gone, other = await line.enrol(), await line.enrol()
    for days in (3, 1):
        for device in (gone, other):
            await tell(line, device, 7, days=days)
        await seal(line, objects)
    for device in (gone, other):
        await tell(line, device, 5)
    before = await told(archive, other)
    assert await holding(objects, gone.id, tmp_path)
    asked = await masks.erase(line.app, gone.id, None, None, datetime.now(UTC))
    nothing = await told(archive, gone)
    assert (nothing[0].points, nothing[1].labelled, nothing[2], nothing[3].values) == ((), (), [], ())
    assert await told(archive, other) == before
    assert [e.done_at for e in await masks.erasures(line.app)] == [None]
    assert await settle(line, objects) == [asked.mask]
    assert await holding(objects, gone.id, tmp_path) == []
    assert await holding(objects, other.id, tmp_path)
    assert await hot(line, gone.id) == 0
    assert (await masks.erasures(line.app))[0].done_at is not None
    assert await told(archive, other) == before
    assert (await told(archive, gone))[0].points == ()


async def test_of_an_interval_only_its_rows_are_gone(line: Line, archive: Archive, objects: S3Objects) -> None:
    device = await line.enrol()
    await tell(line, device, 20, days=2)
    await seal(line, objects)
    await tell(line, device, 20)
    whole = (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 100)).points
    for since, until in ((whole[4][0], whole[9][0]), (whole[25][0], whole[31][0])):
        await masks.erase(line.app, device.id, since, until, datetime.now(UTC))
    kept = whole[:4] + whole[9:25] + whole[31:]
    assert (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 100)).points == kept
    assert len(await settle(line, objects)) == 2
    assert (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 100)).points == kept
    assert await line.rows(
        "SELECT sum(rows)::int FROM archive_files WHERE kind = 'metrics' AND replaced_at IS NULL"
    ) == [(len(kept),)]


async def test_what_an_erased_device_sends_late_is_not_seen_and_what_it_tells_of_later_is(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    device = await line.enrol()
    await tell(line, device, 3, days=1)
    await seal(line, objects)
    await masks.erase(line.app, device.id, None, NOW - timedelta(hours=1), datetime.now(UTC))
    await settle(line, objects)
    await tell(line, device, 4, days=2)
    await tell(line, device, 2)
    seen = (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 100)).points
    assert len(seen) == 2
    await settle(line, objects)
    assert (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 100)).points == seen
    assert await line.rows(
        "SELECT sum(rows)::int FROM archive_files WHERE kind = 'metrics' AND replaced_at IS NULL"
    ) == [(2,)]


async def test_a_file_that_was_made_while_somebody_asked_is_looked_through_too(
    line: Line, archive: Archive, objects: S3Objects, tmp_path: Path
) -> None:
    """The rows were copied out before, the file is named after: its number of masks tells."""
    device = await line.enrol()
    await tell(line, device, 5)
    await close(line)

    class Asking(S3Objects):
        asked = False

        async def put(self, key: str, body: bytes, **more: Any) -> Any:
            if not Asking.asked:
                Asking.asked = True
                await masks.erase(line.app, device.id, None, None, datetime.now(UTC))
            return await objects.put(key, body, **more)

        async def get(self, key: str, version: str | None = None) -> bytes | None:
            return await objects.get(key, version)

        def __init__(self) -> None: ...

    await compact.compact(line.app, Asking(), EPOCH)
    assert await holding(objects, device.id, tmp_path)
    assert (await told(archive, device))[0].points == ()
    assert await settle(line, objects)
    assert await holding(objects, device.id, tmp_path) == []
