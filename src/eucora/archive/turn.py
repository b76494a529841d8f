"""One worker at a time writes, merges and deletes files: what it finds unnamed is nobody's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.postgres import translated

SQL = load(__file__, "compact.sql")


@asynccontextmanager
async def turn(pool: Pool) -> AsyncIterator[Transaction | None]:
    """A session that holds the turn, or None when another has it. Who lost the session lost the turn, and can't write."""
    with translated():
        async with pool.acquire() as db:
            if not await db.fetchval(SQL.hold):
                yield None
                return
            try:
                yield db
            finally:
                await _let_go(db)


async def _let_go(db: Transaction) -> None:
    try:
        await db.execute(SQL.let_go)
    except BaseException:
        db.terminate()  # a pooled session that kept the turn would keep it as long as this process lives
        raise
