"""A laptop that was closed for three weeks tells everything when it is opened; the others do not wait for it."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench import fleet
from tests.device import enrol
from tests.faults.ledger import Account, Fleet, both_sides
from tests.platform import Up

from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

pytestmark = pytest.mark.timeout(240)

CLOSED = timedelta(days=21)
EVERY, A_BATCH = timedelta(minutes=10), 36
"""A payload each ten minutes, a batch each six hours."""


def points(up: Up, device: uuid.UUID, path: str) -> list[tuple[datetime, float]]:
    found: Any = fleet.running(up.data_dir).ask(f"/api/v1/devices/{device}/series?path={path}&since=28d")
    return [(datetime.fromisoformat(when), value) for when, value in found["points"]]


def test_three_weeks_are_told_at_once_and_each_sample_is_there_once(
    up: Up, accounts: list[Account], tmp_path: Path
) -> None:
    (laptop,) = enrol(up, tmp_path, 1)
    now = datetime.now(UTC).replace(microsecond=0)
    told: list[tuple[datetime, float]] = []
    with Fleet(accounts) as others:
        before = others.settled
        for first in range(0, CLOSED // EVERY, A_BATCH):
            numbers = range(first, first + A_BATCH)
            times = [now - CLOSED + number * EVERY for number in numbers]
            payloads = [
                Payload(device_id=laptop.id, timestamp=at, hardware=Hardware(memory_used=n))
                for n, at in zip(numbers, times, strict=True)
            ]
            envelope = laptop.seal(payloads, now - times[-1])
            assert [laptop.send(envelope).status_code for _ in range(2)] == [200, 200]  # told twice, there once
            told += [(at, float(n)) for n, at in zip(numbers, times, strict=True)]
        fresh = others.settled
    laptop.hang_up()
    assert all(then < now for then, now in zip(before, fresh, strict=True))
    assert len(told) == 3024
    up.eventually(lambda: len(points(up, laptop.id, "memory_used")) >= len(told))
    assert points(up, laptop.id, "memory_used") == told
    for account in accounts:
        up.eventually(lambda a=account: len(both_sides(up, a)[0]) == len(both_sides(up, a)[1]))  # type: ignore[misc]
        shown, promised = both_sides(up, account)
        assert shown == promised
