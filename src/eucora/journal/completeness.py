"""Of which devices everything that came is digested, and nothing is known to be missing."""

import uuid
from collections.abc import Collection

from eucora import sql
from eucora.journal.port import shard_of
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated

SQL = sql.load(__file__, "completeness.sql")


async def complete(db: Pool | Transaction, consumer: str, devices: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Devices without an open gap, whose shard the consumer has read to the end in both lanes."""
    with translated():
        shards = int(await db.fetchval(SQL.shards))
        ended = {row["shard"] for row in await db.fetch(SQL.read_to_the_end, consumer)}
        read = {device for device in devices if shard_of(device, shards) in ended}
        return read - {row["device"] for row in await db.fetch(SQL.with_gaps, list(read))}
