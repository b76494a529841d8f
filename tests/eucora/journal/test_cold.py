"""Reading what is not hot: few openings, little memory, and never another thing than what was stored."""

import asyncpg
import pytest
from tests.conformance.journal.place import SHARDS, Place
from tests.conformance.journal.test_order import Reader
from tests.conformance.journal.test_sealed import all_read, days, turn
from tests.eucora.journal.test_seal import Away

from eucora.journal import cold
from eucora.journal import seal as sealing
from eucora.journal.cold import Cold
from eucora.journal.port import Place as Where
from eucora.journal.postgres import PostgresJournal
from eucora.problems import TryLater


class Counted:
    """A store that counts what is asked of it; `altered` is given instead of what it keeps."""

    def __init__(self, objects, altered=None):
        self._objects, self.asked, self.altered = objects, [], altered

    async def get(self, key):
        self.asked.append(key)
        return self.altered or await self._objects.get(key)


@pytest.fixture
async def sealed(place: Place, objects, monkeypatch) -> tuple[Where, int]:
    """Segments of five entries, none of them hot: a place, and how many entries it holds that are sealed."""
    monkeypatch.setattr(sealing, "SEGMENT_ENTRIES", 5)
    device = await place.device()
    await days(place, [device], 30, 2)
    await all_read(place)
    await turn(place, objects)
    where = (device.id.int % SHARDS, 0)
    last = await place.app.fetchval("SELECT max(last) FROM journal_segments WHERE shard = $1 AND lane = 0", where[0])
    return where, last


def opened(place: Place, objects) -> PostgresJournal:
    return PostgresJournal(place.app, place.keyring, epoch=1, shards=SHARDS, objects=objects)


async def test_a_reader_in_small_steps_opens_each_segment_once_and_keeps_few(place: Place, objects, sealed):
    where, last = sealed
    store = Counted(objects)
    reader = Cold(place.app, store)
    for position in range(last):
        (row,) = await reader.read({where: position}, 1, 2**20)
        assert row[2] == position + 1
        assert len(reader._kept) <= cold.KEPT
    assert len(store.asked) == len(set(store.asked)) >= last // 5


async def test_a_read_opens_no_more_segments_than_it_takes_from(place: Place, objects, sealed):
    where, last = sealed
    store = Counted(objects)
    reader = Cold(place.app, store)
    found = await reader.read({where: 0, (where[0], 1): 0}, 3, 2**20)
    assert [row[1:3] for row in found] == [(0, 1), (0, 2), (0, 3)]
    assert len(store.asked) == 1
    whole = await reader.read({where: 0, (where[0], 1): 0}, 100, 2**20)
    assert [row[1] for row in whole] == [0] * 5 + [1] * 5
    assert await reader.read({where: last}, 3, 2**20) == []


async def test_a_read_ends_with_the_body_that_reaches_the_bytes_allowed(place: Place, objects, sealed):
    where, _ = sealed
    reader = Cold(place.app, objects)
    rows = await reader.read({where: 0}, 5, 2**20)
    two = len(rows[0][-1]) + len(rows[1][-1])
    assert len(await reader.read({where: 0}, 5, two)) == 2
    assert len(await reader.read({where: 0}, 5, two + 1)) == 3
    assert len(await reader.read({where: 0, (where[0], 1): 0}, 50, 1)) == 1


@pytest.mark.parametrize("altered", [b"something else", b""])
async def test_an_object_that_is_not_what_was_stored_is_not_read(place: Place, objects, sealed, altered):
    where, _ = sealed
    with pytest.raises(TryLater, match="not what was stored"):
        await opened(place, Counted(objects, altered or b"\x00")).read({where: 0}, 9)
    assert len(await opened(place, objects).read({where: 0}, 5)) == 5


async def test_while_the_store_is_away_what_is_hot_is_read_and_what_is_not_comes_later(place: Place, objects, sealed):
    where, last = sealed
    journal = opened(place, Away())
    tips = {place_: tip for place_, tip in (await journal.tips()).items() if tip}
    found = await journal.read({**dict.fromkeys(tips, 0), where: last}, 100)
    assert {(e.shard, e.lane) for e in found} == {where}
    with pytest.raises(TryLater):
        await journal.read({where: 0}, 1)
    reader = Reader(await place.open_another())
    await reader.to_the_end()
    assert len(reader.entries) == 90


async def test_a_journal_without_a_store_says_so_and_skips_nothing(place: Place, objects, sealed):
    where, _ = sealed
    with pytest.raises(TryLater, match="without its object store"):
        await opened(place, None).read({where: 0}, 1)


async def test_positions_that_are_nowhere_are_never_passed_over(place: Place, objects, sealed, database):
    where, last = sealed
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM journal_segments WHERE shard = $1 AND lane = 0 AND first = 1", where[0])
    await owner.close()
    with pytest.raises(TryLater, match="neither in the database nor in a segment"):
        await opened(place, objects).read({where: 0}, 100)
    assert last > 5
