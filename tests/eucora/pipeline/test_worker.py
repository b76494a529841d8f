"""Workers are killed, paused past their lease and woken: every sample is there, once."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Device, Line

from eucora.batch import LIVE, REPLAY
from eucora.journal import cursors
from eucora.journal.cursors import Zombie
from eucora.pipeline import worker as worker_module
from eucora.pipeline.house import CONSUMER
from eucora.pipeline.worker import LONGEST_S, MOST_ENTRIES, Worker, at_once
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

ROOT = Path(__file__).resolve().parents[3]
LEASE_S = 0.6


def health(device: Device, count: int) -> list[Payload]:
    return [Payload(device_id=device.id, timestamp=datetime.now(UTC), hardware=Hardware(cpu=1.0)) for _ in range(count)]


class Digesters:
    """Worker processes on one database."""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.eucora.pipeline.digester"],
            env=self._environ,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.running.remove(process)


@pytest.fixture
def digesters(line: Line, database: Any, tmp_path: Path) -> Iterator[Digesters]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EUCORA_")} | {
        "APP_URL": database.app_url,
        "KEYS_URL": database.keys_url,
        "SECRETS": str(tmp_path / "secrets"),
        "LEASE_S": str(LEASE_S),
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    started = Digesters(environ)
    yield started
    for process in list(started.running):
        started.kill(process)


async def settled(line: Line, limit_s: float = 40.0) -> None:
    async with asyncio.timeout(limit_s):
        while await line.lag():  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.05)


async def assert_once(line: Line, expected: int) -> None:
    rows = await line.rows("SELECT count(*), count(DISTINCT (device, item)) FROM hot_metrics")
    assert rows == [(expected, expected)]


async def test_a_worker_killed_at_any_moment_loses_nothing_and_repeats_nothing(
    line: Line, digesters: Digesters
) -> None:
    devices = [await line.enrol() for _ in range(8)]
    rng = random.Random(7)
    expected = 0
    process = digesters.start()
    for turn in range(60):
        await line.append(*(device.batch(health(device, 3)) for device in devices))
        expected += 3 * len(devices)
        await asyncio.sleep(rng.uniform(0.0, 0.08))
        if turn % 12 == 11:
            await asyncio.to_thread(digesters.kill, process)
            process = digesters.start()
            await asyncio.sleep(rng.uniform(0.8, 1.2))
    await settled(line)
    await assert_once(line, expected)


async def test_a_worker_paused_past_its_lease_and_woken_writes_nothing_twice(line: Line, digesters: Digesters) -> None:
    devices = [await line.enrol() for _ in range(8)]
    expected = 0
    paused, successor = digesters.start(), None
    await asyncio.sleep(1.0)
    for _ in range(4):
        for _ in range(25):
            await line.append(*(device.batch(health(device, 3)) for device in devices for _ in range(2)))
        expected += 25 * 2 * 3 * len(devices)
        # In the middle of its work, whatever it is doing just then.
        paused.send_signal(signal.SIGSTOP)
        successor = successor or digesters.start()
        await asyncio.sleep(3 * LEASE_S)
        paused.send_signal(signal.SIGCONT)
        await settled(line)
        paused, successor = successor, paused
    assert [process.poll() for process in (paused, successor)] == [None, None]
    await assert_once(line, expected)


async def test_a_worker_whose_connections_are_cut_at_any_moment_goes_on_by_itself(
    line: Line, digesters: Digesters
) -> None:
    devices = [await line.enrol() for _ in range(8)]
    process = digesters.start()
    await asyncio.sleep(1.0)
    expected = cut = 0
    for turn in range(40):
        await line.append(*(device.batch(health(device, 3)) for device in devices))
        expected += 3 * len(devices)
        await asyncio.sleep(0.03)
        if turn % 6 == 5:
            ((count,),) = await line.rows(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'eucora-digester'"
            )
            cut += count
    assert cut > 5
    await settled(line)
    assert process.poll() is None
    await assert_once(line, expected)


async def test_who_does_not_hold_the_lease_any_more_writes_nothing(line: Line) -> None:
    device = await line.enrol()
    await line.append(device.batch(health(device, 3)))
    zombie = Worker(line.house)
    await zombie._hold()
    entries = await zombie.read()
    await line.app.execute("UPDATE cursors SET leased_until = now() - interval '1 second'")
    successor = Worker(line.house)
    await successor._hold()
    with pytest.raises(Zombie):
        await zombie._digest(entries)
    await assert_once(line, 0)
    await successor._digest(await successor.read())
    with pytest.raises(Zombie):
        await zombie._digest(entries)
    await assert_once(line, 3)
    await successor.let_go()
    assert await cursors.claim(line.app, CONSUMER, zombie.lease, 1.0) != set()


async def test_replay_gets_at_most_half_while_live_lags(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "FIRST_ENTRIES", 10)
    device = await line.enrol()
    await line.append(*(device.batch(health(device, 1)) for _ in range(25)))
    await line.append(*(device.batch(health(device, 1), lane="replay") for _ in range(25)))
    worker = Worker(line.house)
    await worker._hold()
    lanes = [entry.lane for entry in await worker.read()]
    assert (lanes.count(LIVE), lanes.count(REPLAY)) == (10, 5)
    await worker.let_go()
    assert await line.digest() == 50
    await assert_once(line, 50)


async def test_replay_has_what_live_leaves_of_a_turn(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "FIRST_ENTRIES", 10)
    device = await line.enrol()
    await line.append(*(device.batch(health(device, 1)) for _ in range(3)))
    await line.append(*(device.batch(health(device, 1), lane="replay") for _ in range(25)))
    worker = Worker(line.house)
    await worker._hold()
    lanes = [entry.lane for entry in await worker.read()]
    assert (lanes.count(LIVE), lanes.count(REPLAY)) == (3, 7)
    await worker.let_go()


async def test_where_the_digest_is_slow_no_turn_is_long_whatever_the_one_before_was(line: Line) -> None:
    device = await line.enrol()
    await line.append(*(device.batch(health(device, 1)) for _ in range(20)))
    worker = Worker(line.house)
    await worker._hold()
    entries = (await worker.read()) * 100
    await worker.let_go()
    for each_s in (0.0001, 0.001, 0.01, 0.1):
        count = 1
        for _ in range(12):
            took_s = 0.02 + count * each_s
            assert took_s <= LONGEST_S + 0.02
            count = at_once(entries[:count], count, took_s)
        assert count >= min(MOST_ENTRIES, int(0.9 * LONGEST_S / each_s)), "it never came up to what it may"


async def test_a_turn_is_cut_by_bytes_and_loses_nothing(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "BYTES_AT_ONCE", 200)
    device = await line.enrol()
    await line.append(*(device.batch(health(device, 2)) for _ in range(12)))
    worker = Worker(line.house)
    await worker._hold()
    assert 1 <= len(await worker.read()) < 12
    await worker.let_go()
    assert await line.digest() == 12
    await assert_once(line, 24)
