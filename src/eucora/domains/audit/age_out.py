"""The trail's oldest month goes, and what is left is still proved: a signed head vouches for the last event that went.

The head is stored before anything is dropped; the database itself asks for it. A crash in between leaves a head more.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eucora.domains.audit.heads import put_head
from eucora.domains.audit.write import SQL
from eucora.slice import Pool, Transaction
from eucora.stores.ports import Objects


async def age_out(
    pool: Pool,
    objects: Objects,
    key: Ed25519PrivateKey,
    now: datetime,
    before: datetime,
    tell: Callable[[Transaction, Any], Awaitable[None]],
) -> int:
    """Drop the oldest month when all of it happened before a moment; how many events. `tell` is in the transaction."""
    month = await pool.fetchrow(SQL.expired_month, before)
    if month is None:
        return 0
    if month["last"] is not None:
        await put_head(pool, objects, key, now, month["last"], month["digest"])
    async with pool.acquire() as tx, tx.transaction():
        gone = await tx.fetchrow(SQL.drop_month, before)
        if gone is None:
            return 0
        await tell(tx, gone)
    return int(gone["rows"])
