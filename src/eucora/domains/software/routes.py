"""What is installed."""

import uuid

from litestar import get
from litestar.params import FromPath

from eucora.domains.software.queries import Installed, Key, installed_on
from eucora.web.declare import declared
from eucora.web.given import GivenPool
from eucora.web.paging import After, Limit, Page, cut, key


@get("/devices/{device_id:uuid}/software", opt=declared("software.read", "none"))
async def on_device(
    device_id: FromPath[uuid.UUID], pool: GivenPool, after: After = None, limit: Limit = 200
) -> Page[Installed]:
    """Packages on one device now, by source and name."""
    return cut(await installed_on(pool, device_id, key(after, Key), limit + 1), limit, lambda row: row.key)


ROUTES = (on_device,)
