"""How far a consumer has read, place by place. Who holds the lease moves the cursor, in the transaction of the effect."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from eucora import sql
from eucora.journal.port import Place
from eucora.problems import EucoraError
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated

SQL = sql.load(__file__)

Moves = Mapping[Place, tuple[int, int, datetime]]
"""By place: the position where the cursor stands, the one it moves to, and when the entry there was received."""


class Zombie(EucoraError):
    """The lease was lost, or somebody else has moved the cursor: roll back and stop."""


async def claim(pool: Pool, consumer: str, lease: uuid.UUID, lease_s: float, most: int = 512) -> set[Place]:
    """Take up to `most` places that nobody holds, those already held first, for `lease_s` from now. All held after."""
    with translated():
        rows = await pool.fetch(SQL.claim, consumer, lease, lease_s, most)
    return {(row["shard"], row["lane"]) for row in rows}


async def renew(pool: Pool, consumer: str, lease: uuid.UUID, lease_s: float) -> set[Place]:
    """Hold on for `lease_s` from now. The places that are still held."""
    with translated():
        rows = await pool.fetch(SQL.renew, consumer, lease, lease_s)
    return {(row["shard"], row["lane"]) for row in rows}


async def release(pool: Pool, consumer: str, lease: uuid.UUID) -> None:
    """Let others have them at once: a clean stop."""
    with translated():
        await pool.execute(SQL.release, consumer, lease)


async def advance(tx: Transaction, consumer: str, lease: uuid.UUID, moves: Moves) -> None:
    """The first statement of a digest's transaction. Raises Zombie when one cursor is not where it was, or not mine."""
    shards, lanes = [shard for shard, _ in moves], [lane for _, lane in moves]
    olds, news, times = zip(*moves.values(), strict=True) if moves else ((), (), ())
    rows = await tx.fetch(SQL.advance, consumer, lease, shards, lanes, olds, news, times)
    if len(rows) < len(moves):
        raise Zombie(f"{len(moves) - len(rows)} of {len(moves)} cursors of {consumer} are not held any more")


async def positions(pool: "Pool | Transaction", consumer: str) -> dict[Place, int]:
    """Where each cursor stands."""
    with translated():
        rows = await pool.fetch(SQL.positions, consumer)
    return {(row["shard"], row["lane"]): row["position"] for row in rows}


async def lags(pool: "Pool | Transaction", consumer: str) -> dict[Place, int]:
    """How many acknowledged entries each cursor has not passed."""
    with translated():
        rows = await pool.fetch(SQL.lags, consumer)
    return {(row["shard"], row["lane"]): row["behind"] for row in rows}
