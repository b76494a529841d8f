"""Tokens of operators and of enrolment: made, listed without their secrets, revoked. Every one of these acts is recorded."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.domains.audit import by, record
from eucora.domains.audit.asked import require
from eucora.domains.devices.site import Site
from eucora.operators import credentials
from eucora.operators.credentials import Made
from eucora.operators.statements import SQL
from eucora.problems import Refused
from eucora.slice import Transaction
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora.web.paging import After, Limit, Page, cut, key
from eucora.web.scopes import READING, checked
from eucora_wire.fields import NAME

Label = Annotated[str, Meta(max_length=120, pattern=NAME)]
NIL = uuid.UUID(int=0)


class OperatorToken(Struct, frozen=True):
    """A token without its secret."""

    token_id: uuid.UUID
    operator: str
    label: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom it is for (absent: the asker), what it may (absent: read), how long it lives."""

    operator: Label | None = None
    scopes: Annotated[tuple[str, ...], Meta(max_length=50)] = READING
    hours: Annotated[float, Meta(gt=0, le=24 * 366)] = 24 * 30
    label: Label = ""


class EnrolmentToken(Struct, frozen=True):
    """An enrolment token without its secret."""

    token_id: uuid.UUID
    made_by: str
    label: str
    site: str | None
    simulated: bool
    uses_left: int
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class NewEnrolmentToken(Struct, frozen=True, forbid_unknown_fields=True):
    """How many devices it enrols, for how long, where they belong, and whether there are such devices."""

    uses: Annotated[int, Meta(ge=1, le=100_000)] = 1
    hours: Annotated[float, Meta(gt=0, le=24 * 31)] = 24
    label: Label = ""
    site: Site | None = None
    simulated: bool = False


@get("/tokens", opt=declared("tokens.read", "none"))
async def tokens(pool: GivenPool, after: After = None, limit: Limit = 100) -> Page[OperatorToken]:
    """Operators' tokens, oldest first."""
    rows = await pool.fetch(SQL.tokens_after, key(after, uuid.UUID) or NIL, limit + 1)
    return cut([OperatorToken(**row) for row in rows], limit, lambda t: t.token_id)


@post("/tokens", opt=declared("tokens.write", "administration"))
async def new_token(data: JSONBody[NewToken], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> Made:
    """A token for a named operator. Nobody can give a permission that they do not hold."""
    scopes = checked(data.scopes)
    for scope in scopes:
        await require(pool, now, asker, scope)
    async with pool.acquire() as tx, tx.transaction():
        operator = asker.operator if data.operator is None else await _operator(tx, data.operator)
        made = await credentials.for_operator(tx, now, operator, scopes, data.hours, data.label)
        detail = {"operator": str(operator), "token": str(made.token_id), "scopes": list(scopes)}
        await record(tx, now, [by(asker, "operator-token.created", "administration", detail=detail)])
    return made


async def _operator(tx: Transaction, name: str) -> uuid.UUID:
    row = await tx.fetchrow(SQL.operator_named, name)
    if row is None or row["disabled_at"] is not None:
        raise Refused("unknown", "no operator of that name is active; make one by POST /api/v1/operators")
    found: uuid.UUID = row["operator_id"]
    return found


@delete("/tokens/{token_id:uuid}", opt=declared("tokens.write", "administration"))
async def revoke_token(token_id: FromPath[uuid.UUID], pool: GivenPool, asker: GivenAsker, now: GivenNow) -> None:
    """Revoke an operator's token, at once."""
    await _revoke(pool, SQL.revoke_token, token_id, asker, now, "operator-token.revoked")


@get("/enrolment-tokens", opt=declared("tokens.read", "none"))
async def enrolment_tokens(pool: GivenPool, after: After = None, limit: Limit = 100) -> Page[EnrolmentToken]:
    """Enrolment tokens, oldest first."""
    rows = await pool.fetch(SQL.enrolment_tokens_after, key(after, uuid.UUID) or NIL, limit + 1)
    return cut([EnrolmentToken(**row) for row in rows], limit, lambda t: t.token_id)


@post("/enrolment-tokens", opt=declared("tokens.write", "administration"))
async def new_enrolment_token(
    data: JSONBody[NewEnrolmentToken], pool: GivenPool, asker: GivenAsker, now: GivenNow
) -> Made:
    """A token that enrols devices: `eucora-agent enrol` asks for it."""
    async with pool.acquire() as tx, tx.transaction():
        given = (data.uses, data.hours, data.label, data.site, data.simulated)
        made = await credentials.for_enrolment(tx, now, str(asker.operator), *given)
        detail = {"token": str(made.token_id), "uses": data.uses, "expires": made.expires_at.isoformat()}
        detail |= {"site": data.site} if data.site else {}
        detail |= {"simulated": True} if data.simulated else {}
        await record(tx, now, [by(asker, "enrolment-token.created", "administration", detail=detail)])
    return made


@delete("/enrolment-tokens/{token_id:uuid}", opt=declared("tokens.write", "administration"))
async def revoke_enrolment_token(
    token_id: FromPath[uuid.UUID], pool: GivenPool, asker: GivenAsker, now: GivenNow
) -> None:
    """Revoke an enrolment token, at once; devices that it enrolled stay."""
    await _revoke(pool, SQL.revoke_enrolment_token, token_id, asker, now, "enrolment-token.revoked")


async def _revoke(pool: Any, statement: str, token_id: uuid.UUID, asker: Asker, now: datetime, act: str) -> None:
    async with pool.acquire() as tx, tx.transaction():
        if await tx.fetchval(statement, token_id, now) is None:
            raise Refused("unknown", "there is no such token, or it is revoked already")
        await record(tx, now, [by(asker, act, "administration", detail={"token": str(token_id)})])


ROUTES = (
    tokens,
    new_token,
    revoke_token,
    enrolment_tokens,
    new_enrolment_token,
    revoke_enrolment_token,
)
