"""A real agent beats against a real gateway: what it collects arrives once and under the right person."""

import shutil
import threading
import uuid
from collections import Counter
from typing import Any

import pytest
from tests.eucora.gateway.machine import Build, Machine
from tests.eucora.gateway.plane import Plane, Start

from eucora import clock
from eucora.journal import clones
from eucora_agent import status
from eucora_agent.problems import Stalled
from eucora_wire.sequence import parse_items, parse_lost


async def test_a_beat_arrives_at_once_and_the_next_inventory_is_a_delta(machine: Machine) -> None:
    machine.packages(bash="5.2", nano="7.2")
    await machine.start()
    await machine.beat()
    machine.packages(bash="5.3", nano="7.2")
    await machine.beat(2)
    first, second, third = await machine.arrived()
    assert first.payload.software is not None
    assert first.payload.software.packages is not None
    assert {p.name: p.version for p in first.payload.software.packages} == {"bash": "5.2", "nano": "7.2"}
    assert second.payload.software is not None
    assert second.payload.software.delta is not None
    assert [(c.was.version, c.now.version) for c in second.payload.software.delta.changed] == [("5.2", "5.3")]
    assert third.payload.software is None
    assert third.payload.agent is not None
    assert third.payload.agent.status == "healthy"
    assert machine.agent is not None
    assert machine.agent.spool.depth() == 0
    assert [x.lane for x in (first, second, third)] == [0, 0, 0]


async def test_an_hour_offline_arrives_whole_and_once_the_old_as_replay(machine: Machine) -> None:
    agent = await machine.start()
    await machine.beat()
    true = machine.unreachable()
    await machine.beat(60)
    assert agent._health().status == "offline"
    assert len(agent.spool.sealed()) < 12  # one in ten minutes, not one a beat
    agent.to = true
    await machine.beat(2)
    found = await machine.arrived()
    assert [x.ordinal for x in found] == list(range(1, 64))
    times = [x.payload.timestamp for x in found]
    assert times == sorted(times)
    assert len(set(times)) == 63
    lanes = [x.lane for x in found]
    assert lanes[0] == 0
    assert lanes[-1] == 0
    assert set(lanes[1:40]) == {1}
    await machine.digest()
    assert await machine.dead_letters() == 0


async def test_an_answer_that_never_came_makes_no_second_item(machine: Machine) -> None:
    agent = await machine.start()
    settle, agent.spool.settle = agent.spool.settle, lambda number: None  # type: ignore[method-assign]
    await machine.beat(3)
    assert len(agent.spool.sealed()) == 3
    agent.spool.settle = settle  # type: ignore[method-assign]
    await machine.beat()
    assert [x.ordinal for x in await machine.arrived()] == [1, 2, 3, 4]
    assert agent.spool.depth() == 0


async def test_each_batch_and_each_session_is_of_one_person(machine: Machine) -> None:
    agent = await machine.start(cadence_s=10.0)
    machine.here("mia")
    await machine.beat(2, every_s=10)
    machine.here("ada")
    await machine.beat(2, every_s=10)
    machine.here()
    await machine.beat(2, every_s=10)
    assert not [e for e in await machine.entries() if e.verdict is not None]
    found = await machine.arrived()
    assert all(x.payload.user_id == x.subject for x in found)
    subjects = list(dict.fromkeys(x.subject for x in found))
    assert len(subjects) == 3
    assert subjects[-1] is None
    told = Counter((s.session_id, s.end is not None) for x in found for s in x.payload.sessions)
    assert len(told) == 4
    assert set(told.values()) == {1}
    assert all(s.user_id == x.subject for x in found for s in x.payload.sessions)
    assert "mia" not in (agent.settings.dir / "subjects.json").read_text()


async def test_a_person_who_came_while_offline_is_resolved_later(machine: Machine) -> None:
    agent = await machine.start(cadence_s=10.0)
    true = machine.unreachable()
    machine.here("mia")
    await machine.beat(3, every_s=10)
    provisional = agent.people.subject
    agent.to = true
    await machine.beat(2, every_s=10)
    assert agent.people.subject != provisional
    found = await machine.arrived()
    assert [x.subject for x in found] == [provisional] * 3 + [agent.people.subject] * 2
    assert len({s.session_id for x in found for s in x.payload.sessions}) == 1


