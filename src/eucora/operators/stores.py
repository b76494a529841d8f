"""The servers that follow the archive: how far each was told, how fast, what it refused; paused, resumed, told again."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

from litestar import get, post
from litestar.params import JSONBody, PathParameter
from msgspec import Meta, Struct
from msgspec.structs import replace

from eucora.domains.audit import by, record
from eucora.operators.house import GivenHouse, Operators
from eucora.pipeline import followers
from eucora.pipeline.followers import State, states
from eucora.problems import Refused
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.moments import MOMENT, moment
from eucora_wire.fields import NAME

Name = Annotated[str, PathParameter(pattern="^[a-z][a-z-]{0,40}$", description="A follower, as /stores names it")]
Why = Annotated[str, Meta(max_length=200, pattern=NAME)]


class Steer(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; it stands in the audit trail."""

    purpose: Why = ""


class TellAgain(Struct, frozen=True, forbid_unknown_fields=True):
    """From when on: how long ago, or a time; `purpose` stands in the audit trail."""

    since: Annotated[str, Meta(max_length=40, pattern=MOMENT)]
    purpose: Why = ""


@get("/stores", opt=declared("status.read", "none"))
async def stores(house: GivenHouse, now: GivenNow) -> list[State]:
    """Every follower, by name: lag, rate, retries, last error, next try, and what it never takes."""
    return await followed(house, now)


async def followed(house: Operators, now: datetime) -> list[State]:
    """Each that was ever told, and whether a setting still names it."""
    named = {follower.name for follower in house.followers}
    return [replace(each, named=each.follower in named) for each in await states(house.pool, now)]


@post("/stores/{name:str}/pause", status_code=200, opt=declared("stores.write", "administration"))
async def pause(name: Name, data: JSONBody[Steer], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> State:
    """Tell it nothing until it is resumed. Nothing is lost: its cursor waits, and erasures with it."""
    return await _steered(
        pool, asker, now, name, "store.paused", data.purpose, lambda tx: followers.pause(tx, name, now)
    )


@post("/stores/{name:str}/resume", status_code=200, opt=declared("stores.write", "administration"))
async def resume(name: Name, data: JSONBody[Steer], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> State:
    """Go on telling it, from where it was."""
    return await _steered(pool, asker, now, name, "store.resumed", data.purpose, lambda tx: followers.resume(tx, name))


@post("/stores/{name:str}/again", status_code=202, opt=declared("stores.write", "administration"))
async def again(name: Name, data: JSONBody[TellAgain], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> State:
    """Tell it once more what was received since then, beside what is new: after it lost its disk, or was set anew."""
    since = moment(data.since, now)
    act = lambda tx: followers.again(tx, name, since)  # noqa: E731 - as above
    return await _steered(pool, asker, now, name, "store.told_again", data.purpose, act, since=since.isoformat())


async def _steered(
    pool: Pool,
    asker: Asker,
    now: Any,
    name: str,
    act: str,
    purpose: str,
    done: Callable[[Transaction], Awaitable[Any]],
    **detail: str,
) -> State:
    """What was done and its event, both or neither; and how the follower stands then."""
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            found = await done(tx)
            if found is None or found is False:
                raise Refused("unknown", "no such server follows the archive; /stores names those that do")
            await record(tx, now, [by(asker, act, "administration", purpose=purpose, detail={"store": name, **detail})])
    return next(each for each in await states(pool, now) if each.follower == name)


ROUTES = (stores, pause, resume, again)
