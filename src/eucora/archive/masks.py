"""Erasure: a mask hides an interval of a device from every answer at once, and for ever, whenever its rows arrive.

Files are written again without what is masked (`merge`); hot rows go with their window. Then the erasure is done.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.stores.postgres import translated

SQL = load(__file__, "masks.sql")


class Masked(Struct, frozen=True):
    """Rows of a device with times in [since, until); `since` None: from its first. Or what a person wrote, whenever."""

    device: uuid.UUID | None
    since: datetime | None
    until: datetime
    subject: uuid.UUID | None = None


class Erasure(Struct, frozen=True):
    """What was asked, when, and since when none of it is in any table or current file."""

    mask: int
    device: uuid.UUID | None
    subject: uuid.UUID | None
    since: datetime | None
    until: datetime
    at: datetime
    done_at: datetime | None


async def erase(
    pool: Pool, device: uuid.UUID, since: datetime | None, until: datetime | None, now: datetime
) -> Erasure:
    """Hide what a device told of [since, until); None: from its first row, to now. What it tells later of later is seen."""
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            return await hide(tx, device, since, until or now, now)


async def hide(tx: Transaction, device: uuid.UUID, since: datetime | None, until: datetime, now: datetime) -> Erasure:
    """The same, in a transaction of whoever erases more than the archive."""
    await tx.execute(SQL.in_order)
    (row,) = await tx.fetch(SQL.erase, device, since, until, now)
    return Erasure(**row)


async def hide_persons(tx: Transaction, subjects: Sequence[uuid.UUID], now: datetime) -> None:
    """What persons wrote, under every id that they travelled by; the rows are of devices, and stay. Again is harmless."""
    await tx.execute(SQL.in_order)
    await tx.execute(SQL.erase_subjects, list(subjects), now)


async def erasures(pool: Pool, limit: int = 1000) -> list[Erasure]:
    """What was asked to be erased, newest first."""
    with translated():
        return [Erasure(**row) for row in await pool.fetch(SQL.erasures, limit)]


async def of_device(db: Transaction, device: uuid.UUID) -> list[Masked]:
    """What must not be seen of a device."""
    return [Masked(**row) for row in await db.fetch(SQL.of_device, device)]


async def newest(db: Transaction) -> int:
    """The newest mask; whoever reads rows after this respects all up to it."""
    return int(await db.fetchval(SQL.newest))


async def beyond(db: Transaction, mask: int) -> list[Masked]:
    """Masks newer than one: what files that respect it may still hold."""
    return [Masked(**row) for row in await db.fetch(SQL.beyond, mask)]


async def settle(db: Transaction, now: datetime) -> Sequence[int]:
    """Say of erasures that they are done, when they are; which."""
    return [row["mask"] for row in await db.fetch(SQL.settle, now)]