async def test_while_the_platform_is_away_nobody_is_asked_who_sits_here(machine: Machine) -> None:
    agent = await machine.start()
    machine.unreachable()
    machine.here("mia")
    await machine.beat()
    agent.sender.not_before_s = float("inf")
    asked = threading.Event()
    agent.to.ask = lambda *_: asked.set()  # type: ignore[method-assign, assignment]
    await machine.beat(3)
    assert not asked.is_set()


async def test_a_clock_that_is_set_cuts_the_batch_and_moves_no_time(machine: Machine) -> None:
    agent = await machine.start()
    true = machine.unreachable()
    await machine.beat(2)
    machine.clock.wall_ms = 73 * 365 * 86_400_000  # 2099
    await machine.beat(2)
    machine.clock.wall_ms = 0
    await machine.beat(2)
    agent.to.close()
    agent.to = true
    await machine.beat(2)
    found = await machine.arrived()
    assert [x.ordinal for x in found] == list(range(1, 9))
    clocks = [int(e.headers["eucora-clock"]) for e in await machine.entries()]
    assert sum(clock > 4e12 for clock in clocks) >= 1
    assert agent.spool.head.shed == 0
    await machine.digest()
    assert await machine.dead_letters() == 0


async def test_a_reboot_goes_on_where_it_was(machine: Machine) -> None:
    agent = await machine.start()
    machine.unreachable()
    await machine.beat(3)
    await machine.stop()
    machine.clock.boot, machine.clock.uptime_ms = uuid.uuid4(), machine.clock.uptime_ms + 3_600_000
    again = await machine.start()
    await machine.beat(2)
    assert again.spool.head.stream == agent.spool.head.stream
    assert [x.ordinal for x in await machine.arrived()] == [1, 2, 3, 4, 5]
    assert len({e.headers["eucora-boot"].partition(";")[0] for e in await machine.entries()}) == 2


async def test_a_damaged_spool_begins_a_new_stream_and_says_so(machine: Machine) -> None:
    first = await machine.start()
    await machine.beat(2)
    stream = first.spool.head.stream
    await machine.stop()
    (newest,) = (machine.folder / "agent/spool").glob("*.db")
    newest.write_bytes(b"\xa5" * newest.stat().st_size)
    agent = await machine.start()
    await machine.beat(2)
    assert agent.spool.head.stream != stream
    entries = {
        e.headers["eucora-stream"]: e.headers["eucora-previous"] for e in await machine.entries() if e.sequence == 1
    }
    assert entries[str(agent.spool.head.stream)] == "lost"
    events = [e for x in await machine.arrived() for e in x.payload.events]
    assert [(e.name, e.severity) for e in events] == [("agent.spool_damaged", "warning")]


async def test_a_batch_too_large_for_the_platform_travels_again_in_halves(
    plane: Plane, start: Start, build: Build
) -> None:
    small = await start(body_max_kib=1, inflated_max_kib=1)
    machine = await build(small)
    machine.packages(**{f"package-{n}": "1.0" for n in range(3)})
    agent = await machine.start()
    true = machine.unreachable()
    await machine.beat(12)
    agent.to = true
    await machine.beat(8)
    assert agent.spool.depth() == 0
    found = await machine.arrived()
    ordinals = [x.ordinal for x in found]
    assert len(ordinals) == len(set(ordinals))
    assert len(ordinals) >= 12
    refused = {e.sequence for e in await machine.entries() if e.verdict is not None}
    voided = {int(e.headers["eucora-voids"]) for e in await machine.entries() if "eucora-voids" in e.headers}
    assert voided
    assert voided <= refused
    alone = {e.sequence for e in await machine.entries() if e.verdict is not None} - voided
    assert len(alone) <= 1  # one item larger than all that the platform takes


