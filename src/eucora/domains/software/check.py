"""Is what we hold what the device says it has? Compared only when nothing older of that device can still come.

A mismatch asks the device for one full inventory, at most one an interval.
"""

import uuid
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime

from eucora.domains.software.queries import SQL
from eucora.slice import Held, Pool, Transaction, told
from eucora_wire.delta import digest, inventory
from eucora_wire.sections.software import Package

AT_ONCE = 50
RESYNC_INTERVAL_S = 3600.0

Complete = Callable[[Pool, Collection[uuid.UUID]], Awaitable[set[uuid.UUID]]]
"""Of which devices neither lane holds older items, and no stream has an open gap."""


async def check(pool: Pool, complete: Complete, now: datetime, most: int = AT_ONCE) -> int:
    """Compare some devices; how many were."""
    waiting = {row["device"]: row["result"] for row in await pool.fetch(SQL.unchecked, most)}
    if not waiting:
        return 0
    ready = await complete(pool, waiting)
    for device in sorted(ready):
        same = await digest_on(pool, device) == waiting[device]
        await pool.execute(SQL.settle_check, device, waiting[device], same, now, RESYNC_INTERVAL_S)
    return len(ready)


async def held(tx: Transaction, device: uuid.UUID, secret: bytes) -> Held:
    """The inventory that is held of a device; an empty one when it never told any."""
    row = await tx.fetchrow(SQL.newest, device)
    order = (0, 0) if row is None else (row["order_stream"], row["order_item"])
    return Held(order, told(secret, await digest_on(tx, device)))


async def digest_on(pool: Pool | Transaction, device: uuid.UUID) -> str:
    """The digest of what is held of a device."""
    return digest(inventory(Package(**row) for row in await pool.fetch(SQL.packages_of, device)))


async def resyncs(pool: Pool) -> set[uuid.UUID]:
    """Devices that should send a full inventory: doors say so in their next answer."""
    return {row["device"] for row in await pool.fetch(SQL.resyncs)}
