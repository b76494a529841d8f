"""For balancers and service managers, who come without a token: /healthz, whether this process lives; /readyz, whether it

can answer, and which part is in the way. They disclose names of parts and nothing else; who wants to know more signs in.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from litestar import Response, get
from msgspec import Struct

from eucora.operators.house import GivenHouse
from eucora.operators.statements import SQL
from eucora.problems import EucoraError
from eucora.stores.postgres import translated

PATIENCE_S = 2.0
OPEN: dict[str, Any] = {"console": "health"}


class Ready(Struct, frozen=True):
    """`not_ready`: parts that are in the way, each with why."""

    ready: bool
    not_ready: dict[str, str]


@get("/healthz", opt=OPEN, include_in_schema=False, media_type="text/plain")
async def healthz() -> str:
    """This process lives."""
    return "ok\n"


@get("/readyz", opt=OPEN, include_in_schema=False)
async def readyz(house: GivenHouse) -> Response[Ready]:
    """200 when what is asked can be answered, else 503. A digest that stands is in nobody's way here: pages say so."""
    said = await asyncio.gather(_in_the_way("postgresql", _database(house)), _in_the_way("s3", _objects(house)))
    found = {name: why for each in said for name, why in each.items()}
    ready = "postgresql" not in found
    return Response(Ready(ready, found), status_code=200 if ready else 503, headers={"cache-control": "no-store"})


async def _in_the_way(name: str, question: Awaitable[Any]) -> dict[str, str]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await question
    except TimeoutError:
        return {name: "does not answer in time"}
    except (EucoraError, OSError):
        return {name: "does not answer"}
    return {}


async def _database(house: GivenHouse) -> None:
    with translated():
        await house.pool.fetchval(SQL.alive)


async def _objects(house: GivenHouse) -> None:
    await house.objects.get("status/never-there")


ROUTES = (healthz, readyz)
