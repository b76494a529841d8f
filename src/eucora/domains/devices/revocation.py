"""A device is turned away for good: its keys, its row and the audit event, all at once."""

import uuid
from datetime import datetime

from eucora.domains.audit import Act, record
from eucora.domains.devices.queries import SQL
from eucora.journal import signers
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated


async def revoke(pool: Pool, device: uuid.UUID, act: Act, now: datetime) -> None:
    """Nothing of the device is committed to the journal afterwards. Raises Refused (unknown), TryLater."""
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            if not await turn_away(tx, device, now):
                raise Refused("unknown", "there is no such device, or it is revoked already")
            await record(tx, now, [act])


async def turn_away(tx: Transaction, device: uuid.UUID, now: datetime) -> bool:
    """As a part of something larger, which records it; whether it was not turned away before."""
    # The device's row first: a renewal under way ends before, and the key that it brought is revoked too.
    if await tx.fetchval(SQL.revoke, device, now) is None:
        return False
    await signers.revoke(tx, device)
    return True
