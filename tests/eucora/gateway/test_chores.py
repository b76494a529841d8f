"""The gateway as assembled does what comes round from time to time, beside its requests; and it never waits for Valkey."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from tests.eucora.gateway.plane import Device, Enrol, Plane, free_ports

from eucora import clock
from eucora.assemble import run_gateway, write_s3_credentials
from eucora.embedded.start import Embedded, start_embedded
from eucora.gateway.chores import chores
from eucora.stores.redis import RedisCache

Assembled = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def assembled(plane: Plane, servers: Any, tmp_path: Path) -> Assembled:
    """Runs a gateway that assembly makes from settings alone; gives the address of its device plane."""
    write_s3_credentials(tmp_path / "s3", servers.s3)

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[str]:
        device_port, enrolment_port = free_ports(2)
        settings = msgspec.structs.replace(
            plane.house.settings,
            device_port=device_port,
            enrolment_port=enrolment_port,
            postgres_url=plane.ground.app_url,
            postgres_keys_url=plane.ground.keys_url,
            s3_url=servers.s3.url,
            s3_ca_file=servers.s3.ca_file,
            s3_credentials_file=tmp_path / "s3",
        )
        ended, ready = asyncio.Event(), asyncio.Event()
        gateway = asyncio.create_task(run_gateway(msgspec.structs.replace(settings, **changes), ended, ready.set))
        await asyncio.wait_for(ready.wait(), 20)
        try:
            yield f"https://localhost:{device_port}"
        finally:
            ended.set()
            await gateway

    return run


async def test_each_chore_is_one_that_runs(plane: Plane) -> None:
    for _, every_s, run in chores(plane.house):
        assert every_s > 0
        await run()


async def test_a_device_is_asked_for_a_full_inventory_soon_after_one_is_wanted(
    assembled: Assembled, plane: Plane, enrol: Enrol
) -> None:
    device, asked = await enrol(plane), None
    async with assembled() as url:
        assert "resync" not in (await device.good(url))["next"]
        await plane.pool.execute("INSERT INTO software_state (device, resync) VALUES ($1, true)", device.id)
        async with asyncio.timeout(20):
            while asked != ["software"]:
                await asyncio.sleep(0.1)
                asked = (await device.good(url))["next"].get("resync")
        await device.client.aclose()


# --- Valkey ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Embedded]:
    """A server of this test's own, to be harmed."""
    running = start_embedded(tmp_path / "valkey", frozenset({"valkey"}), lambda name, what: None)
    yield running
    running.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def cache(valkey: Embedded) -> AsyncIterator[RedisCache]:
    """The same server as the test sees it."""
    cache = RedisCache(valkey.redis_url)
    yield cache
    await cache.close()


async def test_a_valkey_that_hangs_or_is_killed_fails_no_acknowledgement_and_is_used_again(
    assembled: Assembled, plane: Plane, enrol: Enrol, valkey: Embedded, cache: RedisCache
) -> None:
    devices = [await enrol(plane) for _ in range(3)]
    async with assembled(redis_url=valkey.redis_url, device_rate=5.0) as url:
        sending = Sending(devices[0], url)
        await counted(devices[1], url, cache)
        await harm(valkey, signal.SIGSTOP, sending)
        await harm(valkey, signal.SIGCONT, sending)
        await harm(valkey, signal.SIGKILL, sending)
        await counted(devices[2], url, cache)
        assert await sending.end() < HANGING_S
        for device in devices:
            await device.client.aclose()


HANGING_S = 3.0
"""Below the 5 s after which a connection to Valkey is given up, far above what a busy machine adds to a commit."""


async def harm(valkey: Embedded, what: signal.Signals, sending: "Sending") -> None:
    """Send the signal to the real server; then the next acknowledgements, over two rounds of the chore at least."""
    pid = valkey.servers["valkey"].pid
    assert pid is not None
    os.kill(pid, what)
    await sending.more(10)


async def counted(device: Device, url: str, cache: RedisCache) -> None:
    """A device sends most of what it may send in a minute, and then as fast as it may: wait until the gateway has told
    Valkey so. (What it took while Valkey was away is not told later: each gateway limits by itself then.)"""
    sealed = [device.batch(device.payload()) for _ in range(250)]
    answers = await asyncio.gather(*(device.send(batch, url) for batch in sealed))
    assert {answer.status_code for answer in answers} == {200}
    count: int | None = 0
    async with asyncio.timeout(20):
        while not count:
            await asyncio.sleep(0.2)
            await device.good(url)
            count = await cache.count(f"pace:device:{device.id}", 60, by=0)


class Sending:
    """A device that sends and sends; the first answer that is not an acknowledgement ends the test."""

    def __init__(self, device: Device, url: str) -> None:
        self._slowest_s, self._count = 0.0, 0
        self._task = asyncio.create_task(self._send(device, url))

    async def more(self, count: int) -> None:
        wanted = self._count + count
        while self._count < wanted:
            await asyncio.wait((self._task,), timeout=0.05)
            if self._task.done():
                await self._task

    async def end(self) -> float:
        """The slowest acknowledgement, in seconds."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        return self._slowest_s

    async def _send(self, device: Device, url: str) -> None:
        while True:
            began = clock.monotonic()
            await device.good(url)
            self._slowest_s = max(self._slowest_s, clock.monotonic() - began)
            self._count += 1
            await asyncio.sleep(0.2)
