"""A day goes when all have read it and its segments were read back; whatever dies in between, every entry stays readable."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import asyncpg
import pytest
from tests.conformance.journal.device import Device
from tests.conformance.journal.place import SHARDS, Place
from tests.conformance.journal.test_order import Reader
from tests.conformance.journal.test_sealed import HOT, all_read, days, turn
from tests.eucora.journal.test_postgres import plan

from eucora.journal import seal as sealing
from eucora.journal.founding import add_consumer, keep_partitions
from eucora.journal.postgres import PostgresJournal
from eucora.journal.seal import SQL, Incomplete, Sealed, seal
from eucora.journal.segment import decode
from eucora.problems import TryLater

NOTHING = Sealed()


class Killed(BaseException):
    """As kill -9 would end it: nothing that was to come is done."""


class Life:
    """A process that dies before its n-th step, counted over database and store; every later step fails too."""

    def __init__(self, steps):
        self.left = steps

    def step(self):
        self.left -= 1
        if self.left < 0:
            raise Killed


class Mortal:
    """A pool, a connection or a store, each of whose calls can be the last: before it is done, or after."""

    def __init__(self, inner, life):
        self._inner, self._life = inner, life

    def __getattr__(self, name):
        call = getattr(self._inner, name)

        async def mortal(*arguments):
            self._life.step()
            result = await call(*arguments)
            self._life.step()
            return result

        return mortal

    @asynccontextmanager
    async def acquire(self):
        async with self._inner.acquire() as connection:
            try:
                yield Mortal(connection, self._life)
            except Killed:
                await connection.close()  # the server notices a dead process, and gives its locks back
                raise


class Away:
    """A store that does not answer."""

    async def put(self, key, body):
        raise TryLater("store-unavailable")

    async def get(self, key):
        raise TryLater("store-unavailable")


class Forgetful:
    """A store that keeps other bytes than it was given."""

    def __init__(self, objects):
        self._objects = objects

    async def put(self, key, body):
        return await self._objects.put(key, body[:-1])

    async def get(self, key):
        return await self._objects.get(key)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Segments of a few entries."""
    monkeypatch.setattr(sealing, "SEGMENT_ENTRIES", 5)


async def parts(place: Place) -> list[str]:
    rows = await place.app.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid "
        "WHERE inhparent = 'journal_entries'::regclass ORDER BY 1"
    )
    return [row["relname"] for row in rows]


async def segments(place: Place) -> int:
    return await place.app.fetchval("SELECT count(*) FROM journal_segments")


async def hot(place: Place) -> int:
    return await place.app.fetchval("SELECT count(*) FROM journal_entries")


async def count_read(place: Place, objects) -> int:
    """As somebody counts who has read nothing before."""
    reader = Reader(PostgresJournal(place.app, place.keyring, epoch=1, shards=SHARDS, objects=objects))
    await reader.to_the_end()
    return len(reader.entries)


async def finished(place: Place, objects) -> None:
    while (await turn(place, objects)) != NOTHING:
        pass


async def test_whatever_step_is_the_last_every_entry_is_read_once_and_the_next_life_goes_on(place: Place, objects):
    devices = [await place.device() for _ in range(3)]
    count = await days(place, devices, 12, 2)
    await all_read(place)

    async def live(steps) -> bool:
        """Whether it came to the end of its turn."""
        life = Life(steps)
        try:
            await seal(Mortal(place.app, life), Mortal(objects, life), datetime.now(UTC), HOT)
        except Killed:
            return False
        finally:
            assert await count_read(place, objects) == count
        return True

    before = len(await parts(place))
    steps = 0
    while len(await place.app.fetch(SQL.unsealed, datetime(2020, 1, 1, tzinfo=UTC), datetime.now(UTC) - HOT)):
        assert not await live(steps)
        steps += 1
    assert steps > 12, "it died at each step of a segment"
    assert len(await parts(place)) == before
    steps = 0
    while not await live(steps):
        steps += 1
    assert steps > 8, "it died at each step of dropping"
    assert len(await parts(place)) < before
    assert await hot(place) == 3 * 12
    assert await turn(place, objects) == NOTHING
    rows = await place.app.fetch("SELECT * FROM journal_segments ORDER BY shard, lane, first")
    for row, after in pairwise(rows):
        if (row["shard"], row["lane"]) == (after["shard"], after["lane"]):
            assert after["first"] == row["last"] + 1
    assert sum(row["last"] - row["first"] + 1 for row in rows) == count - await hot(place)


