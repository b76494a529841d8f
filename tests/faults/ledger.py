"""What was promised: devices send known samples, and each acknowledgement is an obligation.

A sample is known by its number, which travels as `hardware.memory_used`. A batch is sent, byte for byte, until it is
answered; whatever dies meanwhile, the device keeps asking. Some batches were sealed an hour ago, some are told five times.
"""

import random
import threading
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from bench import fleet
from tests import device
from tests.device import MS
from tests.platform import Up

from eucora_wire.envelope import Envelope
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

OFFLINE = timedelta(hours=1)
TIMES = 5
PATIENCE_S = 60.0


@dataclass
class Account:
    """A device's own account of what it sent: numbers to their times; `settled` is what the platform answers for."""

    device: device.Device
    rng: random.Random
    sent: dict[int, datetime] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)

    @property
    def id(self) -> uuid.UUID:
        return self.device.id

    def batch(self, count: int, age: timedelta) -> tuple[Envelope, list[int]]:
        """The next batch, sealed `age` ago, and the numbers in it."""
        # A millisecond for each number, so that each has a time of its own; a minute ago, for none may lie in the future.
        first, then = len(self.sent) + 1, datetime.now(UTC) - age - timedelta(minutes=1)
        mine = {number: then.replace(microsecond=0) + number * MS for number in range(first, first + count)}
        self.sent |= mine
        payloads = [
            Payload(device_id=self.id, timestamp=when, hardware=Hardware(cpu=1.0, memory_used=number))
            for number, when in mine.items()
        ]
        return self.device.seal(payloads, age), list(mine)

    def deliver(self, envelope: Envelope, numbers: list[int], times: int) -> None:
        """Until it was answered `times` times; the first answer settles it. Who gets none for too long gives up."""
        until = time.monotonic() + PATIENCE_S
        while times and time.monotonic() < until:
            status, said = self._answer(envelope)
            if status == 200:
                self.settled.update(numbers)
                times -= 1
            elif status in (0, 429, 503):
                time.sleep(self.rng.uniform(0.02, 0.2))
            else:
                self.refused.append(said)
                return

    def _answer(self, envelope: Envelope) -> tuple[int, str]:
        """Status and words; 0 when there is no answer."""
        try:
            answer = self.device.send(envelope)
        except httpx.TransportError:
            return 0, ""
        return answer.status_code, answer.text


class Fleet:
    """Devices that send all the time, each in a thread of its own, as long as the block."""

    def __init__(self, accounts: list[Account]) -> None:
        self.accounts = accounts
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._keep_sending, args=(account,)) for account in accounts]

    def __enter__(self) -> "Fleet":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Each settles what it has begun."""
        self._ended.set()
        for thread in self._threads:
            thread.join()
        for account in self.accounts:
            account.device.hang_up()

    @property
    def settled(self) -> list[int]:
        """How much is acknowledged, by device."""
        return [len(account.settled) for account in self.accounts]

    def _keep_sending(self, account: Account) -> None:
        rng = account.rng
        while not self._ended.is_set():
            age = OFFLINE if rng.random() < 0.25 else timedelta()
            envelope, numbers = account.batch(rng.randint(1, 6), age)
            account.deliver(envelope, numbers, TIMES if rng.random() < 0.2 else 1)
            time.sleep(rng.uniform(0.0, 0.05))


def points(up: Up, device: uuid.UUID, metric: str) -> list[tuple[datetime, float]]:
    """A series, as an operator asks for it."""
    query = urllib.parse.urlencode({"path": metric, "since": "3h"})
    told: Mapping[str, Any] = fleet.running(up.data_dir).ask(f"/api/v1/devices/{device}/series?{query}")
    return [(datetime.fromisoformat(when), value) for when, value in told["points"]]


def owed(up: Up, accounts: list[Account]) -> dict[uuid.UUID, set[int]]:
    """What was acknowledged and is not to be seen."""
    found = {a.id: a.settled - {int(value) for _, value in points(up, a.id, "hardware.memory_used")} for a in accounts}
    return {device: numbers for device, numbers in found.items() if numbers}


def both_sides(up: Up, account: Account) -> tuple[list[Any], list[Any]]:
    """Of one account, to be equal: what the platform shows, and what was sent and acknowledged."""
    shown = sorted((int(value), when) for when, value in points(up, account.id, "hardware.memory_used"))
    return shown, sorted((number, when) for number, when in account.sent.items() if number in account.settled)
