"""The agent's loop: collect what is due, append it, seal, send, obey. One beat at a time; nothing runs beside it."""

import fcntl
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from eucora_agent import VERSION, collect, durable, frugal, identity, keys, moment, obey, seal, status
from eucora_agent.collectors import Collector, Context, Link, Reading
from eucora_agent.collectors.network import observe
from eucora_agent.http2 import Connection, tls
from eucora_agent.log import log
from eucora_agent.memory import FACTS, HOLDS, INVENTORY, Memory, facts_note, holds_note, inventory_note
from eucora_agent.moment import Moment
from eucora_agent.people import People, log_on
from eucora_agent.problems import AlreadyRunning, EucoraError, Refused, SpoolFull, SpoolUnusable, TryLater
from eucora_agent.send import Sender
from eucora_agent.settings import Settings
from eucora_agent.severity import Seen, Severity, severity
from eucora_agent.spool import Spool
from eucora_agent.spool_head import AGAIN, Make, Part, Pending, Sealed, Sealer, nothing
from eucora_agent.spool_tail import Tail
from eucora_agent.warnings import Warnings
from eucora_wire.delta import apply, inventory
from eucora_wire.dictionary import PLAIN, newest
from eucora_wire.envelope import Envelope
from eucora_wire.payload import Payload, encode_one
from eucora_wire.sections.agent import Agent as Health
from eucora_wire.sections.events import Event
from eucora_wire.sections.sessions import Session

DEFAULT_CADENCE_S, LEAST_CADENCE_S = 60.0, 1.0
LEAST_SENDING_S = 5.0
RESYNC_EVERY_S = 600.0
STATE_EVERY_S = 3600.0
NEVER_S = float("-inf")
RENEWAL_EVERY_S, RENEWAL_LIMIT_S = 600.0, 120.0
PACKAGES = ("packages_dpkg", "packages_rpm")


