"""Windows of arrival. A closed window never gets another row: whoever writes holds the open one FOR SHARE until it commits,

and whoever closes waits for all of them before the ranges are read from the cursors.
"""

from datetime import datetime, timedelta

import msgspec

from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__)
TURNS = 5


class NoWindow(Exception):
    """The archive has no open window; `eucora up` founds one."""


async def open_for_writing(tx: Transaction) -> int:
    """The open window, which can't be closed before this transaction ends. Raises NoWindow."""
    await tx.execute(SQL.enter)
    for _ in range(TURNS):
        # Waiting for one that was being closed finds it closed: the next statement sees its successor.
        window = await tx.fetchval(SQL.open_window)
        if window is not None:
            return int(window)
    raise NoWindow


async def close_window(pool: Pool, now: datetime, length: timedelta, consumer: str = "pipeline") -> int | None:
    """Close the open window when it is `length` old or older, and open the next: its number, or None when it was young."""
    if not _due(await pool.fetchval(SQL.opened_at), now, length):
        return None
    async with pool.acquire() as db, db.transaction():
        await db.execute(SQL.shut)
        if not _due(await db.fetchval(SQL.lock_open_window), now, length):
            return None
        ranges = {row["place"]: (row["after"], row["upto"]) for row in await db.fetch(SQL.ranges, consumer)}
        return int(await db.fetchval(SQL.next_window, msgspec.json.encode(ranges).decode()))


def _due(opened_at: datetime | None, now: datetime, length: timedelta) -> bool:
    return opened_at is not None and now - opened_at >= length
