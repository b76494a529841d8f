"""A device is turned away for good: its keys, its row and the audit event, all at once."""

import uuid
from datetime import datetime

from eucora.domains.audit import Act, record
from eucora.domains.devices.queries import SQL
from eucora.journal import signers
from eucora.problems import Refused
from eucora.slice import Pool
from eucora.stores.postgres import translated


async def revoke(pool: Pool, device: uuid.UUID, act: Act, now: datetime) -> None:
    """Nothing of the device is committed to the journal afterwards. Raises Refused (unknown), TryLater."""
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            # The device's row first: a renewal under way ends before, and the key that it brought is revoked too.
            if await tx.fetchval(SQL.revoke, device, now) is None:
                raise Refused("unknown", "there is no such device, or it is revoked already")
            await signers.revoke(tx, device)
            await record(tx, now, [act])
