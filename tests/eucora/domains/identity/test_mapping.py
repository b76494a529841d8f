"""Fifteen devices a person, whatever the race; the sixteenth is refused by name and recorded."""

import asyncio
import os
import random
import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.eucora.line import Device, Line

from eucora.domains.identity.logon import log_on
from eucora.domains.identity.mapping import MOST_DEVICES, allot, map_devices
from eucora.slice import Pool
from eucora.stores.postgres import open_pool
from eucora_wire.answer import Account, LogonAnswer
from eucora_wire.payload import Payload
from eucora_wire.sections.sessions import Session

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


CROWD = 10_000 if os.environ.get("EUCORA_TEST_LIVE") else 2_000


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


async def test_thousands_of_log_ons_at_once_beside_the_digest_of_their_sessions(line: Line, database: Any) -> None:
    many = await open_pool(database.app_url, name="test-many", most=24)
    accounts = [Account(name=f"person-{n}") for n in range(500)]

    async def arrive(account: Account) -> LogonAnswer:
        return await log_on(many, line.keyring, line.secrets, account, uuid.uuid4(), None, NOW)

    persons = [answer.subject for answer in await asyncio.gather(*map(arrive, accounts))]
    async with many.acquire() as tx, tx.transaction():
        assert await map_devices(tx, NOW, [(p, uuid.uuid4()) for p in persons for _ in range(13)]) == set()
    # Eight devices tell of a session of every person, batch by batch, while each of them logs on up to twenty times.
    crowd = random.Random(7).sample(accounts * 20, CROWD)
    told = [await line.enrol() for _ in range(8)]
    arrivals, digest = asyncio.gather(*map(arrive, crowd)), tell_and_digest(line, told, persons)
    answers, digested = await asyncio.gather(arrivals, digest)
    await many.close()

    slots = await line.rows("SELECT count(*), min(slot), max(slot) FROM device_user_map GROUP BY user_id")
    assert slots == [(15, 1, 15)] * 500
    assert {answer.problem for answer in answers if not answer.mapped} == {"too-many-devices"}
    by_log_on = sum(answer.mapped for answer in answers)
    mapped = "SELECT count(*) FROM device_user_map WHERE device_id = ANY ($1)"
    ((by_session,),) = await line.rows(mapped, [device.id for device in told])
    assert by_log_on + by_session == 500
    refused = "SELECT count(*) FROM audit_events WHERE act = 'user.mapping-refused'"
    assert await line.rows(refused) == [(CROWD + 8 * 500 - 500,)]
    assert digested == 8 * 10
    assert await line.rows("SELECT count(*) FROM sessions") == [(8 * 500,)]
    assert await line.rows("SELECT count(*) FROM dead_letters") == [(0,)]
    assert await line.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


async def tell_and_digest(line: Line, devices: list[Device], persons: list[uuid.UUID]) -> int:
    """Ten batches a device, fifty sessions each, in an order of the device's own; digested as they come."""
    rng, digested = random.Random(3), 0
    orders = [rng.sample(persons, len(persons)) for _ in devices]
    for first in range(0, len(persons), 50):
        for device, order in zip(devices, orders, strict=True):
            now = datetime.now(UTC)
            sessions = tuple(Session(uuid.uuid4(), p, device.id, now) for p in order[first : first + 50])
            await line.append(device.batch([Payload(device_id=device.id, timestamp=now, sessions=sessions)]))
        digested += await line.digest()
    return digested


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
