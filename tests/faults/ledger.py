"""What was promised: devices with keys of their own send known samples, and each acknowledgement is an obligation.

A sample is known by its number, which travels as `hardware.memory_used`. A batch is sent, byte for byte, until it is
answered; whatever dies meanwhile, the device keeps asking. Some batches were sealed an hour ago, some are told five times.
"""

import random
import ssl
import threading
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import zstandard
from bench import fleet
from tests.platform import Up

from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.envelope import Envelope, Seal, format_digest, parse_signed, seal_batch
from eucora_wire.payload import Payload, encode
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sequence import Items

MS = timedelta(milliseconds=1)
OFFLINE = timedelta(hours=1)
TIMES = 5
PATIENCE_S = 60.0


@dataclass
class Device:
    """A device's own account of what it sent: numbers to their times; `settled` is what the platform answers for."""

    fleet: fleet.Device
    tls: ssl.SSLContext
    url: str
    rng: random.Random
    sent: dict[int, datetime] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    client: httpx.Client | None = None

    @property
    def id(self) -> uuid.UUID:
        return self.fleet.enrolled.device_id

    def batch(self, count: int, age: timedelta) -> tuple[Envelope, list[int]]:
        """The next batch, sealed `age` ago, and the numbers in it."""
        # A millisecond for each number, so that each has a time of its own; a minute ago, for none may lie in the future.
        first, then = len(self.sent) + 1, datetime.now(UTC) - age - timedelta(minutes=1)
        mine = {first + n: then.replace(microsecond=0) + (first + n) * MS for n in range(count)}
        self.sent |= mine
        payloads = [
            Payload(device_id=self.id, timestamp=t, hardware=Hardware(cpu=1.0, memory_used=number))
            for number, t in mine.items()
        ]
        return self._seal(payloads, age), list(mine)

    def _seal(self, payloads: list[Payload], age: timedelta) -> Envelope:
        mine, age_ms = self.fleet, age // MS
        mine.sequence += 1
        items = Items(mine.ordinal + 1, mine.ordinal + len(payloads))
        mine.ordinal = items.last
        seal = Seal(
            installation=mine.enrolled.installation,
            device=self.id,
            policy=mine.enrolled.policy,
            boot=Boot(mine.boot, uptime_ms() - age_ms),
            stream=mine.stream,
            sequence=mine.sequence,
            items=items,
            previous=mine.previous,
            clock_ms=time.time_ns() // 1_000_000 - age_ms,
        )
        envelope = seal_batch(seal, zstandard.compress(encode(payloads), 3), mine.key)
        mine.previous = format_digest(parse_signed(envelope.headers).batch_digest)
        return envelope

    def deliver(self, envelope: Envelope, numbers: list[int], times: int) -> None:
        """Until it was answered `times` times; the first answer settles it. Who gets none for too long gives up."""
        until = time.monotonic() + PATIENCE_S
        while times and time.monotonic() < until:
            status, said = self._post(envelope)
            if status == 200:
                self.settled.update(numbers)
                times -= 1
            elif status in (0, 429, 503):
                time.sleep(self.rng.uniform(0.02, 0.2))
            else:
                self.refused.append(said)
                return

    def _post(self, envelope: Envelope) -> tuple[int, str]:
        """Status and words; 0 when there was no answer, and then by a new connection."""
        self.client = self.client or httpx.Client(http1=False, http2=True, verify=self.tls, timeout=10)
        sent = format_sent(Sent(Boot(self.fleet.boot, uptime_ms()), time.time_ns() // 1_000_000))
        headers = {**envelope.headers, "eucora-sent": sent}
        try:
            answer = self.client.post(f"{self.url}/v1/telemetry", content=envelope.body, headers=headers)
        except httpx.TransportError:
            self.hang_up()
            return 0, ""
        return answer.status_code, answer.text

    def hang_up(self) -> None:
        if self.client is not None:
            self.client.close()
        self.client = None


def uptime_ms() -> int:
    """Of devices that have run for longer than they were offline, which this machine need not have."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000 + 2 * OFFLINE // MS


class Fleet:
    """Devices that send all the time, each in a thread of its own, from `start` to `stop`."""

    def __init__(self, devices: list[Device]) -> None:
        self.devices = devices
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._keep_sending, args=(device,)) for device in devices]

    def __enter__(self) -> "Fleet":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Each settles what it has begun."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for device in self.devices:
            device.hang_up()

    @property
    def settled(self) -> list[int]:
        """How much is acknowledged, by device."""
        return [len(device.settled) for device in self.devices]

    def _keep_sending(self, device: Device) -> None:
        while not self._ended.is_set():
            age = OFFLINE if device.rng.random() < 0.25 else timedelta()
            envelope, numbers = device.batch(device.rng.randint(1, 6), age)
            device.deliver(envelope, numbers, TIMES if device.rng.random() < 0.2 else 1)
            time.sleep(device.rng.uniform(0.0, 0.05))


def enrol(up: Up, folder: Path, count: int, seed: int) -> list[Device]:
    """Devices enrolled through the real listener."""
    platform = fleet.running(up.data_dir)
    token = str(up.json("enrolment-tokens", "create", "--uses", str(count))["token"])
    made = []
    with fleet.enrolment(platform) as client:
        for n in range(count):
            device = fleet.enrol(client, f"https://localhost:{up.environ['EUCORA_ENROLMENT_PORT']}", token)
            identity = folder / f"device-{n}.pem"
            identity.write_bytes(device.enrolled.certificate.encode() + fleet.key_pem(device))
            tls = platform.tls()
            tls.load_cert_chain(identity)
            url = f"https://localhost:{up.environ['EUCORA_DEVICE_PORT']}"
            made.append(Device(device, tls, url, random.Random(seed + n)))
    return made


def points(up: Up, device: uuid.UUID, metric: str) -> list[tuple[datetime, float]]:
    """A series, as an operator asks for it."""
    query = urllib.parse.urlencode({"path": metric, "since": "3h"})
    told: Mapping[str, Any] = fleet.running(up.data_dir).ask(f"/api/v1/devices/{device}/series?{query}")
    return [(datetime.fromisoformat(when), value) for when, value in told["points"]]


def owed(up: Up, devices: list[Device]) -> dict[uuid.UUID, set[int]]:
    """What was acknowledged and is not to be seen."""
    found = {d.id: d.settled - {int(value) for _, value in points(up, d.id, "hardware.memory_used")} for d in devices}
    return {device: numbers for device, numbers in found.items() if numbers}


def differences(up: Up, device: Device) -> tuple[list[Any], list[Any]]:
    """Both sides of the account, to be equal: what the platform shows, and what was sent and acknowledged."""
    shown = sorted((int(value), when) for when, value in points(up, device.id, "hardware.memory_used"))
    return shown, sorted((number, when) for number, when in device.sent.items() if number in device.settled)
