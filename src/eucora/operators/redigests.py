"""A range digested again after a fix: asked for with a purpose, and watched."""

from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.domains.audit import by, record
from eucora.pipeline.followers import states
from eucora.pipeline.redigest import Redigest, one, redigests
from eucora.pipeline.redigest import ask as asked
from eucora.problems import Refused
from eucora.stores.postgres import translated
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.moments import MOMENT, moment
from eucora.web.paging import After, Limit, Page, cut, key
from eucora_wire.fields import NAME

Moment = Annotated[str, Meta(max_length=40, pattern=MOMENT)]


class RedigestRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What was digested since then, until then (else: until now). `purpose` stands in the audit trail."""

    since: Moment
    purpose: Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
    until: Moment | None = None


class RedigestAsked(Struct, frozen=True):
    """How it stands, and which servers were told the older values: the archive mends itself, they do not."""

    redigest: Redigest
    followers: tuple[str, ...]


@post("/redigests", status_code=202, opt=declared("archive.redigest", "lifecycle"))
async def ask(data: JSONBody[RedigestRequest], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> RedigestAsked:
    """Read the journal anew and put what it gives now in place of what lies in the archive, some windows at a time."""
    since, until = moment(data.since, now), now if data.until is None else moment(data.until, now)
    if since >= until:
        raise Refused("bad-request", "since must lie before until")
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            found = await asked(tx, since, until, now)
            detail = {"redigest": found.redigest, "since": since.isoformat(), "until": until.isoformat()}
            act = by(asker, "archive.redigest_asked", "lifecycle", purpose=data.purpose, detail=detail)
            await record(tx, now, [act])
    told = [each.follower for each in await states(pool, now) if each.told]
    return RedigestAsked(found, tuple(told))


@get("/redigests", opt=declared("status.read", "none"))
async def listed(pool: GivenPool, after: After = None, limit: Limit = 100) -> Page[Redigest]:
    """What was asked to be digested again, newest first."""
    return cut(await redigests(pool, key(after, int), limit + 1), limit, lambda each: each.redigest)


@get("/redigests/{number:int}", opt=declared("status.read", "none"))
async def shown(number: FromPath[int], pool: GivenPool) -> Redigest:
    """How one stands."""
    found = await one(pool, number) if 0 < number < 2**63 else None
    if found is None:
        raise Refused("unknown", "there is no such redigest")
    return found


ROUTES = (ask, listed, shown)