class Agent:
    """Everything that one running agent holds. `read` is its clock, `root` the machine that it looks at."""

    def __init__(self, settings: Settings, read: Callable[[], Moment] = moment.read, root: Path = Path("/")) -> None:
        self.settings, self.read, self.root, folder = settings, read, root, durable.private_folder(settings.dir)
        self._lock = hold(folder / "lock")
        self.who, self.key = identity.load(folder), keys.load(folder / identity.KEY)
        self.config = obey.load(folder, self.who)
        self.started = self._beaten = self._beaten_before = read()
        most_age_ms = int(self.config.spool_max_age_s * 1000)
        keeps = Tail(int(settings.tail_hours * 3_600_000), int(settings.tail_mib * 2**20))
        self.spool = Spool(folder / "spool", settings.spool_mib * 2**20, most_age_ms, self.started.boot, keeps)
        self.spool.own(f"{self.who.installation}/{self.who.device_id}")
        self.memory, self.people, self.warnings = Memory(self.spool), People(folder), Warnings()
        self.sender = Sender(settings.backoff_cap_s)
        self.to = self._connect()
        self.mark: seal.Mark | None = None
        self.last: dict[str, float] = {}
        self.resync: set[str] = set()
        self.link: Link | None = None
        self._shed_before = self.spool.head.shed
        self._renewal_at_s = self._held_at_s = NEVER_S
        self._whole_at_s: dict[str, float] = {}
        if self.spool.damaged:
            self.warnings.note("spool_damaged", f"{self.spool.damaged} files set aside", self.started.now)
        if newest() == PLAIN:
            self.warnings.note("dictionary_damaged", "", self.started.now)

    @property
    def cadence_s(self) -> float:
        told = max(LEAST_CADENCE_S, self.config.cadence_s.get("metrics", DEFAULT_CADENCE_S))
        return self.settings.cadence_s or told

    def beat(self) -> None:
        """One round: the machine is read and kept before anything is sent. A full disk stops none of the rest."""
        at = self.read()
        self._beaten_before, self._beaten = self._beaten, at
        for step in (self._collect, self._seal, self._send, self._obey, self._tell):
            try:
                step(at)
            except (SpoolFull, SpoolUnusable) as exc:
                name = "spool_full" if isinstance(exc, SpoolFull) else "spool_unusable"
                self.warnings.note(name, "", at.now)
                log(name, mend=str(exc))

    # --- collect, append

    def _collect(self, at: Moment) -> None:
        full = self._wants_inventory()
        due = self._due(at, full)
        context = Context(
            at.now, at.boot, at.monotonic_s, root=self.root, gateway=(self.to.host, self.to.port), link=self.link
        )
        before, here = dict(self.memory.states), self.people.here
        if full:
            for name in PACKAGES:
                self.memory.states.pop(name, None)
        reading = collect.read(due, context, self.memory, self.warnings)
        events = self.warnings.take()
        try:
            begun = self._see(reading, at) or self._sessions_asked_for(at)
            self._append(self._payload(reading, at, full, events, begun), at)
        except (SpoolFull, SpoolUnusable):
            self.memory.states, self.people.here = before, here  # what was seen and not kept is seen again
            self.warnings.put_back(events)
            raise
        self.last.update({c.name: at.uptime_s for c in due})

    def _wants_inventory(self) -> bool:
        """When the platform asks, or none was ever kept."""
        return "software" in self.resync or self.memory.inventory_is_missing()

    def _due(self, at: Moment, full: bool) -> list[Collector]:
        forced = {*(PACKAGES if full else ()), *(("device",) if "device" in self.resync else ())}
        last = {name: when for name, when in self.last.items() if name not in forced}
        return collect.due(at.uptime_s, last, self.cadence_s)

    def _see(self, reading: Reading, at: Moment) -> tuple[Session, ...]:
        """The session that began, if any; one that ended is told in a payload of its own: it is of another person."""
        if reading.people is None:
            return ()
        ask = partial(log_on, who=self.who, key=self.key, to=self.to, at=at) if self.sender.may_send(at) else None
        subject = self.people.subject
        seen = self.people.see(reading.people, self.who.device_id, at, ask)
        if seen.ended is not None:
            self._append(Payload(self.who.device_id, at.now, subject, sessions=(seen.ended,)), at)
        return () if seen.begun is None else (seen.begun,)

    def _payload(
        self, reading: Reading, at: Moment, full: bool, events: tuple[Event, ...], sessions: tuple[Session, ...]
    ) -> Payload:
        software, changes = collect.software_of(reading, self.memory, at.now, full=full)
        facts = reading.device
        if facts is not None and "device" not in self.resync and not self.memory.is_new(facts):
            facts = None
        return collect.payload_of(
            self.who.device_id,
            self.people.subject,
            reading,
            at.now,
            self._health(),
            device=facts,
            software=software,
            changes=(*reading.changes, *changes),
            sessions=sessions,
            events=events,
        )

    def _sessions_asked_for(self, at: Moment) -> tuple[Session, ...]:
        """That which goes on; the one that ended last is told in a payload of its own, as when it ended."""
        if "sessions" not in self.resync:
            return ()
        if (ended := self.memory.ended_asked_for(at.now)) is not None:
            self._append(Payload(self.who.device_id, at.now, ended.user_id, sessions=(ended,)), at)
        session = self.people.session
        return () if session is None else (session,)

    def _append(self, payload: Payload, at: Moment) -> None:
        mark = seal.mark(payload.user_id, self.config.policy, at, self.mark)
        if mark != self.mark:
            self._seal_all(at)  # before the person, the policy, the boot or the clock changes
        self.mark = mark
        told = collect.withhold(payload, self.config.collect)
        holds, ended = self.memory.told(told), self.memory.ended_after(told)
        rank, notes = collect.rank(payload), self._notes(payload)
        if holds != self.memory.holds:
            notes[HOLDS] = holds_note(holds)
        saying = self._says_holds(told, at)
        notes |= self.memory.ended_note(ended)
        if saying:
            told = collect.with_holds(told, holds, ended, self.people.session)
        self.spool.append(encode_one(told), seal.write_mark(mark), rank, at.boot, notes, self._sealer(at))
        self.memory.holds, self.memory.ended = holds, ended
        if saying:
            self._held_at_s = at.uptime_s
        elif told.sessions:
            self._held_at_s = NEVER_S  # of an end the next one says
        sent = collect.whole(payload)
        self.resync -= sent
        self._whole_at_s.update(dict.fromkeys(sent, at.uptime_s))

    def _says_holds(self, told: Payload, at: Moment) -> bool:
        """With what changes or repeats a state, at start, and each hour: a quiet device is compared too."""
        if told.agent is None:
            return False
        every_s = self.config.cadence_s.get("state", STATE_EVERY_S)
        speaks = told.software is not None or told.device is not None or bool(told.sessions)
        return speaks or at.uptime_s - self._held_at_s >= every_s

    def _notes(self, payload: Payload) -> dict[str, bytes]:
        """What is appended is what the next delta builds on."""
        notes = self.memory.states_note()
        if payload.software is not None and payload.software.packages is not None:
            notes[INVENTORY] = inventory_note(inventory(payload.software.packages))
        elif payload.software is not None and payload.software.delta is not None:
            notes[INVENTORY] = inventory_note(apply(self.memory.inventory() or {}, payload.software.delta))
        if payload.device is not None:
            notes[FACTS] = facts_note(payload.device)
        return notes

    # --- seal, send

    def _seal(self, at: Moment) -> None:
        """At once when it can be sent, offline at the latest some minutes after the first item."""
        pending = self.spool.pending(self.most_items)
        if pending is None:
            return
        waited_s = (self.spool.now_ms - pending.first_born_ms) / 1000
        if self._may_go(at) or waited_s >= self.settings.seal_after_s or len(pending.bodies) == self.most_items:
            self._seal_all(at)

    def _may_go(self, at: Moment) -> bool:
        """Whether what is sealed now can be sent now. When it can't, what is sealed already serves to try it."""
        return self.sender.may_send(at) and (self.sender.failures == 0 or not self.sender.tries(self.spool, at))

    def _sealer(self, at: Moment) -> Sealer | None:
        """Seals what is appended now in the same transaction, unless batches of another stream go first."""
        if not self._may_go(at) or self.spool.sealed(AGAIN) or self.spool.adrift():
            return None
        return lambda pending: self._maker(pending, at)

    def _seal_all(self, at: Moment) -> None:
        self._seal_again(at)
        while (pending := self.spool.pending(self.most_items)) is not None:
            self.spool.seal(pending, self._maker(pending, at))

    def _seal_again(self, at: Moment) -> None:
        """Batches whose stream was left, in the present one; and what stands for those that were lost there.

        What can't be read waits for a whole dictionary, as long as the spool keeps anything.
        """
        for left in self.spool.sealed(AGAIN):
            envelope = self.spool.batch(left.number)
            part = None if envelope is None else seal.again(envelope, self.who, self.key)
            if part is not None:
                self.spool.seal_again([left.number], [part])

        for numbers, items in self.spool.adrift():
            self.spool.seal_again(numbers, [Part(items, self._maker(nothing(items), at))])

    def _maker(self, pending: Pending, at: Moment) -> Make:
        return seal.maker(pending, self.who, self.key, at, self._now(at), self.sender.dictionary)

    def _now(self, at: Moment) -> seal.Mark:
        return self.mark or seal.mark(None, self.config.policy, at, None)

    def _seal_otherwise(self, refusal: str, sealed: Sealed, envelope: Envelope) -> bool:
        voids = sealed.stream == self.spool.head.stream
        parts = seal.otherwise(refusal, envelope, self.who, self.key, voids=voids)
        if parts:
            self.spool.seal_again([sealed.number], parts)
        return bool(parts)

    @property
    def most_items(self) -> int:
        return max(1, min(self.config.batch_max_items, self.sender.carried.fits))

    def _send(self, at: Moment) -> None:
        """What is sealed; then what waited, which is the present, before what is left. While the platform was away one
        batch tries whether it is there. Never longer than half a beat."""
        until_s = at.uptime_s + max(LEAST_SENDING_S, self.cadence_s / 2)
        self._seal_again(at)
        held_back = self.sender.carried.waiting(at.uptime_s)
        left = self.sender.deliver_all(self.spool, self.to, self.read, self._seal_otherwise, until_s)
        if left is None and self.sender.failures == 0 and self.sender.may_send(self.read()):
            self._seal_all(self.read())
            left = self.sender.deliver_all(self.spool, self.to, self.read, self._seal_otherwise, until_s)
        if left is not None:
            log("new_stream", depth=self.spool.depth())
            self.warnings.note("new_stream", "", at.now)
            self.spool.leave(left)
        if self.sender.carried.waiting(self.read().uptime_s) > held_back:
            self.warnings.note("batch_held_back", "the line did not carry it", at.now)
        for slug in self.sender.refused:
            self.warnings.note("refused", slug, at.now)
        self.sender.refused.clear()
        if self.to.socket is not None:
            self.link = observe(self.to.socket) or self.link

    def _obey(self, at: Moment) -> None:
        """A newer configuration, a certificate that is due: each may fail and is asked for again."""
        told = self.sender.taken()
        # It asks until what is on its way is digested.
        self.resync |= {s for s in told.resync if at.uptime_s - self._whole_at_s.get(s, NEVER_S) >= RESYNC_EVERY_S}
        if self.sender.failures == 0 and told.config > self.config.version:
            try:
                self.config = obey.fetch(self.settings.dir, self.who, self.key, self.to, self.read())
            except (TryLater, Refused) as exc:
                log("config_later", reason=exc.slug if isinstance(exc, Refused) else exc.reason)
        if self.who.is_due(at.now) and at.uptime_s >= self._renewal_at_s:
            self._renew(at)

    def _renew(self, at: Moment) -> None:
        self._renewal_at_s = at.uptime_s + RENEWAL_EVERY_S
        words = [sys.executable, "-m", "eucora_agent.main", "renew"]
        environ = {**os.environ, "EUCORA_AGENT_DIR": str(self.settings.dir)}
        try:
            subprocess.run(words, env=environ, check=True, capture_output=True, timeout=RENEWAL_LIMIT_S)
        except subprocess.SubprocessError:
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

    # --- tell

    def _health(self) -> Health:
        grave = self._severity()
        state = "healthy" if self.sender.failures == 0 else "degraded" if self.sender.failures < 3 else "offline"
        return Health(
            version=VERSION,
            queue_depth=self.spool.depth(),
            status=state,  # type: ignore[arg-type]
            severity=grave or None,
            retries=self.sender.retries,
            heartbeat_failures=self.sender.unreached,
            shed=self.spool.head.shed,
            memory=status.resident(),
            cpu_seconds=status.processor_s(),
        )

    def _severity(self) -> Severity:
        """Since the beat before."""
        return severity(
            Seen(
                failures=self.sender.failures,
                lost=self.spool.head.shed - self._shed_before,
                waiting=self.spool.depth(),
                asked_for=len(self.sender.missing),
                clock_set=not self._beaten.continues(self._beaten_before),
            )
        )

    def _tell(self, at: Moment) -> None:
        health = self._health()
        self._shed_before = self.spool.head.shed
        said = status.Said(
            pid=os.getpid(),
            device_id=str(self.who.device_id),
            version=VERSION,
            started_s=self.started.uptime_s,
            queue_depth=health.queue_depth,
            appended=self.spool.head.next_ordinal - 1,
            status=health.status,
            severity=health.severity or "",
            policy=self.config.policy,
            certificate_expires=self.who.expires.isoformat(),
            last_ack=self.sender.last_ack,
            last_problem=self.sender.last_problem,
            held_back=self.sender.carried.waiting(at.uptime_s),
        )
        status.write(self.settings.dir, said)

    def close(self) -> None:
        """Seal what waits, so that it is dated by the clock under which it was made."""
        try:
            with suppress(SpoolFull, SpoolUnusable):
                self._seal_all(self.read())
        finally:
            self.to.close()
            self.spool.close()
            os.close(self._lock)


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
    frugal.keep_little()
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
