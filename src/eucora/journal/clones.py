"""Two machines that present one identity: which streams are held, and what an operator says that it was.

A rewind (a snapshot restored on the same machine) closes the hold: whoever does not fit begins a new stream, and nothing of
either is mixed. A clone is turned away for good: both enrol anew, and keep what their spools hold.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from eucora.journal.port import shard_of
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.postgres import translated

SQL = load(__file__, "clones.sql")

As = Literal["rewind", "clone"]


class Clone(Struct, frozen=True, kw_only=True):
    """A stream that is held. Batch `sequence`, sealed in `boot`, did not fit, and nothing of it is stored."""

    device: uuid.UUID
    stream: uuid.UUID
    number: int
    last_sequence: int
    last_received: datetime
    sequence: int
    boot: str
    seen_at: datetime


async def held(db: Pool) -> Sequence[Clone]:
    """Every stream that is held, the newest first."""
    with translated():
        return [Clone(**dict(row)) for row in await db.fetch(SQL.held)]


async def held_by(tx: Transaction, stream: uuid.UUID) -> uuid.UUID:
    """Whose stream it is that is held. Raises Refused (unknown)."""
    device: uuid.UUID | None = await tx.fetchval(SQL.device_of, stream)
    if device is None:
        raise Refused("unknown", "there is no such stream, or it is not held")
    return device


async def close(tx: Transaction, stream: uuid.UUID, as_what: As, now: datetime) -> None:
    """Close the hold of a stream. The caller records it. Raises Refused (unknown)."""
    # Behind whoever appends, as every change of a head is.
    await tx.execute(SQL.lock, shard_of(await held_by(tx, stream), await tx.fetchval(SQL.shards)))
    if await tx.fetchval(SQL.end, stream, as_what == "rewind") is None:
        raise Refused("unknown", "it is not held any more")
    await tx.execute(SQL.note, stream, now, as_what)
