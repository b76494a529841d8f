"""A question takes no more than it may, and stops when nobody waits for it: in DuckDB and in PostgreSQL."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from duckdb import DuckDBPyConnection
from tests.eucora.archive.test_newest import all_lines, settled, whole
from tests.eucora.line import Line

from eucora.archive import asking, lines
from eucora.archive.asking import Asking, Bounds
from eucora.archive.query import Archive
from eucora.problems import Refused, TryLater
from eucora.stores.s3 import S3Objects

ENDLESS = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7"


class Endless:
    """Work that does not end by itself, and tells when it did."""

    def __init__(self) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()

    def __call__(self, db: DuckDBPyConnection) -> Any:
        self.begun.set()
        try:
            return db.execute(ENDLESS).fetchall()
        finally:
            self.ended.set()


async def test_who_goes_away_stops_the_work() -> None:
    work = Endless()

    async def ask() -> None:
        async with Asking().question("", wide=True) as question:
            await question.of(work)

    asked = asyncio.create_task(ask())
    await asyncio.to_thread(work.begun.wait, 20)
    await asyncio.sleep(0.2)
    assert not work.ended.is_set()
    began = time.monotonic()
    asked.cancel()
    await asyncio.sleep(0)
    asked.cancel()  # told twice, it still waits for its thread before it closes what that works on
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert work.ended.is_set()
    assert time.monotonic() - began < 5


async def test_what_takes_too_long_is_stopped_and_told_what_to_ask_less_of() -> None:
    work, began = Endless(), time.monotonic()
    asks = Asking(Bounds(timeout_s=0.5))
    with pytest.raises(Refused) as refused:
        async with asks.question("fewer days", wide=True) as question:
            await question.of(work)
    assert (refused.value.slug, refused.value.document.detail) == ("query-too-slow", "fewer days")
    assert refused.value.document.status == 422
    assert work.ended.is_set()
    assert time.monotonic() - began < 10


async def test_time_counts_while_it_works_and_not_while_its_reader_does() -> None:
    async with Asking(Bounds(timeout_s=0.5)).question("", wide=True) as question:
        for _ in range(3):
            await question.of(lambda db: db.execute("SELECT 1").fetchall())
            await asyncio.sleep(0.3)
        with pytest.raises(Refused):
            await question.of(lambda db: time.sleep(0.6))


async def test_what_takes_too_much_memory_is_refused() -> None:
    async with Asking(Bounds(memory_mib=128)).question("fewer days", wide=True) as question:
        with pytest.raises(Refused) as refused:
            await question.of(
                lambda db: db.execute("SELECT quantile_cont(random(), 0.5) FROM range(50000000)").fetchall()
            )
    assert refused.value.slug == "query-too-large"


async def test_few_work_at_once_and_who_waits_too_long_is_told_when_to_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.2)
    asks = Asking(Bounds(at_once=1, timeout_s=7))
    async with asks.question("", wide=True):
        async with asks.question("", wide=False):  # of one device: it does not stand behind a fleet's
            pass
        with pytest.raises(TryLater) as later:
            async with asks.question("", wide=True):
                pass
    assert (later.value.slug, later.value.retry_after_s) == ("too-many-queries", 7)
    async with asks.question("", wide=True):
        pass


@asynccontextmanager
async def held_up(database: Any) -> AsyncIterator[Any]:
    """Every statement that reads masks waits as long as the block; a connection that sees who does."""
    owner, other = await asyncpg.connect(database.owner_url), await asyncpg.connect(database.owner_url)
    try:
        async with owner.transaction():
            await owner.execute("LOCK TABLE archive_masks IN ACCESS EXCLUSIVE MODE")
            yield other
    finally:
        await owner.close()
        await other.close()


async def waiting(db: Any) -> int:
    return int(
        await db.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
                          " WHERE datname = current_database())")
    )  # fmt: skip


async def until(db: Any, count: int) -> None:
    async with asyncio.timeout(10):
        while await waiting(db) != count:
            await db.execute("SELECT pg_sleep(0.02)")


async def test_the_statement_in_postgresql_is_cancelled_too(line: Line, archive: Archive, database: Any) -> None:
    await settled(line, archive.copies._objects, [await line.enrol()])  # type: ignore[arg-type]
    async with held_up(database) as seen:
        asked = asyncio.create_task(all_lines(archive, whole()))
        await until(seen, 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await until(seen, 0)
        short = Archive(archive.pool, archive.copies, Asking(Bounds(timeout_s=0.5)))
        with pytest.raises(Refused) as refused:
            await all_lines(short, whole())
        assert refused.value.slug == "query-too-slow"
        await until(seen, 0)
    assert len(await all_lines(archive, whole())) == 160


async def test_who_reads_no_further_leaves_his_place_and_no_thread(
    line: Line, archive: Archive, objects: S3Objects
) -> None:
    await settled(line, objects, [await line.enrol(), await line.enrol()])
    alone = Archive(archive.pool, archive.copies, Asking(Bounds(at_once=1)))
    for _ in range(3):
        async with aclosing(lines.lines(alone, whole(), 2)) as lists:
            async for rows in lists:
                assert len(rows) == 2
                break
