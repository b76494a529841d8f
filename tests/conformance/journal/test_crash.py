"""A crash at any point: what was acknowledged is there, once, and sending again settles the rest."""

import asyncio
import contextlib
import os
import random
import signal
import sys
import uuid
from pathlib import Path

import asyncpg
import pytest
from tests.conformance.journal.device import Device
from tests.conformance.journal.place import SHARDS, Place, on_postgres
from tests.conformance.journal.writer import GROUP, deliver

from eucora.embedded.start import start_embedded
from eucora.journal.port import Journal
from eucora.migrations.migrate import migrate
from eucora.problems import TryLater

ROOT = Path(__file__).parents[3]


async def everything(journal: Journal):
    """All entries, read on from the beginning; each place without a hole."""
    after = {(shard, lane): 0 for shard in range(SHARDS) for lane in (0, 1)}
    entries = []
    while found := await journal.read(after, 500):
        for entry in found:
            assert entry.position == after[entry.shard, entry.lane] + 1
            after[entry.shard, entry.lane] = entry.position
        entries += found
    return entries


async def test_sessions_that_are_cut_at_any_statement_lose_nothing_and_double_nothing(place: Place, database):
    devices = [await place.device() for _ in range(6)]
    journals = [await place.open_another() for _ in range(2)]
    acknowledged, cutting = [], True

    async def cut():
        killer = await asyncpg.connect(database.app_url)
        while cutting:
            await asyncio.sleep(random.uniform(0, 0.02))
            await killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database() AND usename = current_user AND random() < 0.5"
            )
        await killer.close()

    async def send(journal, mine):
        for _ in range(25):
            group = [batch for device in mine for batch in device.chain(3)]
            acknowledged.extend(zip(group, await deliver(journal, group), strict=True))

    cutter = asyncio.create_task(cut())
    await asyncio.gather(*(send(journals[i], devices[i::2]) for i in range(2)))
    cutting = False
    await cutter
    kept = {(e.stream, e.sequence): e for e in await _patient(everything, place.journal)}
    assert len(kept) == len(acknowledged) == 6 * 75
    for batch, result in acknowledged:
        entry = kept[batch.seal.stream, batch.seal.sequence]
        assert result.outcome in ("appended", "duplicate")
        assert (result.receipt.position, result.receipt.received) == (entry.position, entry.received)
    assert len({(e.shard, e.lane, e.position) for e in kept.values()}) == len(kept)


async def _patient(ask, journal):
    """Connections that were cut are found out one by one."""
    while True:
        try:
            return await ask(journal)
        except TryLater:
            await asyncio.sleep(0)


async def test_a_killed_writer_leaves_whole_groups_and_all_it_acknowledged(place: Place, database):
    """kill -9 at a random moment, again and again; the next life sends the whole chain again from its first batch."""
    device = await place.device()
    acknowledged = 0
    for _ in range(4):
        told = await _life(database, device, random.uniform(0.05, 0.3))
        entries = await everything(place.journal)
        assert [e.sequence for e in entries] == list(range(1, len(entries) + 1))
        assert len(entries) % GROUP == 0
        positions = [int(line.split()[2]) for line in told]
        assert positions == list(range(1, len(positions) + 1))  # old receipts first, then new ones
        assert len(entries) >= len(told)
        acknowledged = max(acknowledged, len(told))
        assert len(entries) >= acknowledged


async def _life(database, device: Device, seconds: float) -> list[str]:
    """What a writer says between its first acknowledgement and its death."""
    environment = os.environ | {
        "EUCORA_TEST_APP_URL": database.app_url,
        "EUCORA_TEST_KEYS_URL": database.keys_url,
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.conformance.journal.writer", str(device.id), str(device.stream)),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    assert writer.stdout is not None
    first = await writer.stdout.readline()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(writer.wait(), seconds)
    writer.send_signal(signal.SIGKILL)
    rest = await writer.stdout.read()
    await writer.wait()
    whole, _, _ = (first + rest).decode().rpartition("\n")
    return whole.splitlines()


@pytest.fixture
async def own_server(tmp_path_factory):
    """A PostgreSQL that may be killed."""
    embedded = start_embedded(tmp_path_factory.mktemp("crash") / "data", frozenset({"postgres"}), lambda *_: None)
    try:
        await migrate(embedded.postgres_owner_url)
        yield embedded
    finally:
        embedded.stop()


class Urls:
    def __init__(self, embedded):
        self.app_url, self.keys_url = embedded.postgres_url, embedded.postgres_keys_url


async def test_what_was_acknowledged_survives_kill_9_of_postgres(own_server):
    async with on_postgres(Urls(own_server)) as place:
        devices = [await place.device() for _ in range(3)]
        for _ in range(2):
            sending = asyncio.create_task(_send_groups(place.journal, devices, 60))
            await asyncio.sleep(random.uniform(0.02, 0.1))
            _kill_postgres(own_server)
            acknowledged = await sending
            kept = {e.digest: e for e in await _patient(everything, place.journal)}
            for batch, result in acknowledged:
                entry = kept[batch.signed.batch_digest]
                assert (entry.position, entry.received) == (result.receipt.position, result.receipt.received)
        assert len(kept) == 2 * 60 * len(devices)


async def _send_groups(journal, devices, count):
    acknowledged = []
    for _ in range(count):
        group = [device.seal() for device in devices]
        acknowledged.extend(zip(group, await deliver(journal, group), strict=True))
    return acknowledged


def _kill_postgres(embedded) -> None:
    pid_file = next(embedded.data.path.rglob("postmaster.pid"))
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)


async def test_a_journal_that_is_away_says_try_later(place: Place):
    device = await place.device()
    place.app.terminate()
    with pytest.raises(TryLater) as caught:
        await place.journal.append([device.seal(subject=uuid.uuid4())])
    assert caught.value.retry_after_s > 0
    with pytest.raises(TryLater):
        await place.journal.read({(0, 0): 0}, 1)
    with pytest.raises(TryLater):
        await place.journal.tips()
