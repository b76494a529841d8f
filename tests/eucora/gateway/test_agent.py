"""A real agent beats against a real gateway: what it collects arrives once and under the right person."""

import asyncio
import shutil
import threading
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest_asyncio
import zstandard
from tests.eucora.gateway.plane import SHARDS, Plane, Start, free_ports
from tests.eucora.line import close_line, open_line

from eucora import clock
from eucora.domains.all import chores
from eucora.journal import clones
from eucora.journal.postgres import PostgresJournal
from eucora_agent import moment, status
from eucora_agent.enrol import enrol as enrol_agent
from eucora_agent.http2 import Connection
from eucora_agent.moment import Moment
from eucora_agent.run import Agent
from eucora_agent.settings import Settings
from eucora_wire.clock import Boot
from eucora_wire.payload import Payload, decode
from eucora_wire.sequence import parse_items, parse_lost

LOGIND = "UID=1000\nUSER={user}\nACTIVE=1\nSTATE=active\nCLASS=user\nSEAT=seat0\nREALTIME={since}000000\n"
STATUS = "Package: {name}\nStatus: install ok installed\nVersion: {version}\nArchitecture: amd64\n\n"
T = TypeVar("T")


@dataclass
class Clock:
    """The real clocks, shifted: `later` runs both on, `set_wall` sets the wall clock alone, `reboot` begins anew."""

    uptime_ms: int = 0
    wall_ms: int = 0
    boot: uuid.UUID | None = None

    def read(self) -> Moment:
        now = moment.read()
        boot = Boot(self.boot or now.boot.id, now.boot.uptime_ms + self.uptime_ms)
        return replace(now, boot=boot, wall_ms=now.wall_ms + self.uptime_ms + self.wall_ms)

    def later(self, seconds: float) -> None:
        self.uptime_ms += int(seconds * 1000)


@dataclass
class Arrived:
    """An item as the journal has it."""

    ordinal: int
    stream: int
    lane: int
    subject: uuid.UUID | None
    payload: Payload


@dataclass
class Machine:
    """A recorded machine, its agent, and its one thread."""

    plane: Plane
    folder: Path
    clock: Clock = field(default_factory=Clock)
    thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    agent: Agent | None = None

    async def do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.thread, work)

    async def start(self, **changes: Any) -> Agent:
        settings = Settings(self.folder / "agent", backoff_cap_s=0.001, timeout_s=5, **changes)
        self.agent = await self.do(lambda: Agent(settings, self.clock.read, self.folder / "root"))
        return self.agent

    async def beat(self, times: int = 1, every_s: float = 60) -> None:
        assert self.agent is not None
        for _ in range(times):
            self.clock.later(every_s)
            await self.do(self.agent.beat)

    async def stop(self) -> None:
        if self.agent is not None:
            await self.do(self.agent.close)
        self.agent = None

    def here(self, *people: str) -> None:
        sessions = self.folder / "root/run/systemd/sessions"
        for old in sessions.iterdir():
            old.unlink()
        for n, user in enumerate(people, 1):
            (sessions / f"{n}").write_text(LOGIND.format(user=user, since=1_795_500_000 + n))

    def packages(self, **versions: str) -> None:
        status = self.folder / "root/var/lib/dpkg/status"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text("".join(STATUS.format(name=n, version=v) for n, v in versions.items()))

    def unreachable(self) -> Connection:
        """The agent's way to the platform, leading nowhere; the true one is returned."""
        assert self.agent is not None
        true, self.agent.to = (
            self.agent.to,
            Connection(f"https://localhost:{free_ports(1)[0]}", self.agent.to._context, 1),
        )
        return true

    async def entries(self) -> list[Any]:
        assert self.agent is not None
        journal = PostgresJournal(self.plane.pool, self.plane.keyring, epoch=1, shards=SHARDS)
        found = await journal.read(dict.fromkeys(await journal.tips(), 0), 10_000)
        return [e for e in found if e.device == self.agent.who.device_id]

    async def digest(self) -> None:
        """Everything that came becomes queryable."""
        ground = self.plane.ground
        line = await open_line(ground.app_url, ground.keys_url, ground.data_dir / "secrets")
        try:
            await line.digest()
        finally:
            await close_line(line)

    async def dead_letters(self) -> int:
        assert self.agent is not None
        query = "SELECT count(*) FROM dead_letters WHERE device = $1"
        return int(await self.plane.pool.fetchval(query, self.agent.who.device_id))

    async def arrived(self) -> list[Arrived]:
        """What the journal holds of this device, in the order of collecting."""
        found = []
        for e in await self.entries():
            ordinals = parse_items(e.headers["eucora-items"]).carried()
            if e.verdict is None:
                payloads = decode(zstandard.decompress(e.body))
                found += [
                    Arrived(n, e.stream_number, e.lane, e.subject, p) for n, p in zip(ordinals, payloads, strict=True)
                ]
        return sorted(found, key=lambda x: (x.stream, x.ordinal))


Build = Callable[[Plane], Awaitable[Machine]]


@pytest_asyncio.fixture(loop_scope="module")
async def build(tmp_path: Path) -> AsyncIterator[Build]:
    """Enrols a recorded machine at a gateway."""
    machines = []

    async def begin(plane: Plane) -> Machine:
        folder = tmp_path / f"{len(machines)}"
        (folder / "root/run/systemd/sessions").mkdir(parents=True)
        machine, token = Machine(plane, folder), await plane.token()
        machines.append(machine)
        settings = Settings(folder / "agent")
        await machine.do(lambda: enrol_agent(settings, plane.enrolment_url, plane.house.authority.trusted_file, token))
        return machine

    yield begin
    for machine in machines:
        await machine.stop()
        machine.thread.shutdown()


@pytest_asyncio.fixture(loop_scope="module")
async def machine(plane: Plane, build: Build) -> Machine:
    return await build(plane)


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
    token, settings = await machine.plane.token(), Settings(machine.folder / "agent")
    authorities = machine.plane.house.authority.trusted_file
    await machine.do(lambda: enrol_agent(settings, machine.plane.enrolment_url, authorities, token))
    again = await machine.start()
    await machine.beat(3)
    assert again.who.device_id != before
    found = await machine.arrived()
    assert [x.ordinal for x in found] == [1, 2, 3, 4, 5, 6]
    assert {x.payload.device_id for x in found} == {again.who.device_id}


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
