"""The first start of a database, and every other: the platform's row, the journal's shards, the pipeline's cursors."""

import uuid
from datetime import date

from msgspec import Struct

from eucora import sql
from eucora.problems import Misconfigured
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated

SQL = sql.load(__file__)
PIPELINE = "pipeline"


class Platform(Struct, frozen=True):
    """Which installation this database belongs to, the journal's epoch, its number of shards."""

    installation: uuid.UUID
    epoch: int
    shards: int


async def found(pool: Pool, installation: uuid.UUID, shards: int) -> Platform:
    """Found the platform, or find it founded: then its own installation id holds, not the one given.

    Raises Misconfigured when it was founded with another number of shards, or when the server does not write to the
    disk what it commits. Many may call at once.
    """
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            await _require_fsync(connection)
            await connection.execute(SQL.lock_founding)
            await connection.execute(SQL.found, installation, shards)
            platform = await platform_of(connection)
            if platform.shards != shards:
                raise Misconfigured(
                    f"this platform was founded with {platform.shards} shards, and that is for ever: "
                    f"set EUCORA_SHARDS={platform.shards}"
                )
            await _furnish(connection, shards)
    return platform


async def is_founded(pool: Pool) -> bool:
    """Whether this database belongs to an installation already."""
    with translated():
        return bool(await pool.fetchval(SQL.is_founded))


async def _require_fsync(tx: Transaction) -> None:
    """An acknowledgement means committed with fsync."""
    if await tx.fetchval(SQL.fsync) != "on":
        raise Misconfigured("PostgreSQL runs with fsync = off, so a commit promises nothing: set fsync = on")


async def _furnish(tx: Transaction, shards: int) -> None:
    await tx.execute(SQL.lay_shards, shards)
    await add_consumer(tx, PIPELINE)
    await tx.execute(SQL.keep_partitions)
    await tx.execute(SQL.open_first_window)


async def platform_of(tx: "Pool | Transaction") -> Platform:
    """The platform's row. Raises Misconfigured before the first start."""
    row = await tx.fetchrow(SQL.platform)
    if row is None:
        raise Misconfigured("this database holds no platform yet: `eucora up` founds one")
    return Platform(*row)


async def add_consumer(tx: Transaction, consumer: str) -> None:
    """Cursors of a consumer at the journal's beginning; one that it has already stays where it is."""
    await tx.execute(SQL.add_cursors, consumer)


async def keep_partitions(pool: Pool) -> None:
    """Make the partitions of the days around now: at start, daily, and when a commit finds none."""
    with translated():
        await pool.execute(SQL.keep_partitions)


async def forget_digests(db: Pool | Transaction, before: date) -> int:
    """Drop the digests of sequences used before a day: the spool's maximum age and a day ago. How many partitions."""
    with translated():
        return int(await db.fetchval(SQL.drop_digests, before))
