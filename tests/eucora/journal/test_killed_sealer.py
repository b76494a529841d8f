"""kill -9 of who seals, at random moments, with readers in a loop: never a wrong count, and the next life goes on.

EUCORA_TEST_KILLS sets how often.
"""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

from tests.conformance.journal.place import SHARDS, Place
from tests.conformance.journal.test_order import Reader
from tests.conformance.journal.test_sealed import all_read, days

from eucora.journal.postgres import PostgresJournal

ROOT = Path(__file__).parents[3]
LIVES = int(os.environ.get("EUCORA_TEST_KILLS", "12"))
BATCHES = max(60, 3 * LIVES)


async def life(database, servers, seconds: float) -> None:
    """One process, killed so long after it began to work."""
    environment = os.environ | {
        "EUCORA_TEST_APP_URL": database.app_url,
        "EUCORA_TEST_S3": f"{servers.s3.url} {servers.s3.access_key} {servers.s3.secret_key}",
        "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
    }
    sealer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.eucora.journal.sealer"), env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert sealer.stdout is not None
    await sealer.stdout.readline()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(sealer.wait(), seconds)
    sealer.send_signal(signal.SIGKILL)
    await sealer.stdout.read()
    await sealer.wait()


async def test_readers_in_a_loop_never_see_a_wrong_count(place: Place, objects, database, servers):
    count = await days(place, [await place.device() for _ in range(3)], BATCHES, 4)
    await all_read(place)
    ended, counts = asyncio.Event(), []

    async def follow(most: int) -> None:
        journal = PostgresJournal(place.app, place.keyring, epoch=1, shards=SHARDS, objects=objects)
        while not ended.is_set():
            reader = Reader(journal)
            while await reader.step(most):
                pass
            counts.append(len(reader.entries))

    readers = [asyncio.create_task(follow(most)) for most in (50, 1000)]
    for _ in range(LIVES):
        await life(database, servers, random.uniform(0.01, 0.4))
    while await place.app.fetchval("SELECT count(*) FROM journal_entries") > 3 * BATCHES:
        await life(database, servers, 3.0)
    ended.set()
    await asyncio.gather(*readers)
    assert set(counts) == {count}
    named = await place.app.fetchval("SELECT sum(last - first + 1) FROM journal_segments")
    assert named == count - 3 * BATCHES
