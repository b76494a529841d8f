"""Segments that are older than they may be go: out of the readers' sight, then the objects, then the rows.

Rule 1: a segment goes only when every cursor is past it, which the database checks while no consumer can be added; who
begins to read later begins behind it. Rule 2: a row is forgotten only after its object: a crash leaves nothing unnamed.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from eucora import sql
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects

SQL = sql.load(__file__, "expire.sql")
SEGMENTS_A_TURN = 256


async def expire(
    pool: Pool, objects: Objects, before: datetime | None, tell: Callable[[Transaction, Any], Awaitable[None]]
) -> int:
    """Take some segments received before a moment (None: none), oldest first, and delete what was taken; how many went.

    `tell` is in the transaction in which they are taken.
    """
    if before is not None:
        async with pool.acquire() as tx, tx.transaction():
            (taken,) = await tx.fetch(SQL.expire, before, SEGMENTS_A_TURN)
            if taken["segments"]:
                await tell(tx, taken)
    gone = [row["object"] for row in await pool.fetch(SQL.expired, SEGMENTS_A_TURN)]
    for key in gone:
        await objects.delete(key)
    await pool.execute(SQL.forget, gone)
    return len(gone)
