"""A recorded machine with a real agent, whose clocks a test moves, and what the journal holds of it."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from tests.eucora.gateway.plane import SHARDS, Plane, free_ports
from tests.eucora.line import close_line, open_line

from eucora.journal.postgres import PostgresJournal
from eucora_agent import moment
from eucora_agent.enrol import enrol
from eucora_agent.http2 import Connection
from eucora_agent.moment import Moment
from eucora_agent.packing import unpack
from eucora_agent.run import Agent
from eucora_agent.settings import Settings
from eucora_wire.clock import Boot
from eucora_wire.payload import Payload, decode
from eucora_wire.sequence import parse_items

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

    async def enrol(self) -> None:
        """For the first time, or anew: then it is another device."""
        settings, token, trusted = Settings(self.folder / "agent"), await self.plane.token(), self.plane.house.authority
        await self.do(lambda: enrol(settings, self.plane.enrolment_url, trusted.trusted_file, token))

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
                payloads = decode(unpack(e.body))
                found += [
                    Arrived(n, e.stream_number, e.lane, e.subject, p) for n, p in zip(ordinals, payloads, strict=True)
                ]
        return sorted(found, key=lambda x: (x.stream, x.ordinal))


Build = Callable[[Plane], Awaitable[Machine]]
