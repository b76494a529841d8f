"""What is not held as a device told it is found by its next heartbeat, at a real gateway, and mended by itself."""

from typing import Any

import asyncpg
from tests.eucora.gateway.machine import Machine

from eucora import clock
from eucora.domains.all import chores

DRIFT = (
    "SELECT section, drifted_at IS NOT NULL, healed_at IS NOT NULL, resync FROM state_told WHERE device = $1 ORDER BY 1"
)


async def compared_of(machine: Machine) -> list[tuple[Any, ...]]:
    """Each section: whether it drifted, healed, is asked for; once all that came is compared."""
    assert machine.agent is not None
    await machine.digest()
    for compare in chores(machine.plane.pool, machine.plane.house.secrets):
        await compare(clock.now())
    await machine.plane.house.notices.refresh()
    return [tuple(row) for row in await machine.plane.pool.fetch(DRIFT, machine.agent.who.device_id)]


async def test_what_is_changed_by_hand_in_the_database_is_found_by_the_next_heartbeat_and_mended_by_the_device(
    machine: Machine,
) -> None:
    machine.packages(bash="5.2", nano="7.2")
    machine.here("mia")
    agent = await machine.start()
    pool, device = machine.plane.pool, agent.who.device_id

    await machine.beat(2)
    await machine.digest()
    fits = [(section, False, False, False) for section in ("device", "sessions", "software")]
    assert await compared_of(machine) == fits
    for statement in (
        "UPDATE software_inventory SET version = '6.0' WHERE name = 'bash' AND device = $1",
        "UPDATE devices SET model = 'another' WHERE device_id = $1",
        "UPDATE sessions SET vpn = true WHERE device_id = $1",
    ):
        await pool.execute(statement, device)
    await machine.beat(2)
    assert await compared_of(machine) == fits, "not every heartbeat says what it holds"
    await machine.beat(1, every_s=3600)
    assert await compared_of(machine) == [(section, True, False, True) for section, *_ in fits]
    await machine.beat(2)  # the first hears of it, the second sends them whole
    assert await compared_of(machine) == [(section, False, True, False) for section, *_ in fits]
    kept = "SELECT name, version FROM software_inventory WHERE device = $1 AND present ORDER BY 1"
    assert [tuple(row) for row in await pool.fetch(kept, device)] == [("bash", "5.2"), ("nano", "7.2")]
    assert await pool.fetchval("SELECT model FROM devices WHERE device_id = $1", device) is None
    assert await pool.fetchval("SELECT vpn FROM sessions WHERE device_id = $1", device) is None
    asked = len(await machine.entries())
    await machine.beat(3)
    repeated = [
        x.payload for x in await machine.arrived() if x.payload.software or x.payload.device or x.payload.sessions
    ]
    assert len(repeated) == 2, "what was asked for is sent once"
    assert len(await machine.entries()) == asked + 3


async def test_the_lost_end_of_a_session_is_found_and_mended_also_by_an_agent_that_was_started_anew(
    machine: Machine,
) -> None:
    machine.packages(bash="5.2")
    machine.here("mia")
    await machine.start()
    await machine.beat(2)
    machine.here()
    await machine.beat(2)
    fits = [(section, False, False, False) for section in ("device", "sessions", "software")]
    assert await compared_of(machine) == fits
    machine.here("noah")
    await machine.beat(2)
    assert await compared_of(machine) == fits
    pool, query = machine.plane.pool, 'SELECT "end" FROM sessions WHERE device_id = $1 ORDER BY session_id'
    device = machine.agent.who.device_id
    ends = [row["end"] for row in await pool.fetch(query, device)]
    assert sorted(end is None for end in ends) == [False, True]
    await pool.execute('UPDATE sessions SET "end" = NULL WHERE device_id = $1', device)
    await machine.stop()
    await machine.start()
    await machine.beat(2)
    assert await compared_of(machine) == [fits[0], ("sessions", True, False, True), fits[2]]
    await machine.beat(2, every_s=600)  # the first hears of it, the second tells it
    assert await compared_of(machine) == [fits[0], ("sessions", False, True, False), fits[2]]
    assert [row["end"] for row in await pool.fetch(query, device)] == ends


async def test_an_ended_session_that_stays_away_is_told_again_once_and_then_let_go_of(machine: Machine) -> None:
    machine.packages(bash="5.2")
    machine.here("mia")
    agent = await machine.start()
    await machine.beat(2)
    machine.here()
    await machine.beat(2)
    await machine.digest()
    owner, device = await asyncpg.connect(machine.plane.ground.owner_url), agent.who.device_id
    told = 0
    for _ in range(3):  # nothing of the person may stand here
        await owner.execute("DELETE FROM sessions WHERE device_id = $1", device)
        await machine.beat(1, every_s=3600)
        drifted = {section: drifted for section, drifted, *_ in await compared_of(machine)}
        await machine.beat(2)
        await machine.digest()
        now = sum(1 for x in await machine.arrived() if x.payload.sessions)
        told, before = now, told
    assert not drifted["sessions"]
    assert told == before == 3, "begun, ended, and told again once"
    await owner.close()
