"""How long each class of data is kept: as set, and really."""

from litestar import get

from eucora.governance.kept import Kept
from eucora.operators.house import GivenHouse
from eucora.web.declare import declared
from eucora.web.given import GivenNow


@get("/retention", opt=declared("status.read", "none"))
async def retention(house: GivenHouse, now: GivenNow) -> list[Kept]:
    """Every class in every store: what is set, and what is in force, read back from the live server."""
    return list(await house.kept(now))


ROUTES = (retention,)
