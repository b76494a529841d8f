"""The first operator: made once, at first start, with every permission; the token lies beside the data, mode 0600."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from eucora import clock, secrets
from eucora.clock import to_ms
from eucora.domains.audit import Act, record
from eucora.ids import uuid7
from eucora.operators import credentials
from eucora.operators.statements import SQL
from eucora.slice import Pool, Transaction
from eucora.web.scopes import SCOPES

NAME = "admin"
FILE = "operator.json"
HOURS = 24.0 * 365


async def first_operator(pool: Pool, data_dir: Path, addresses: Mapping[str, str], ca_path: Path) -> None:
    """Make sure that `<data>/operator.json` holds a token of the first operator, and the addresses as they are now.

    `addresses` holds url, device_url and enrolment_url. A token is made, and recorded, when the file
    has none that is still good.
    """
    path = data_dir / FILE
    known = msgspec.json.decode(path.read_bytes()) if path.exists() else {}
    now = clock.now()
    token = known.get("token")
    if token is None or not await _good(pool, token, now):
        token = await _token(pool, now)
    content = {**addresses, "token": token, "ca": str(ca_path)}
    if content != known:
        secrets.write(path, msgspec.json.format(msgspec.json.encode(content)))


async def _good(pool: Pool, token: str, now: datetime) -> bool:
    row = await pool.fetchrow(SQL.token_by_digest, credentials.digest(token))
    if row is None or row["revoked_at"] is not None or row["expires_at"] <= now:
        return False
    return set(row["scopes"]) >= SCOPES.keys()  # a release that asks for one more brings a token that holds it


async def _token(pool: Pool, now: datetime) -> str:
    async with pool.acquire() as connection, connection.transaction():
        operator = await _operator(connection, now)
        made = await credentials.for_operator(connection, now, operator, tuple(SCOPES), HOURS, "first operator")
        detail = {"operator": str(operator), "token": str(made.token_id), "scopes": list(SCOPES)}
        act = Act(
            act="operator-token.created",
            audit_class="administration",
            actor_kind="platform",
            actor="eucora up",
            detail=detail,
        )
        await record(connection, now, [act])
    return made.token


async def _operator(tx: Transaction, now: datetime) -> uuid.UUID:
    made: uuid.UUID | None = await tx.fetchval(SQL.add_operator, uuid7(to_ms(now)), NAME, now)
    if made is None:
        return uuid.UUID(str((await tx.fetchrow(SQL.operator_named, NAME))["operator_id"]))  # type: ignore[index]
    return made
