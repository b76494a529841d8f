"""Incidents, as operators read them."""

import uuid

from litestar import get
from litestar.params import FromQuery

from eucora.domains.incidents.queries import Incident, incidents
from eucora.stores.postgres import translated
from eucora.web.declare import declared
from eucora.web.given import GivenPool
from eucora.web.paging import After, Limit, Page, cut, key


@get("/incidents", opt=declared("devices.read", "none"))
async def listed(
    pool: GivenPool,
    device: FromQuery[uuid.UUID | None] = None,
    closed: FromQuery[bool] = False,
    after: After = None,
    limit: Limit = 100,
) -> Page[Incident]:
    """What is wrong with the delivery of telemetry, newest first; with those that are over when `closed`."""
    with translated():
        found = await incidents(pool, device, closed, key(after, int), limit + 1)
    return cut(found, limit, lambda each: each.number)


ROUTES = (listed,)
