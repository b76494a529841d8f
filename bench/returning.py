"""Devices that come back after an outage: the agent's own sender over a spool in memory, a beat a minute.

What is the agent's: when it sends, what it waits after a failure, in which order it delivers, what it lets go of. What
is not: its disk, and a process a device. Each device has its own key, stream, certificate and connection.
"""

import asyncio
import json
import random
import ssl
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from msgspec.structs import replace

from bench import fleet, http2
from bench.http2 import Client, Lost
from eucora_agent.http2 import Connection, Response
from eucora_agent.moment import Moment
from eucora_agent.problems import Unreachable
from eucora_agent.send import Sender
from eucora_agent.settings import Settings
from eucora_agent.spool import Spool
from eucora_agent.spool_head import Sealed
from eucora_wire.clock import Boot
from eucora_wire.envelope import Envelope
from eucora_wire.payload import Payload
from eucora_wire.problems import BASE

CADENCE_S = 60.0
AGENT = Settings(Path())
"""What an agent does that nobody set up otherwise."""
MOST_ITEMS = 100
LOOK_S = 0.1
ON_MS = 30 * 86_400_000
"""A device was on for a month when it came back."""


@dataclass
class Seen:
    """What one process saw. `acks` and `fresh` in s: the door's answers; a payload made online until acknowledged."""

    acks: list[float] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)
    payloads: int = 0
    paced: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    arrivals: dict[int, int] = field(default_factory=dict)
    drained_at: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    """s by which this process itself was late for a moment that it had set: what it waited for a core."""
    connected: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0

    def count(self, of: dict[str, int], why: str) -> None:
        of[why] = of.get(why, 0) + 1


@dataclass
class Held:
    """A batch in the memory of a device: what a spool knows of it, its bytes, and the uptimes of its payloads."""

    sealed: Sealed
    envelope: Envelope
    made_s: list[float]


class MemorySpool:
    """As much of a spool as a sender asks of it."""

    def __init__(self, stream: uuid.UUID) -> None:
        self.stream, self._held = stream, dict[int, Held]()
        self.settled: Callable[[Held], None] = lambda held: None
        self.sent_before: frozenset[int] = frozenset()

    @property
    def head(self) -> "MemorySpool":
        return self

    def keep(self, held: Held) -> None:
        self._held[held.sealed.number] = held

    def sealed(self) -> list[Sealed]:
        return [held.sealed for held in self._held.values()]

    def batch(self, number: int) -> Envelope:
        return self._held[number].envelope

    def settle(self, number: int) -> None:
        self.settled(self._held.pop(number))

    def heard(self, epoch: int) -> None:
        """This platform was not restored."""

    def send_again(self, stream: uuid.UUID, lacks: tuple[tuple[int, int], ...]) -> None:
        """What it lacks is on its way: nothing was acknowledged and lost."""

    def helping(self, missing: tuple[int, ...]) -> list[int]:
        return sorted(held.sealed.number for held in self._held.values() if held.sealed.sequence in missing)


class Away:
    """A platform that can't be reached."""

    def ask(self, *_: object) -> Response:
        raise Unreachable("away")


class Line:
    """A device's connection, or that of a few, opened when it is first needed and again when it is lost, as an agent's."""

    def __init__(self, device: fleet.Device, url: str, ca: str, loop: asyncio.AbstractEventLoop, seen: Seen) -> None:
        self._url, self._loop, self._seen = urlsplit(url), loop, seen
        self._tls = tls(device, ca)  # before the door is there: an agent has it ready too
        self._client: Client | None = None
        self._opening = asyncio.Lock()

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """Called from a thread of the pool; the loop does the work."""
        return asyncio.run_coroutine_threadsafe(self._ask(method, path, headers, body), self._loop).result()

    async def _ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        began, seen = time.perf_counter(), self._seen
        request = http2.made(method, "localhost", path, {**headers, "content-length": str(len(body))}, body)
        try:
            answer = await asyncio.wait_for(self._whole(request), AGENT.timeout_s)
        except (OSError, ssl.SSLError, TimeoutError) as exc:
            self.close()
            seen.count(seen.failed, type(exc).__name__)
            raise Unreachable(type(exc).__name__) from exc
        took_s = time.perf_counter() - began
        if answer.status == 200:
            seen.acks.append(took_s)
        elif answer.status in (429, 503) and "retry-after" in answer.headers:
            seen.count(seen.paced, _problem(answer.body))
        else:
            seen.count(seen.failed, f"{answer.status} {_problem(answer.body)}")
        return Response(answer.status, answer.headers, answer.body)

    async def _whole(self, request: http2.Made) -> http2.Answered:
        kept = self._client is not None
        try:
            return await (await self._open()).ask(request, {})
        except (OSError, Lost):
            self.close()
            if not kept:
                raise
        return await (await self._open()).ask(request, {})

    async def _open(self) -> Client:
        async with self._opening:
            if self._client is None:
                self._client = await http2.connect(self._url.hostname or "", self._url.port or 443, self._tls)
                self._seen.connected += 1
            return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


def tls(device: fleet.Device, ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca)
    with tempfile.NamedTemporaryFile(suffix=".pem") as identity:
        identity.write(device.enrolled.certificate.encode() + fleet.key_pem(device))
        identity.flush()
        context.load_cert_chain(identity.name)
    return context


def _problem(body: bytes) -> str:
    found: dict[str, Any] = json.loads(body or b"{}")
    return str(found.get("type", "")).removeprefix(BASE)


