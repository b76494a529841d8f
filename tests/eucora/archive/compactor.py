"""A worker that seals, merges, erases and deletes without end, to be killed. It is forked, so that a life begins at once.

On stdin: a line a life. On stdout: the process id of each. EUCORA_TEST_ALSO: what else it does, `redigest` or `retention`.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import structlog
from tests.eucora.line import Line, open_line

from eucora.archive import compact, merge, parquet, sweep
from eucora.archive.compact import GRACE
from eucora.governance import classes
from eucora.governance.enforce import Keeper, enforce
from eucora.pipeline import redigest
from eucora.problems import TryLater
from eucora.slice import Transaction
from eucora.stores.ports import S3Endpoint
from eucora.stores.postgres import open_pool
from eucora.stores.s3 import S3Objects

Also = Callable[[], Awaitable[None]]
SECRETS = Path(os.environ.get("EUCORA_TEST_SECRETS", ""))
EPOCH = int(os.environ.get("EUCORA_TEST_EPOCH", "1"))


async def live() -> None:
    """What the scheduler does, as fast as it can."""
    merge.FEW = 2
    parquet.ROWS_A_FILE = 4096
    pool = await open_pool(os.environ["EUCORA_TEST_APP_URL"], name="compactor", most=2)
    s3 = S3Endpoint(*(os.environ[f"EUCORA_TEST_S3_{name}"] for name in ("URL", "KEY", "SECRET")))
    objects = S3Objects(
        S3Endpoint(s3.url, s3.access_key, s3.secret_key, _authority()), os.environ["EUCORA_TEST_S3_BUCKET"]
    )
    also = await ALSO[os.environ.get("EUCORA_TEST_ALSO", "")](objects)
    while True:
        now = datetime.now(UTC)
        soon = now + GRACE - timedelta(seconds=3)  # no reader of the test takes three seconds
        with suppress(TryLater):  # what the one before held is let go in a moment
            await compact.compact(pool, objects, EPOCH)
            await merge.merge(pool, objects, EPOCH, now + merge.YOUNG + timedelta(seconds=5))
            await merge.clean(pool, objects, EPOCH, now)
            await sweep.delete_replaced(pool, objects, soon)
            await sweep.sweep(pool, objects, EPOCH, now)
            await compact.drop(pool, soon)
            await also()


async def _nothing(objects: S3Objects) -> Also:
    async def nothing() -> None:
        """No more than the archive's own work."""

    return nothing


async def _redigest(objects: S3Objects) -> Also:
    """Digests again what was asked for, two windows a step or so."""
    redigest.ENTRIES_A_STEP = 10
    line = await _line()

    async def again() -> None:
        await redigest.work(line.house, objects, EPOCH, _told)

    return again


async def _told(tx: Transaction, done: redigest.Redigest) -> None:
    """Nobody listens."""


async def _retention(objects: S3Objects) -> Also:
    """Takes what is older than ten days by the clock of events."""
    line = await _line()
    table = {
        name: msgspec.structs.replace(each, days=10, clock="event") if name in ("metrics", "logs") else each
        for name, each in classes.read(None, SECRETS, 28).items()
    }
    keeper = Keeper(line.app, objects, EPOCH, line.secrets.audit, table)

    async def keep() -> None:
        await enforce(keeper, datetime.now(UTC))

    return keep


async def _line() -> Line:
    urls = (os.environ["EUCORA_TEST_APP_URL"], os.environ["EUCORA_TEST_KEYS_URL"])
    return await open_line(*urls, SECRETS, name="killed")


ALSO = {"": _nothing, "redigest": _redigest, "retention": _retention}


def _authority() -> Path | None:
    found = os.environ.get("EUCORA_TEST_S3_CA")
    return Path(found) if found else None


def main() -> None:
    """A child a line; its parent reaps those that were killed."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            asyncio.run(live())
        print(child, flush=True)
        os.waitpid(child, 0)
        print(0, flush=True)


if __name__ == "__main__":
    main()
