"""The first start, and every other."""

import asyncio
import uuid
from datetime import timedelta

import asyncpg
import pytest

from eucora.journal.cursors import positions
from eucora.journal.founding import add_consumer, forget_digests, found, platform_of
from eucora.problems import Misconfigured
from eucora.stores.postgres import open_pool


@pytest.fixture
async def app(database):
    pool = await open_pool(database.app_url, name="tests")
    yield pool
    await pool.close()


async def test_a_platform_is_founded_once_however_many_start_at_once(app):
    founded = await asyncio.gather(*(found(app, uuid.uuid4(), 4) for _ in range(5)))
    assert len({platform.installation for platform in founded}) == 1
    assert founded[0] == await platform_of(app)
    assert (founded[0].epoch, founded[0].shards) == (1, 4)
    assert await positions(app, "pipeline") == {(shard, lane): 0 for shard in range(4) for lane in (0, 1)}
    assert await app.fetchval("SELECT count(*) FROM windows WHERE state = 'open'") == 1


async def test_the_number_of_shards_is_for_ever(app):
    await found(app, uuid.uuid4(), 4)
    with pytest.raises(Misconfigured, match="EUCORA_SHARDS=4"):
        await found(app, uuid.uuid4(), 8)


async def test_before_the_first_start_there_is_a_clear_sentence(app):
    with pytest.raises(Misconfigured, match="eucora up"):
        await platform_of(app)


async def test_a_new_consumer_begins_at_the_beginning_and_an_old_one_stays(app):
    await found(app, uuid.uuid4(), 1)
    await app.execute("UPDATE cursors SET position = 7 WHERE lane = 0")
    async with app.acquire() as connection, connection.transaction():
        await add_consumer(connection, "pipeline")
        await add_consumer(connection, "archive")
    assert await positions(app, "pipeline") == {(0, 0): 7, (0, 1): 0}
    assert await positions(app, "archive") == {(0, 0): 0, (0, 1): 0}


async def test_old_digests_are_forgotten_by_the_day_and_today_s_never(app, database):
    await found(app, uuid.uuid4(), 1)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("SELECT keep_partitions(current_date - 30)")
    today = await owner.fetchval("SELECT current_date")
    assert await forget_digests(app, today - timedelta(days=29)) == 2
    assert await forget_digests(app, today - timedelta(days=29)) == 0
    await forget_digests(app, today + timedelta(days=9))
    names = {
        row[0] for row in await owner.fetch("SELECT relname FROM pg_class WHERE relname LIKE 'journal_digests_2%'")
    }
    await owner.close()
    assert f"journal_digests_{today:%Y%m%d}" in names
