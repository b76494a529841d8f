"""Leases and cursors: one holder a place, and a zombie writes nothing."""

import uuid

import pytest
from tests.conformance.journal.place import SHARDS, Place

from eucora.clock import now
from eucora.journal.cursors import Zombie, advance, claim, lags, positions, release, renew

ALL = {(shard, lane) for shard in range(SHARDS) for lane in (0, 1)}
MINE, THEIRS = uuid.uuid4(), uuid.uuid4()


async def move(place: Place, lease, moves):
    async with place.app.acquire() as connection, connection.transaction():
        await advance(connection, "pipeline", lease, moves)


async def test_a_place_has_one_holder_until_the_lease_ends(place: Place):
    assert await claim(place.app, "pipeline", MINE, 60) == ALL
    assert await claim(place.app, "pipeline", THEIRS, 60) == set()
    assert await claim(place.app, "pipeline", MINE, 0) == ALL
    assert await claim(place.app, "pipeline", THEIRS, 60) == ALL
    assert await renew(place.app, "pipeline", MINE, 60) == set()
    assert await renew(place.app, "pipeline", THEIRS, 60) == ALL


async def test_a_released_place_is_free_at_once(place: Place):
    await claim(place.app, "pipeline", MINE, 60)
    await release(place.app, "pipeline", MINE)
    assert await claim(place.app, "pipeline", THEIRS, 60) == ALL


async def test_who_takes_a_share_keeps_it_and_leaves_the_rest(place: Place):
    first = await claim(place.app, "pipeline", MINE, 60, most=2)
    assert len(first) == 2
    assert await claim(place.app, "pipeline", MINE, 60, most=2) == first
    assert await claim(place.app, "pipeline", THEIRS, 60) == ALL - first


async def test_a_cursor_moves_from_where_it_stands(place: Place):
    await claim(place.app, "pipeline", MINE, 60)
    await move(place, MINE, {(0, 0): (0, 5, now()), (1, 1): (0, 2, now())})
    found = await positions(place.app, "pipeline")
    assert (found[0, 0], found[1, 1], sum(found.values())) == (5, 2, 7)
    with pytest.raises(Zombie):
        await move(place, MINE, {(0, 0): (0, 6, now())})


async def test_a_zombie_moves_nothing_even_where_it_is_right(place: Place):
    await claim(place.app, "pipeline", MINE, 0)
    await claim(place.app, "pipeline", THEIRS, 60, most=1)  # takes (0, 0)
    with pytest.raises(Zombie):
        await move(place, MINE, {(0, 0): (0, 5, now()), (1, 0): (0, 5, now())})
    assert set((await positions(place.app, "pipeline")).values()) == {0}


async def test_lag_counts_what_is_acknowledged_and_not_passed(place: Place):
    device = await place.device()
    await place.journal.append(device.chain(5))
    await claim(place.app, "pipeline", MINE, 60)
    shard = device.id.int % SHARDS
    await move(place, MINE, {(shard, 0): (0, 2, now())})
    assert (await lags(place.app, "pipeline"))[shard, 0] == 3