class Returning:
    """One device: makes a payload a beat, seals and sends as the agent does (`Agent._seal`, `Agent._send`)."""

    def __init__(self, device: fleet.Device, seen: Seen, phase_s: float, seal_after_s: float) -> None:
        device.on_ms, self._seal_after_s = ON_MS, seal_after_s
        self.device, self.seen, self.phase_s = device, seen, phase_s
        self.spool, self.sender, self.to = (
            MemorySpool(device.stream),
            Sender(AGENT.backoff_cap_s),
            cast(Connection, Away()),
        )
        self.spool.settled = self._settled
        self.pending: list[tuple[Payload, Moment]] = []
        self.owed = 0
        self.began: float | None = None
        self._online_since_s = float("inf")

    def offline(self, minutes: int) -> float:
        """An outage that ends now, beat after beat; the uptime of its end, to be shifted to that of the return."""
        end_s = self.read().uptime_s
        for minute in range(minutes):
            at_s = end_s - (minutes - minute) * CADENCE_S + self.phase_s
            moment = Moment(Boot(self.device.boot, int(at_s * 1000)), int((time.time() + at_s - end_s) * 1000))
            self.beat(lambda moment=moment: moment)  # type: ignore[misc]
        self.owed = len(self.pending) + sum(len(held.made_s) for held in self.spool._held.values())
        return end_s

    def back(self, to: Line, ended_s: float) -> None:
        self.to = cast(Connection, to)
        self.sender.not_before_s += self.read().uptime_s - ended_s

    def read(self) -> Moment:
        return Moment(Boot(self.device.boot, ON_MS + fleet.uptime_ms()), time.time_ns() // 1_000_000)

    def beat(self, clock: Callable[[], Moment] | None = None) -> None:
        read = clock or self.read
        at = read()
        sample = fleet.sample(self.device.enrolled.device_id, self.device.ordinal + len(self.pending))
        self.pending.append((replace(sample, timestamp=at.now), at))
        sender = self.sender
        may_go = sender.may_send(at) and (sender.failures == 0 or not sender.tries(cast(Spool, self.spool), at))
        waited_s = at.uptime_s - self.pending[0][1].uptime_s
        if may_go or waited_s >= self._seal_after_s or len(self.pending) >= MOST_ITEMS:
            self._seal_all(at)
        until_s = at.uptime_s + CADENCE_S / 2
        self._deliver(read, until_s)
        if sender.failures == 0 and sender.may_send(read()):
            self._seal_all(read())
            self._deliver(read, until_s)

    def _deliver(self, read: Callable[[], Moment], until_s: float) -> None:
        left = self.sender.deliver_all(
            cast(Spool, self.spool), self.to, read, lambda refusal, sealed, envelope: False, until_s
        )
        assert left is None, "a stream of the benchmark forked"

    def _seal_all(self, at: Moment) -> None:
        while self.pending:
            some, self.pending = self.pending[:MOST_ITEMS], self.pending[MOST_ITEMS:]
            first = self.device.ordinal + 1
            age = timedelta(milliseconds=ON_MS + fleet.uptime_ms() - at.boot.uptime_ms)
            envelope = self.device.seal([payload for payload, _ in some], age, self.sender.dictionary)
            number = self.device.sequence
            sealed = Sealed(number, self.device.stream, number, first, self.device.ordinal)
            self.spool.keep(Held(sealed, envelope, [made.uptime_s for _, made in some]))

    def _settled(self, held: Held) -> None:
        now_s = self.read().uptime_s
        if self._online_since_s == float("inf"):
            self._online_since_s = now_s
        self.seen.payloads += len(held.made_s)
        self.seen.fresh += [now_s - made_s for made_s in held.made_s if made_s >= self._online_since_s]
        if held.sealed.first <= self.owed <= held.sealed.last or not self._owes():
            self._note_drained()

    def _owes(self) -> bool:
        return any(held.sealed.first <= self.owed for held in self.spool._held.values()) or self.pending_old()

    def pending_old(self) -> bool:
        return bool(self.pending) and self.device.ordinal < self.owed

    def _note_drained(self) -> None:
        if self.owed and not self._owes() and self.began is not None:
            self.owed = 0
            self.seen.drained_at.append(time.time() - self.began)


async def live(devices: list[Returning], seen: Seen, ended: asyncio.Event) -> None:
    """Beats of all devices from now on, each at its own phase, until `ended`."""
    began, loop = time.time(), asyncio.get_running_loop()
    pool = ThreadPoolExecutor(2048)

    async def one(device: Returning) -> None:
        device.began = began
        due_s = began + device.phase_s
        while True:
            await asyncio.sleep(max(0.05, due_s - time.time()))
            at = int(time.time() - began)
            seen.arrivals[at] = seen.arrivals.get(at, 0) + 1
            due_s = time.time() + CADENCE_S
            await loop.run_in_executor(pool, device.beat)

    async def own() -> None:
        while True:
            due_s = time.perf_counter() + LOOK_S
            await asyncio.sleep(LOOK_S)
            seen.late.append(time.perf_counter() - due_s)

    looking = asyncio.ensure_future(own())
    beating = [asyncio.ensure_future(one(device)) for device in devices]
    await ended.wait()
    seen.seconds = time.time() - began
    for task in beating:
        if task.done() and (fault := task.exception()):
            seen.count(seen.failed, f"the benchmark: {fault!r}")
        task.cancel()
    looking.cancel()
    # Who waits for an answer waits for this loop, so it can't wait for him.
    pool.shutdown(wait=False, cancel_futures=True)


def phase(rng: random.Random) -> float:
    return rng.uniform(0, CADENCE_S)
