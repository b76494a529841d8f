"""Is anything missing, and what became of it: of the fleet, and of one device item by item."""

import uuid
from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from eucora.domains.audit import by, record
from eucora.domains.devices.queries import one
from eucora.journal.holes import Completeness, Fleet, of_device, of_fleet
from eucora.journal.statement import Asked, state
from eucora.operators.house import GivenHouse
from eucora.problems import Refused
from eucora.settings import addresses
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.moments import MOMENT, moment

Since = Annotated[
    str | None,
    QueryParameter(max_length=40, pattern=MOMENT, description="Holes known since then alone: 30d, or a time"),
]
STATED = declared("audit.read", "lifecycle")


@get("/completeness", opt=declared("devices.read", "none"))
async def fleet(pool: GivenPool) -> Fleet:
    """Of all devices."""
    return await of_fleet(pool)


@get("/devices/{device_id:uuid}/completeness", opt=declared("devices.read", "none"))
async def device(device_id: FromPath[uuid.UUID], pool: GivenPool, now: GivenNow, since: Since = None) -> Completeness:
    """Of one device: complete, or exactly what is missing and why."""
    if await one(pool, device_id) is None:
        raise Refused("unknown", "there is no such device")
    return await of_device(pool, device_id, None if since is None else moment(since, now))


@get("/devices/{device_id:uuid}/completeness/statement", opt=STATED, media_type="application/jsonl")
async def statement(
    device_id: FromPath[uuid.UUID], house: GivenHouse, asker: GivenAsker, now: GivenNow, since: Since = None
) -> Stream:
    """What the device's key signed, and what of it is missing, signed by the platform: `eucora_verify` checks it."""
    if await one(house.pool, device_id) is None:
        raise Refused("unknown", "there is no such device")
    begin = None if since is None else moment(since, now)
    async with house.pool.acquire() as tx, tx.transaction():
        await record(tx, now, [by(asker, "completeness.stated", "lifecycle", devices=(device_id,))])
    asked = Asked(house.installation, device_id, begin, now, addresses(house.settings)["url"])
    return Stream(state(house.pool, house.objects, house.secrets.audit, asked), media_type="application/jsonl")


ROUTES = (fleet, device, statement)