async def test_what_was_shed_while_offline_is_named_as_lost_and_all_gaps_close(machine: Machine) -> None:
    agent = await machine.start()
    await machine.beat()
    true = machine.unreachable()
    for _ in range(200):  # more than the gaps that a stream may have
        await machine.beat()
        await machine.do(lambda: agent._seal_all(machine.clock.read()))
    shed = [x.number for x in agent.spool.sealed()][::2]
    await machine.do(lambda: agent.spool._let_go([], shed, "shed"))
    agent.to = true
    for _ in range(40):
        agent.sender.not_before_s = 0
        await machine.beat()
        if not agent.spool.sealed() and not agent.spool.lost():
            break
    gaps = await machine.plane.pool.fetchval(
        "SELECT gaps FROM journal_heads WHERE stream = $1", agent.spool.head.stream
    )
    assert gaps == "[]"
    named = {
        x.sequence: x.reason for e in await machine.entries() for x in parse_lost(e.headers.get("eucora-lost", ""))
    }
    assert len(named) == len(shed)
    assert set(named.values()) == {"shed"}
    ordinals = [x.ordinal for x in await machine.arrived()]
    assert len(ordinals) == len(set(ordinals)) == agent.spool.head.next_ordinal - 1 - len(shed)


async def test_what_could_not_be_delivered_is_told_by_its_class_in_the_agents_own_telemetry(machine: Machine) -> None:
    agent = await machine.start()
    await machine.beat()
    true = machine.unreachable()
    await machine.beat(5)
    said = status.read(machine.folder / "agent")
    assert said is not None
    assert (said.status, said.severity) == ("offline", "S1")
    agent.to = true
    await machine.beat(4)
    assert agent.spool.depth() == 0
    told = [x.payload.agent.severity for x in await machine.arrived() if x.payload.agent]
    assert told[0] is None
    assert "S2" in told, "the first failures"
    assert "S1" in told
    assert told[-1] is None, "it is over"


async def test_a_batch_that_the_line_does_not_carry_is_told_of_while_it_waits(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await machine.start()
    await machine.beat()
    true = machine.unreachable()
    await machine.beat(6)
    agent.to, ask = true, true.ask

    def torn(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Any:
        if path == "/v1/telemetry" and len(parse_items(headers["eucora-items"]).carried()) > 2:
            raise Stalled("ended")
        return ask(method, path, headers, body)

    monkeypatch.setattr(true, "ask", torn)
    await machine.beat(5)
    said = status.read(machine.folder / "agent")
    assert said is not None
    assert said.held_back == 1
    assert agent.spool.depth() >= 5
    told = [e.name for x in await machine.arrived() for e in x.payload.events or ()]
    assert told == ["agent.batch_held_back"], "what is made now passes, and says so"
    monkeypatch.undo()
    await machine.beat(11)
    assert agent.spool.depth() == 0
    said = status.read(machine.folder / "agent")
    assert said is not None
    assert said.held_back == 0


async def test_a_copied_spool_is_held_until_an_operator_says_that_it_was_set_back_and_nothing_is_lost(
    machine: Machine,
) -> None:
    await machine.start()
    await machine.beat()
    await machine.stop()
    shutil.copytree(machine.folder / "agent/spool", machine.folder / "copy")
    first = await machine.start()
    await machine.beat()
    stream = first.spool.head.stream
    await machine.stop()
    shutil.rmtree(machine.folder / "agent/spool")
    shutil.copytree(machine.folder / "copy", machine.folder / "agent/spool")
    agent = await machine.start()
    await machine.beat(2)
    assert agent.spool.head.stream == stream, "it waits for a person"
    assert agent.spool.depth() >= 2
    (held,) = await clones.held(machine.plane.pool)
    assert (held.device, held.stream) == (agent.who.device_id, stream)
    async with machine.plane.pool.acquire() as tx, tx.transaction():
        await clones.close(tx, stream, "rewind", clock.now())
    await machine.beat(4)
    assert agent.spool.head.stream != stream
    assert agent.spool.depth() == 0
    streams = Counter(x.stream for x in await machine.arrived())
    assert streams[1] == 2
    assert streams[2] >= 4
    assert "agent.new_stream" in [e.name for x in await machine.arrived() for e in x.payload.events]


async def test_who_enrols_anew_takes_the_spool_along(machine: Machine) -> None:
    agent = await machine.start()
    machine.unreachable()
    await machine.beat(3)
    before = agent.who.device_id
    await machine.stop()
    await machine.enrol()
    again = await machine.start()
    await machine.beat(3)
    assert again.who.device_id != before
    found = await machine.arrived()
    assert [x.ordinal for x in found] == [1, 2, 3, 4, 5, 6]
    assert {x.payload.device_id for x in found} == {again.who.device_id}
