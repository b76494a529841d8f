"""The worker of the archive is killed at random points, again and again, under a reader: never a wrong count.

EUCORA_TEST_KILLS sets how often, EUCORA_TEST_SEED where.
"""

import asyncio
import os
import random
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.archive.test_compact import CPU, LONG_AGO, NOW, SOON, close, tell
from tests.eucora.line import Device, Line

from eucora.archive import masks, query
from eucora.archive.query import Archive
from eucora.domains.audit import verify
from eucora.embedded.seaweedfs import DATA_BUCKET
from eucora.pipeline import normalise
from eucora.pipeline.redigest import ask
from eucora_wire.sections.hardware import Hardware

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("EUCORA_TEST_KILLS", "8"))
SEED = int(os.environ.get("EUCORA_TEST_SEED", "0")) or random.randrange(1 << 32)


async def test_whatever_moment_the_worker_is_killed_at_no_reader_ever_counts_wrong(
    line: Line, archive: Archive, servers: Any, database: Any
) -> None:
    dice = random.Random(SEED)
    kept, erased = await line.enrol(), await line.enrol()
    least, most = {kept.id: 0, erased.id: 0}, {kept.id: 0, erased.id: 0}
    wrong: list[str] = []
    reads = 0

    async def count(device: Device) -> int:
        return len((await query.series(archive, device.id, CPU, LONG_AGO, SOON, 10_000)).points)

    async def read() -> None:
        nonlocal reads
        while True:
            for device in (kept, erased):
                fewest, highest = least[device.id], most[device.id]
                found = await count(device)
                reads += 1
                if not min(fewest, least[device.id]) <= found <= max(highest, most[device.id]):
                    wrong.append(f"seed {SEED}: {found} of {fewest}…{highest}")

    async def arrive(n: int) -> None:
        """A few rows, old and new, in a window that is closed at once."""
        for device in (kept, erased):
            more = 0 if device is erased and n > KILLS // 2 else dice.randrange(1, 5)
            most[device.id] += more
            if more:
                await tell(line, device, more, days=n % 3)
            least[device.id] = most[device.id]
        await close(line)

    reading = asyncio.create_task(read())
    async with _workers(servers, database, {}) as worker:
        for n in range(KILLS):
            await arrive(n)
            if n == KILLS // 2:
                least[erased.id] = 0
                await masks.erase(line.app, erased.id, None, SOON, SOON)
                most[erased.id] = 0
            await worker.life(dice.expovariate(6.0))
        assert wrong == []
        assert reads > KILLS
        async with asyncio.timeout(60 + 2 * KILLS):
            await worker.live_until(lambda: _settled(line))
    assert not reading.done(), reading.exception()
    reading.cancel()
    assert wrong == []
    assert (await count(kept), await count(erased)) == (most[kept.id], 0)
    assert await _rows(line) == most[kept.id], "each row stands once in hot rows and files, of the erased none"


