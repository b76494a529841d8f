"""Fifteen devices a person, whatever the race; the sixteenth is refused by name and recorded."""

import asyncio
import random
import uuid
from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.line import Line

from eucora.domains.identity.mapping import MOST_DEVICES, allot, map_devices
from eucora.slice import Pool

NOW = datetime(2026, 11, 24, tzinfo=UTC)


async def persons(pool: Pool, count: int) -> list[uuid.UUID]:
    ids = [uuid.uuid4() for _ in range(count)]
    await pool.executemany(
        "INSERT INTO users (user_id, account_pseudonym) VALUES ($1, $2)", [(x, x.bytes) for x in ids]
    )
    return ids


async def map_one(pool: Pool, pairs: list[tuple[uuid.UUID, uuid.UUID]]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    async with pool.acquire() as tx, tx.transaction():
        return await map_devices(tx, NOW, pairs)


async def test_ten_thousand_concurrent_mappings_give_each_person_exactly_fifteen_devices(line: Line) -> None:
    crowd = await persons(line.app, 200)
    async with line.app.acquire() as tx, tx.transaction():
        assert await map_devices(tx, NOW, [(p, uuid.uuid4()) for p in crowd for _ in range(14)]) == set()
    # Five persons, fifty calls for them at once, each in an order of its own: who locks badly loses a race or waits.
    rng = random.Random(11)
    groups = [crowd[n : n + 5] for n in range(0, 200, 5)]
    calls = [[(p, uuid.uuid4()) for p in rng.sample(group, 5)] for group in groups for _ in range(50)]
    refused = await asyncio.gather(*(map_one(line.app, call) for call in calls))
    assert sum(map(len, refused)) == 10_000 - 200
    counts = await line.rows("SELECT count(*), min(slot), max(slot) FROM device_user_map GROUP BY user_id")
    assert counts == [(15, 1, 15)] * 200


async def test_the_table_itself_knows_no_sixteenth_slot(line: Line) -> None:
    (person,) = await persons(line.app, 1)
    add = "INSERT INTO device_user_map (user_id, device_id, slot) VALUES ($1, $2, $3)"
    with pytest.raises(asyncpg.CheckViolationError):
        await line.app.execute(add, person, uuid.uuid4(), 16)
    await line.app.execute(add, person, uuid.uuid4(), 15)
    with pytest.raises(asyncpg.UniqueViolationError):
        await line.app.execute(add, person, uuid.uuid4(), 15)


async def test_mapping_again_changes_nothing(line: Line) -> None:
    (person,) = await persons(line.app, 1)
    device = uuid.uuid4()
    for _ in range(3):
        assert await map_one(line.app, [(person, device)]) == set()
    assert await line.rows("SELECT slot FROM device_user_map") == [(1,)]


ids = st.integers(0, 3).map(lambda n: uuid.UUID(int=n))


@given(st.lists(st.tuples(ids, st.integers(0, 30).map(lambda n: uuid.UUID(int=n))), unique=True, max_size=90))
def test_slots_are_given_once_and_what_is_refused_found_none(pairs: list[tuple[uuid.UUID, uuid.UUID]]) -> None:
    found, refused = allot({uuid.UUID(int=n): {} for n in range(4)}, pairs)
    assert found.keys() | refused == set(pairs)
    assert not found.keys() & refused
    for person in {p for p, _ in pairs}:
        slots = [slot for (p, _), slot in found.items() if p == person]
        assert sorted(slots) == list(range(1, len(slots) + 1))
        assert len(slots) == min(MOST_DEVICES, sum(p == person for p, _ in pairs))