async def test_a_session_that_is_cut_leaves_the_lock_to_the_next(place: Place, objects):
    await days(place, [await place.device()], 6, 1)
    other = await asyncpg.connect(place.app._connect_args[0])
    assert await other.fetchval(SQL.hold)
    assert await turn(place, objects) == NOTHING
    await other.close()
    async with place.app.acquire() as waiting:
        await waiting.execute(SQL.hold.replace("try_", ""))
        await waiting.execute(SQL.let_go)
    await turn(place, objects)
    assert await segments(place) > 0


async def test_two_at_once_seal_each_position_once(place: Place, objects):
    count = await days(place, [await place.device() for _ in range(3)], 9, 2)
    await all_read(place)
    await asyncio.gather(*(finished(place, objects) for _ in range(3)))
    assert await count_read(place, objects) == count
    named = await place.app.fetchval("SELECT sum(last - first + 1) FROM journal_segments")
    assert named + await hot(place) == count


async def test_while_the_store_is_away_nothing_is_sealed_and_nothing_dropped(place: Place, objects):
    count = await days(place, [await place.device()], 9, 2)
    await all_read(place)
    before = await parts(place)
    with pytest.raises(TryLater):
        await turn(place, Away())
    assert (await segments(place), await parts(place), await hot(place)) == (0, before, count)
    await place.app.execute("UPDATE cursors SET position = 0")
    await turn(place, objects)
    await all_read(place)
    with pytest.raises(TryLater):  # all is sealed: a day would go, but nobody could read it then
        await turn(place, Away())
    assert await hot(place) == count
    await turn(place, objects)
    assert await hot(place) < count
    assert await count_read(place, objects) == count


async def test_what_is_not_read_back_equal_is_not_named_and_nothing_dropped(place: Place, objects):
    count = await days(place, [await place.device()], 9, 1)
    await all_read(place)
    with pytest.raises(TryLater, match="not read back equal"):
        await turn(place, Forgetful(objects))
    assert (await segments(place), await hot(place)) == (0, count)
    await turn(place, objects)
    assert await count_read(place, objects) == count


async def test_a_day_waits_for_the_cursor_that_is_furthest_behind(place: Place, objects):
    device = await place.device()
    count = await days(place, [device], 9, 1)
    async with place.app.acquire() as tx, tx.transaction():
        await add_consumer(tx, "archive")
    await all_read(place)
    assert (await turn(place, objects)).segments > 0
    assert await hot(place) == count
    where = device.id.int % SHARDS
    last = await place.app.fetchval("SELECT max(last) FROM journal_segments WHERE shard = $1 AND lane = 0", where)
    set_archive = "UPDATE cursors SET position = $1 WHERE consumer = 'archive' AND (shard, lane) = ($2, $3)"
    await place.app.execute(set_archive, last, where, 0)
    assert await hot(place) == count  # one lane is not the other
    last = await place.app.fetchval("SELECT max(last) FROM journal_segments WHERE shard = $1 AND lane = 1", where)
    await place.app.execute(set_archive, last - 1, where, 1)
    await turn(place, objects)
    assert await hot(place) == count
    await place.app.execute(set_archive, last, where, 1)
    await turn(place, objects)
    assert await hot(place) == 9


async def test_entries_stay_hot_for_as_many_whole_days_as_are_set(place: Place, objects):
    device = await place.device()
    await place.journal.append(device.chain(4))
    await all_read(place)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    ended = today + timedelta(days=1)
    for at, made in ((ended + HOT - timedelta(seconds=1), 0), (ended + HOT, 1)):
        assert (await seal(place.app, objects, at, HOT)).segments == made
    assert "journal_entries_" + today.strftime("%Y%m%d") in await parts(place)  # whatever clock the worker has
    assert await hot(place) == 4


async def test_the_database_itself_keeps_a_day_that_is_not_sealed_whole(place: Place, objects, database):
    count = await days(place, [await place.device()], 9, 1)
    await place.app.execute("UPDATE cursors SET position = 0")
    await turn(place, objects)
    owner = await asyncpg.connect(database.owner_url)
    gone = "DELETE FROM journal_segments WHERE last = (SELECT min(last) FROM journal_segments WHERE lane = 0)"
    assert await owner.execute(gone) == "DELETE 1"
    await all_read(place)
    while await place.app.fetchval(SQL.drop, datetime.now(UTC).date()):
        pass
    assert await hot(place) == count
    await owner.close()


