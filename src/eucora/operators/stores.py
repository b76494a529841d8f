"""The servers that follow the archive: how far each was told, how fast, what it refused."""

from litestar import get

from eucora.pipeline.followers import State, states
from eucora.web.declare import declared
from eucora.web.given import GivenNow, GivenPool


@get("/stores", opt=declared("status.read", "none"))
async def stores(pool: GivenPool, now: GivenNow) -> list[State]:
    """Every follower, by name: lag, rate, retries, last error, and what it never takes."""
    return await states(pool, now)


ROUTES = (stores,)
