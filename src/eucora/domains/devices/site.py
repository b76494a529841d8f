"""Where a device belongs: an operator says so, at enrolment by the token, or later; its past is kept as any fact's."""

import uuid
from datetime import datetime
from typing import Annotated, TypeAlias

from msgspec import Meta

from eucora.clock import to_us
from eucora.domains.audit import Act, record
from eucora.domains.devices.queries import SQL
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated
from eucora_wire.fields import NAME

Site: TypeAlias = Annotated[str, Meta(min_length=1, max_length=60, pattern=NAME)]


async def move(pool: Pool, device: uuid.UUID, site: str, act: Act, now: datetime) -> None:
    """From now on it belongs there. Raises Refused (unknown), TryLater."""
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            if not await say(tx, device, site, now):
                raise Refused("unknown", "there is no such device")
            await record(tx, now, [act])


async def say(tx: Transaction, device: uuid.UUID, site: str, now: datetime) -> bool:
    """Whether there is such a device."""
    if await tx.fetchval(SQL.say_site, device, site) is None:
        return False
    await tx.execute(SQL.keep_site, device, site, now, to_us(now))
    return True