async def test_nothing_is_sealed_over_a_hole(place: Place, objects, database):
    await days(place, [await place.device()], 30, 1)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM journal_entries WHERE lane = 0 AND position = 8")
    await owner.close()
    await all_read(place)
    for _ in range(2):
        with pytest.raises(Incomplete):
            await turn(place, objects)
    assert await place.app.fetchval("SELECT max(last) FROM journal_segments WHERE lane = 0") <= 7
    assert await hot(place) == 59


async def test_a_segment_is_bounded_by_bytes_and_a_turn_by_segments(place: Place, objects, monkeypatch):
    device = await place.device()
    await place.journal.append(device.chain(9, body=bytes(2_000)))
    await place.pass_days(3)
    monkeypatch.setattr(sealing, "SEGMENT_BYTES", 5_000)
    monkeypatch.setattr(sealing, "MOST_A_TURN", 2)
    assert [(await turn(place, objects)).segments for _ in range(4)] == [2, 2, 1, 0]
    lengths = await place.app.fetch("SELECT last - first + 1 AS n FROM journal_segments ORDER BY first")
    assert [row["n"] for row in lengths] == [2, 2, 2, 2, 1]


async def test_a_segment_is_of_one_epoch(place: Place, objects, database):
    device = await place.device()
    await place.journal.append(device.chain(5))
    await place.pass_days(3)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE journal_entries SET epoch = 2 WHERE position > 2")
    await owner.close()
    await turn(place, objects)
    rows = await place.app.fetch("SELECT epoch, first, last, object FROM journal_segments ORDER BY first")
    assert [tuple(row)[:3] for row in rows] == [(1, 1, 2), (2, 3, 5)]
    assert [row["object"].split("/")[1] for row in rows] == ["1", "2"]


async def test_who_reads_for_long_is_not_waited_for_and_the_day_goes_later(place: Place, objects):
    device = await place.device()
    await days(place, [device], 9, 1)
    await all_read(place)
    async with place.app.acquire() as long, long.transaction():
        await long.fetchval("SELECT count(*) FROM journal_entries")
        appending = asyncio.create_task(place.journal.append([device.seal()]))
        with pytest.raises(TryLater):
            await turn(place, objects)
        assert [each.outcome for each in await appending] == ["appended"]
    assert await hot(place) == 9 + 9 + 1
    await turn(place, objects)
    assert await hot(place) == 9 + 1


async def test_an_object_holds_rows_as_they_were_and_its_name_says_where_it_belongs(place: Place, objects):
    device = await place.device()
    await place.journal.append(device.chain(3, body=b"what nobody but the key's owner reads"))
    await place.pass_days(3)
    rows = await place.app.fetch("SELECT * FROM journal_entries ORDER BY position")
    await turn(place, objects)
    (named,) = await place.app.fetch("SELECT * FROM journal_segments")
    data = await objects.get(named["object"])
    segment = decode(data)
    assert [{n: getattr(row, n) for n in segment.columns} for row in segment.entries] == [dict(row) for row in rows]
    assert b"what nobody" not in b"".join(row.body for row in segment.entries)
    assert (named["since"], named["until"]) == (rows[0]["received"], rows[-1]["received"])
    assert named["size"] == len(data)
    assert named["object"].startswith(f"journal/1/{device.id.int % SHARDS}/live/0000000000000000001-")
    assert named["object"].endswith(named["digest"].hex()[:16] + ".msgpack.zst")


async def test_days_that_nobody_wrote_on_go_and_are_not_made_again(place: Place, objects):
    device = await place.device()
    await place.journal.append(device.chain(2))
    await place.pass_days(9)
    await all_read(place)
    await turn(place, objects)
    kept = await parts(place)
    await keep_partitions(place.app)
    assert await parts(place) == kept
    assert len(kept) <= 6


async def test_what_finds_a_position_goes_by_the_index(place: Place):
    found = await plan(place.app, SQL.holding, "{0}", "{0}", "{5}")
    assert "Index" in found
    assert "Seq Scan on journal_segments" not in found
    stretch = await plan(place.app, SQL.stretch, "0", "0", "1", "9", "2026-01-01Z", "2026-01-02Z", "1000")
    assert "Seq Scan" not in stretch
    assert isinstance(await place.device(), Device)
