"""Bodies travel packed by a dictionary when both sides know it, and arrive whole when the platform does not."""

import pytest
import zstandard
from tests.eucora.gateway.machine import Machine

from eucora.pipeline import inflate
from eucora_agent import packing
from eucora_wire import dictionary
from eucora_wire.dictionary import PLAIN, UnknownDictionary, newest, number_of


async def test_bodies_are_packed_by_the_dictionary_that_the_platform_named_and_arrive_whole(machine: Machine) -> None:
    await machine.start()
    await machine.beat(4)
    numbers = [number_of(e.body) for e in await machine.entries()]
    assert numbers[0] == PLAIN
    assert set(numbers[1:]) == {newest()}
    await machine.digest()
    assert len(await machine.arrived()) >= 4
    assert await machine.dead_letters() == 0


async def test_a_platform_that_does_not_know_the_dictionary_gets_the_same_items_without_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of an older version would, which took the place of a newer one."""
    agent = await machine.start()
    await machine.beat(2)
    assert agent.sender.dictionary == newest()
    monkeypatch.setattr(inflate, "_zstd", knows_none)
    await machine.beat(3)
    assert (agent.sender.dictionary, agent.spool.depth()) == (PLAIN, 0)
    refused = [e for e in await machine.entries() if e.verdict is not None]
    assert [e.verdict.slug for e in refused] == ["unknown-dictionary"]
    monkeypatch.undo()
    await machine.digest()
    ordinals = [x.ordinal for x in await machine.arrived()]
    assert ordinals == list(range(1, agent.spool.head.next_ordinal))
    state = await machine.plane.pool.fetchval("SELECT state FROM dead_letters WHERE device = $1", agent.who.device_id)
    assert state == "replayed"


async def test_of_a_device_enrolled_anew_what_it_cannot_read_waits_until_its_dictionary_is_mended(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The present arrives meanwhile, and no start of the agent fails of it."""
    agent = await machine.start(seal_after_s=0)
    await machine.beat(2)
    machine.unreachable().close()
    await machine.beat(3)
    left = agent.spool.depth()
    assert left >= 3
    await machine.stop()
    await machine.enrol()
    for where in (packing, dictionary):  # the agent's, not the platform's
        monkeypatch.setattr(where, "content", knows_none)
    newest.cache_clear()
    for _ in range(2):
        agent = await machine.start()
        await machine.beat(2)
        assert agent.spool.depth() == left
        assert "agent.dictionary_damaged" in {e.name for x in await machine.arrived() for e in x.payload.events or ()}
        await machine.stop()
    monkeypatch.undo()
    newest.cache_clear()
    agent = await machine.start()
    await machine.beat(2)
    assert agent.spool.depth() == 0
    await machine.digest()
    ordinals = [x.ordinal for x in await machine.arrived()]
    assert ordinals == list(range(min(ordinals), agent.spool.head.next_ordinal))
    assert len(ordinals) >= left + 6


def knows_none(number: int) -> zstandard.ZstdDecompressor:
    if number != PLAIN:
        raise UnknownDictionary(number)
    return zstandard.ZstdDecompressor()
