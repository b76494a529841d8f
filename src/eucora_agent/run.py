"""The agent's loop: collect what is due, append it, seal, send, obey. One beat at a time; nothing runs beside it."""

import fcntl
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from eucora_agent import VERSION, collect, durable, identity, keys, moment, obey, seal, status
from eucora_agent.collectors import Context, Link
from eucora_agent.collectors.network import observe
from eucora_agent.http2 import Connection, tls
from eucora_agent.log import log
from eucora_agent.memory import Memory
from eucora_agent.moment import Moment
from eucora_agent.people import People
from eucora_agent.problems import AlreadyRunning, EucoraError, Refused, SpoolFull, TryLater
from eucora_agent.send import Sender
from eucora_agent.settings import Settings
from eucora_agent.spool import Spool
from eucora_agent.warnings import Warnings
from eucora_wire.delta import apply, inventory
from eucora_wire.payload import Payload, encode_one
from eucora_wire.sections.agent import Agent as Health
from eucora_wire.sections.sessions import Session

DEFAULT_CADENCE_S = 60.0
PACKAGES = ("packages_dpkg", "packages_rpm")


class Agent:
    """Everything that one running agent holds."""

    def __init__(self, settings: Settings) -> None:
        self.settings, folder = settings, durable.private_folder(settings.dir)
        self._lock = hold(folder / "lock")
        self.who, self.key = identity.load(folder), keys.load(folder / identity.KEY)
        self.config = obey.load(folder, self.who)
        most_age_ms = int(self.config.spool_max_age_s * 1000)
        self.spool = Spool(folder / "spool", settings.spool_mib * 2**20, most_age_ms)
        self.memory, self.people, self.warnings = Memory(folder), People(folder), Warnings()
        self.sender = Sender(settings.backoff_cap_s)
        self.to = self._connect()
        self.mark: seal.Mark | None = None
        self.last: dict[str, float] = {}
        self.resync: set[str] = set()
        self.link: Link | None = None
        self.started = moment.read()
        if self.spool.damaged:
            self.warnings.note("spool_damaged", f"{self.spool.damaged} files set aside", self.started.now)

    @property
    def cadence_s(self) -> float:
        return self.settings.cadence_s or self.config.cadence_s.get("metrics", DEFAULT_CADENCE_S)

    def beat(self) -> None:
        """One round: the machine is read and kept before anything is sent."""
        at = moment.read()
        try:
            self._collect(at)
        except SpoolFull as exc:
            self.warnings.note("spool_full", "", at.now)
            log("spool_full", mend=str(exc))
        self._seal(at)
        self._send()
        self._obey()
        self._tell()

    def _collect(self, at: Moment) -> None:
        full = "software" in self.resync or self.memory.inventory_is_missing()
        if full:
            for name in PACKAGES:
                self.memory.states.pop(name, None)
                self.last.pop(name, None)
        if "device" in self.resync:
            self.last.pop("device", None)
        context = Context(at.now, at.boot, at.monotonic_s, gateway=(self.to.host, self.to.port), link=self.link)
        due = collect.due(at.uptime_s, self.last, self.cadence_s)
        self.last.update({c.name: at.uptime_s for c in due})
        reading = collect.read(due, context, self.memory, self.warnings)
        sessions: tuple[Session, ...] = ()
        if reading.people is not None:
            sessions = self.people.see(reading.people, self.who, self.key, self.to, at)
        software, changes = collect.software_of(reading, self.memory, at.now, full=full)
        facts = reading.device
        if facts is not None and "device" not in self.resync and not self.memory.is_new(facts):
            facts = None
        payload = collect.payload_of(
            self.who.device_id,
            self.people.subject,
            reading,
            at.now,
            self._health(),
            device=facts,
            software=software,
            changes=(*reading.changes, *changes),
            sessions=sessions,
            events=self.warnings.take(),
        )
        self._append(collect.withhold(payload, self.config.collect), at)
        self._remember(payload)

    def _append(self, payload: Payload, at: Moment) -> None:
        mark = seal.mark(payload.user_id, self.config.policy, at, self.mark)
        if self.mark is not None and mark != self.mark:
            self._seal_all(at)  # before the person, the policy, the boot or the clock changes
        self.mark = mark
        self.spool.append(
            encode_one(payload), seal.write_mark(mark), collect.rank(payload), at.wall_ms, at.boot.uptime_ms
        )

    def _remember(self, payload: Payload) -> None:
        """What was appended is what the next delta builds on."""
        if payload.software is not None and payload.software.packages is not None:
            self.memory.keep_inventory(inventory(payload.software.packages))
            self.resync.discard("software")
        elif payload.software is not None and payload.software.delta is not None:
            self.memory.keep_inventory(apply(self.memory.inventory() or {}, payload.software.delta))
        if payload.device is not None:
            self.memory.keep_facts(payload.device)
            self.resync.discard("device")
        self.memory.keep_states()

    def _seal(self, at: Moment) -> None:
        """At once when it can be sent, offline at the latest some minutes after the first item."""
        pending = self.spool.pending(self.config.batch_max_items)
        if pending is None:
            return
        waited_s = (at.wall_ms - pending.first_ms) / 1000
        if self.sender.may_send(at) or waited_s >= self.settings.seal_after_s:
            self._seal_all(at)

    def _seal_all(self, at: Moment) -> None:
        while (pending := self.spool.pending(self.config.batch_max_items)) is not None:
            now = self.mark or seal.mark(self.people.subject, self.config.policy, at, None)
            self.spool.seal(pending, seal.maker(pending, self.who, self.key, at, now), at.wall_ms)

    def _send(self) -> None:
        if not self.sender.may_send(moment.read()):
            return
        if self.sender.deliver_all(self.spool, self.to, moment.read):
            log("new_stream", depth=self.spool.depth())
            self.spool.new_stream(seal.bodies_of)
        self.resync |= set(self.sender.next.resync)
        if self.to.socket is not None:
            self.link = observe(self.to.socket) or self.link

    def _obey(self) -> None:
        """A newer configuration, a certificate that is due: each may fail and is asked for again."""
        at = moment.read()
        if self.sender.failures == 0 and self.sender.next.config > self.config.version:
            try:
                self.config = obey.fetch(self.settings.dir, self.who, self.key, self.to, at)
            except (TryLater, Refused) as exc:
                log("config_later", reason=type(exc).__name__)
        if self.who.is_due(at.now) and self.sender.may_send(at):
            self._renew(at)

    def _renew(self, at: Moment) -> None:
        done = subprocess.run([sys.executable, "-m", "eucora_agent.main", "renew"], check=False, capture_output=True)
        if done.returncode:
            self.warnings.note("renewal_failed", "", at.now)
            return
        self.who = identity.load(self.settings.dir)
        self.to.close()
        self.to = self._connect()
        log("certificate_renewed", expires=self.who.expires)

    def _connect(self) -> Connection:
        folder = self.settings.dir
        context = tls(folder / identity.AUTHORITIES, (folder / identity.CERTIFICATE, folder / identity.KEY))
        return Connection(self.who.gateway, context, self.settings.timeout_s)

    def _health(self) -> Health:
        state = "healthy" if self.sender.failures == 0 else "degraded" if self.sender.failures < 3 else "offline"
        return Health(
            version=VERSION,
            queue_depth=self.spool.depth(),
            status=state,  # type: ignore[arg-type]
            retries=self.sender.retries,
            heartbeat_failures=self.sender.failures,
            shed=self.spool.head.shed,
            memory=status.resident(),
            cpu_seconds=status.processor_s(),
        )

    def _tell(self) -> None:
        health = self._health()
        said = status.Said(
            pid=os.getpid(),
            device_id=str(self.who.device_id),
            version=VERSION,
            started_s=self.started.uptime_s,
            queue_depth=health.queue_depth,
            status=health.status,
            policy=self.config.policy,
            certificate_expires=self.who.expires.isoformat(),
            last_ack=self.sender.last_ack,
            last_problem=self.sender.last_problem,
        )
        status.write(self.settings.dir, said)

    def close(self) -> None:
        """Seal what waits, so that it is dated by the clock under which it was made."""
        self._seal_all(moment.read())
        self.to.close()
        self.spool.close()


def hold(path: Path) -> int:
    """One agent a state directory. Raises AlreadyRunning."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        os.close(descriptor)
        raise AlreadyRunning from exc
    return descriptor


def run(settings: Settings, *, once: bool = False) -> None:
    """Beat until told to stop."""
    asleep, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda n, _: stop.append(n))
    agent = Agent(settings)
    log("started", device=agent.who.device_id, version=VERSION)
    try:
        while not stop:
            began = moment.read().uptime_s
            try:
                agent.beat()
            except EucoraError as exc:
                log("beat_failed", reason=str(exc))
            if once:
                return
            select.select([asleep], [], [], max(0.05, agent.cadence_s - (moment.read().uptime_s - began)))
    finally:
        agent.close()
