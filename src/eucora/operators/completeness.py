"""Is anything missing, and what became of it: of the fleet, and of one device item by item."""

import uuid
from typing import Annotated

from litestar import get
from litestar.params import FromPath, QueryParameter

from eucora.domains.devices.queries import one
from eucora.journal.holes import Completeness, Fleet, of_device, of_fleet
from eucora.problems import Refused
from eucora.web.declare import declared
from eucora.web.given import GivenNow, GivenPool
from eucora.web.moments import MOMENT, moment

Since = Annotated[
    str | None,
    QueryParameter(max_length=40, pattern=MOMENT, description="Holes known since then alone: 30d, or a time"),
]


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


ROUTES = (fleet, device)
