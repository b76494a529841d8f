"""Questions about drift."""

import uuid
from datetime import datetime

from msgspec import Struct

from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__)


class Drift(Struct, frozen=True, kw_only=True):
    """A section that is not held as the device told it, or was not once. `resync`: it is asked for whole."""

    section: str
    drifted_at: datetime | None
    healed_at: datetime | None
    resync: bool


class Lasting(Struct, frozen=True):
    """How many devices are held otherwise than they told, and since when the first is."""

    devices: int
    oldest: datetime | None


async def of_device(db: Pool | Transaction, device: uuid.UUID) -> tuple[Drift, ...]:
    """By section; nothing for a device that never drifted."""
    return tuple([Drift(**row) for row in await db.fetch(SQL.of_device, device)])


async def lasting(db: Pool | Transaction, before: datetime) -> Lasting:
    """What did not mend itself since a moment."""
    (row,) = await db.fetch(SQL.lasting, before)
    return Lasting(row["devices"], row["oldest"])
