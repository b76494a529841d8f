"""Days that are over are read through the same port: every entry once, in order, at every border, while days go."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from tests.conformance.journal.device import Device
from tests.conformance.journal.place import SHARDS, Place
from tests.conformance.journal.test_order import EVERYWHERE, Reader

from eucora.journal import seal as sealing
from eucora.journal.founding import PIPELINE, add_consumer
from eucora.journal.seal import Sealed, seal

HOT = timedelta(days=2)


async def days(place: Place, devices: list[Device], each: int, count: int) -> int:
    """`count` days that are over, one after the other, and today; how many entries each place may hold together."""
    for _ in range(count):
        await told(place, devices, each)
        await place.pass_days(1)
    await place.pass_days(2)
    await told(place, devices, each)
    return (count + 1) * each * len(devices)


async def told(place: Place, devices: list[Device], each: int) -> None:
    lanes = [device.chain(each - each // 3) + device.chain(each // 3, lane="replay") for device in devices]
    for chain in lanes:
        await place.journal.append(chain)


async def all_read(place: Place, consumer: str = PIPELINE) -> None:
    """The consumer is at the end of every place."""
    await place.app.execute(
        "UPDATE cursors c SET position = CASE lane WHEN 0 THEN s.live ELSE s.replay END "
        "FROM journal_shards s WHERE s.shard = c.shard AND consumer = $1",
        consumer,
    )


async def turn(place: Place, objects) -> Sealed:
    return await seal(place.app, objects, datetime.now(UTC), HOT)


@pytest.fixture
def small(monkeypatch):
    """Segments of a few entries, so that there are many borders."""
    monkeypatch.setattr(sealing, "SEGMENT_ENTRIES", 7)


async def test_a_new_consumer_reads_everything_from_the_beginning_in_the_order_in_which_it_came(place, objects, small):
    devices = [await place.device() for _ in range(5)]
    count = await days(place, devices, 9, 3)
    before = Reader(await place.open_another())
    await before.to_the_end()
    await all_read(place)
    assert len((await turn(place, objects)).dropped) >= 3
    async with place.app.acquire() as tx, tx.transaction():
        await add_consumer(tx, "archive")
    for most in (1, 5, 1000):
        after = Reader(await place.open_another())
        while await after.step(most):
            pass
        assert after.after == await place.journal.tips()
        assert sorted(after.entries, key=place_of) == sorted(before.entries, key=place_of)
        assert len(after.entries) == count


def place_of(entry):
    return entry.shard, entry.lane, entry.position


async def test_every_position_is_found_alone_whether_it_is_hot_or_sealed(place, objects, small):
    device = await place.device()
    await days(place, [device], 20, 2)
    reader = Reader(await place.open_another())
    await reader.to_the_end()
    await all_read(place)
    await turn(place, objects)
    journal = await place.open_another()
    for entry in random.sample(reader.entries, len(reader.entries)):
        (found,) = await journal.read({(entry.shard, entry.lane): entry.position - 1}, 1)
        assert found == entry


async def test_a_read_across_a_border_goes_on_at_the_next_position(place, objects, small):
    device = await place.device()
    await days(place, [device], 30, 1)
    await all_read(place)
    await turn(place, objects)
    where = (device.id.int % SHARDS, 0)
    journal = await place.open_another()
    border = await place.app.fetchval("SELECT max(last) FROM journal_segments WHERE shard = $1 AND lane = 0", where[0])
    for after in range(border - 9, border + 3):
        found = await journal.read({where: after}, 1000)
        assert [e.position for e in found] == list(range(after + 1, after + 1 + len(found)))
        assert found


async def test_live_places_that_are_hot_do_not_wait_for_one_that_reads_segments(place, objects, small):
    devices = [await place.device() for _ in range(9)]
    await days(place, devices, 6, 2)
    await all_read(place)
    await turn(place, objects)
    tips = await place.journal.tips()
    behind = min(where for where, tip in tips.items() if tip and where[1] == 0)
    after = {where: 0 if where == behind else tip - 1 for where, tip in tips.items() if tip}
    found = await (await place.open_another()).read(after, 100)
    assert {(e.shard, e.lane) for e in found} == after.keys()
    lanes = [place_of(e) for e in found if (e.shard, e.lane) != behind]
    assert lanes == sorted(lanes, key=lambda at: (at[1], at[0], at[2]))


async def test_a_reader_in_a_loop_sees_each_position_once_while_days_are_sealed_and_dropped(
    place, objects, small, monkeypatch
):
    devices = [await place.device() for _ in range(4)]
    count = await days(place, devices, 15, 4)
    await all_read(place)
    rounds, ended = [], asyncio.Event()

    async def follow(most):
        journal = await place.open_another()
        while not ended.is_set():
            reader = Reader(journal)
            while await reader.step(most):
                pass
            assert reader.after == await journal.tips()
            rounds.append(len(reader.entries))

    readers = [asyncio.create_task(follow(most)) for most in (3, 17, 500)]
    monkeypatch.setattr(sealing, "MOST_A_TURN", 3)
    dropped = []
    while (done := await turn(place, objects)).segments:
        dropped += done.dropped
    assert len(dropped) >= 4
    await asyncio.sleep(0.1)
    ended.set()
    await asyncio.gather(*readers)
    assert set(rounds) == {count}


async def test_writers_go_on_beside_sealing_and_their_entries_follow(place, objects, small):
    devices = [await place.device() for _ in range(4)]
    count = await days(place, devices, 12, 2)
    await all_read(place)
    writing = asyncio.gather(*(told(place, [device], 30) for device in devices))
    await turn(place, objects)
    await writing
    reader = Reader(await place.open_another())
    await reader.to_the_end()
    assert len(reader.entries) == count + 4 * 30
    assert EVERYWHERE.keys() == reader.after.keys()
