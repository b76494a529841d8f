"""Incidents open and close by what the ledger says: nobody reports them, so nobody can forget to."""

from datetime import datetime, timedelta

from eucora.domains.incidents.queries import SQL
from eucora.slice import Pool
from eucora.stores.postgres import translated

EVERY_S = 30.0
LOST_FOR = timedelta(days=1)
"""As long after the last loss an incident of lost items stays open."""
MISSING_FOR = timedelta(hours=1)
"""A device sends again by itself; only what stays away longer is an incident."""


async def refresh(pool: Pool, now: datetime) -> None:
    """Open what began, say what changed, close what is over. Again, and by several at once, is harmless."""
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            await tx.execute(SQL.in_turn)
            await tx.execute(SQL.items_lost, now - LOST_FOR)
            await tx.execute(SQL.items_missing, now - MISSING_FOR)
            await tx.execute(SQL.clones)
            await tx.execute(SQL.close, now, now - LOST_FOR, now - MISSING_FOR)