async def test_whatever_moment_a_redigest_is_killed_at_each_value_is_there_once_the_old_one_or_the_new(
    line: Line, archive: Archive, servers: Any, database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(SEED)
    right = normalise.normalise_hardware
    # A fault that turns everything round; digested again, it is as the device said.
    monkeypatch.setattr(normalise, "normalise_hardware", lambda h: Hardware(cpu=100 - (h.cpu or 0)))
    device = await line.enrol()
    for n in range(12):
        await tell(line, device, 4, days=n % 3)
        await close(line)
    monkeypatch.setattr(normalise, "normalise_hardware", right)
    said = sorted(n / 100 for n in range(4) for _ in range(12))
    turned = sorted(round(1 - value, 6) for value in said)
    reads = 0

    async def values() -> list[float]:
        found = (await query.series(archive, device.id, CPU, LONG_AGO, SOON, 10_000)).points
        return sorted(round(value, 6) for _, value in found)

    assert await values() == turned

    async def read() -> None:
        nonlocal reads
        while True:
            found = await values()
            reads += 1
            assert len(found) == 48, f"seed {SEED}"
            assert set(found) <= {*said, *turned}, f"seed {SEED}"

    reading = asyncio.create_task(read())
    also = {"EUCORA_TEST_ALSO": "redigest", "EUCORA_TEST_SECRETS": str(tmp_path / "secrets")}
    async with _workers(servers, database, also) as worker:
        for _ in range(KILLS):
            if await _undone(line) == 0:
                async with line.app.acquire() as tx, tx.transaction():
                    await ask(tx, LONG_AGO, datetime.now(UTC) + timedelta(days=1), datetime.now(UTC))
                await tell(line, await line.enrol(), 1)
                await close(line)  # so that the window that was open is sealed too
            await worker.life(dice.expovariate(2.0))
        async with asyncio.timeout(60 + 2 * KILLS):
            await worker.live_until(lambda: _redigested(line))
    assert not reading.done(), reading.exception()
    reading.cancel()
    assert reads > KILLS
    assert await values() == said
    assert await _rows(line) - await line.app.fetchval("SELECT count(*) - 1 FROM devices") == len(said)


async def _undone(line: Line) -> int:
    return int(await line.app.fetchval("SELECT count(*) FROM redigests WHERE done_at IS NULL"))


async def _redigested(line: Line) -> bool:
    return await _undone(line) == 0 and await _settled(line)


async def test_whatever_moment_retention_is_killed_at_what_is_younger_stays_whole_and_the_trail_counts_what_went(
    line: Line, archive: Archive, servers: Any, database: Any, tmp_path: Path
) -> None:
    dice = random.Random(SEED)
    device = await line.enrol()
    young = old = 0
    also = {"EUCORA_TEST_ALSO": "retention", "EUCORA_TEST_SECRETS": str(tmp_path / "secrets")}
    async with _workers(servers, database, also) as worker:
        for n in range(KILLS):
            for days in (1, 20):
                await tell(line, device, 3, days=days)
            await close(line)
            young, old = young + 3, old + 3
            await worker.life(dice.expovariate(3.0))
            since = NOW - timedelta(days=9)
            found = (await query.series(archive, device.id, CPU, since, SOON, 10_000)).points
            assert len(found) == young, f"seed {SEED}, kill {n}"
        async with asyncio.timeout(60 + 2 * KILLS):
            await worker.live_until(lambda: _only(line, young))
    gone = "SELECT sum((detail ->> 'rows')::int)::int FROM audit_events WHERE detail ->> 'class' LIKE $1"
    assert await line.app.fetchval(gone, "metrics%") == old, "the trail tells what went, and once"
    assert (await verify(line.app, line.secrets.audit.public_key())).whole


async def _only(line: Line, rows: int) -> bool:
    return await _settled(line) and await _rows(line) == rows


async def _settled(line: Line) -> bool:
    left = await line.app.fetchval("SELECT count(*) FROM windows WHERE state <> 'open' AND dropped_at IS NULL")
    undone = await line.app.fetchval(
        "SELECT count(*) FROM archive_files f WHERE replaced_at IS NULL AND masks < (SELECT max(mask) FROM archive_masks)"
    )
    return bool(left == 0 and undone == 0)


async def _rows(line: Line) -> int:
    return int(
        await line.app.fetchval(
            "SELECT (SELECT count(*) FROM hot_metrics) + (SELECT coalesce(sum(rows), 0) FROM archive_files "
            "WHERE kind = 'metrics' AND replaced_at IS NULL)"
        )
    )


class Workers:
    """Lives of the worker, one after another."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def life(self, seconds: float) -> None:
        """One that is killed after some time."""
        pid = await self._begin()
        await asyncio.sleep(seconds)
        await self._end(pid)

    async def live_until(self, done: Any) -> None:
        pid = await self._begin()
        try:
            while not await done():  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.1)
        finally:
            await self._end(pid)

    async def _begin(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        return await self._told()

    async def _end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        assert await self._told() == 0

    async def _told(self) -> int:
        assert self._process.stdout is not None
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def _workers(servers: Any, database: Any, more: dict[str, str]) -> AsyncIterator[Workers]:
    environment = os.environ | {
        **more,
        "EUCORA_TEST_KEYS_URL": database.keys_url,
        "EUCORA_TEST_APP_URL": database.app_url,
        "EUCORA_TEST_S3_URL": servers.s3.url,
        "EUCORA_TEST_S3_KEY": servers.s3.access_key,
        "EUCORA_TEST_S3_SECRET": servers.s3.secret_key,
        "EUCORA_TEST_S3_BUCKET": DATA_BUCKET,
        "EUCORA_TEST_S3_CA": str(servers.s3.ca_file or ""),
        "EUCORA_TEST_EPOCH": str(uuid.uuid4().int % 10**9),
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.eucora.archive.compactor"),
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=None if "EUCORA_TEST_SEED" in os.environ else asyncio.subprocess.DEVNULL,
    )
    try:
        yield Workers(process)
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        await process.wait()
