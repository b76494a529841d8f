"""Of which devices everything that came is digested, and nothing is known to be missing.

Two ways to ask. `complete`: now, of a shard that is read to its end. `whole_until` and `digested`: up to a moment, which
comes on a shard that is never at rest too.
"""

import uuid
from collections.abc import Collection, Mapping

from eucora import sql
from eucora.journal.port import shard_of
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated

SQL = sql.load(__file__, "completeness.sql")

Tips = tuple[int, int]
"""Positions of a shard's lanes: live, replay."""


async def complete(db: Pool | Transaction, consumer: str, devices: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Devices without an open gap, whose shard the consumer has read to the end in both lanes."""
    with translated():
        shards = int(await db.fetchval(SQL.shards))
        ended = {row["shard"] for row in await db.fetch(SQL.read_to_the_end, consumer)}
        read = {device for device in devices if shard_of(device, shards) in ended}
        return read - {row["device"] for row in await db.fetch(SQL.with_gaps, list(read))}


async def whole_until(db: Pool | Transaction, devices: Collection[uuid.UUID]) -> dict[uuid.UUID, Tips]:
    """Devices without an open gap now: all that they ever numbered up to now lies at or before these positions."""
    with translated():
        shards = int(await db.fetchval(SQL.shards))
        rows = await db.fetch(SQL.tips_without_gap, list(devices), [shard_of(device, shards) for device in devices])
        return {row["device"]: (row["live"], row["replay"]) for row in rows}


async def digested(db: Pool | Transaction, consumer: str, until: Mapping[uuid.UUID, Tips]) -> set[uuid.UUID]:
    """Those of which a consumer has read both lanes that far."""
    with translated():
        shards = int(await db.fetchval(SQL.shards))
        read = {(row["shard"], row["lane"]): row["position"] for row in await db.fetch(SQL.read_to, consumer)}
        return {
            device
            for device, tips in until.items()
            if all(read.get((shard_of(device, shards), lane), -1) >= tip for lane, tip in enumerate(tips))
        }
