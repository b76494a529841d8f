"""Named operators: every token belongs to one, and a disabled one's tokens are refused."""

import uuid
from datetime import datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.clock import to_ms
from eucora.domains.audit import by, record
from eucora.ids import uuid7
from eucora.operators.statements import SQL
from eucora.problems import Refused
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.paging import After, Limit, Page, cut, key
from eucora_wire.fields import NAME


class Operator(Struct, frozen=True):
    """Who may hold tokens."""

    operator_id: uuid.UUID
    name: str
    created_at: datetime
    disabled_at: datetime | None


class NewOperator(Struct, frozen=True, forbid_unknown_fields=True):
    """A name that no other operator has."""

    name: Annotated[str, Meta(min_length=1, max_length=120, pattern=NAME)]


@get("/operators", opt=declared("operators.read", "none"))
async def operators(pool: GivenPool, after: After = None, limit: Limit = 100) -> Page[Operator]:
    """Operators by name."""
    rows = await pool.fetch(SQL.operators_after, key(after, str) or "", limit + 1)
    return cut([Operator(**row) for row in rows], limit, lambda o: o.name)


@post("/operators", opt=declared("operators.write", "administration"))
async def new_operator(data: JSONBody[NewOperator], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> Operator:
    """Name an operator. A token is made for them by POST /api/v1/tokens."""
    async with pool.acquire() as tx, tx.transaction():
        made = await tx.fetchval(SQL.add_operator, uuid7(to_ms(now)), data.name, now)
        if made is None:
            raise Refused("bad-request", "an operator of that name is there already")
        await record(tx, now, [by(asker, "operator.created", "administration", detail={"operator": str(made)})])
    return Operator(made, data.name, now, None)


@delete("/operators/{operator_id:uuid}", opt=declared("operators.write", "administration"))
async def disable_operator(operator_id: FromPath[uuid.UUID], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> None:
    """Disable an operator, and with them all their tokens; their acts stay in the trail. Nobody disables themselves."""
    if operator_id == asker.operator:
        raise Refused("bad-request", "another operator must do that")
    async with pool.acquire() as tx, tx.transaction():
        if await tx.fetchval(SQL.disable_operator, operator_id, now) is None:
            raise Refused("unknown", "there is no such operator, or they are disabled already")
        await record(tx, now, [by(asker, "operator.disabled", "administration", detail={"operator": str(operator_id)})])


ROUTES = (operators, new_operator, disable_operator)
