"""Questions about software."""

import uuid
from datetime import datetime

from msgspec import Struct

from eucora.slice import Pool, Transaction
from eucora.sql import load

SQL = load(__file__)

Key = tuple[str, str, str, str]
"""(source, name, architecture, version)."""

BEFORE_ALL: Key = ("", "", "", "")


class Installed(Struct, frozen=True, kw_only=True):
    """One package on a device. `event_time`: when the device last said so."""

    source: str
    name: str
    architecture: str
    version: str
    signature: str | None
    purl: str | None
    publisher: str | None
    event_time: datetime
    received_at: datetime

    @property
    def key(self) -> Key:
        return (self.source, self.name, self.architecture, self.version)


async def installed_on(
    db: Pool | Transaction, device: uuid.UUID, after: Key | None = None, limit: int = 100
) -> list[Installed]:
    """At most `limit` packages that are on a device now, by key, behind `after`."""
    rows = await db.fetch(SQL.installed_on, device, *(after or BEFORE_ALL), limit)
    return [Installed(**row) for row in rows]


async def count_on(db: Pool | Transaction, device: uuid.UUID) -> int:
    """How many packages are on a device now."""
    return int(await db.fetchval(SQL.count_on, device))
