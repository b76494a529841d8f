"""What an operator must hold to see who a device belongs to: the permission, and a purpose that is written down first."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from litestar.params import QueryParameter

from eucora.domains.audit.write import by, record
from eucora.problems import Refused
from eucora.slice import Pool
from eucora.web.asker import Asker
from eucora_wire.fields import NAME

PERSONAL = "personal.read"
Personal: TypeAlias = Annotated[bool, QueryParameter(description="Show what identifies a person; needs a purpose")]
Purpose: TypeAlias = Annotated[
    str, QueryParameter(max_length=200, pattern=NAME, description="Why; it stands in the audit trail")
]


async def require(pool: Pool, now: datetime, asker: Asker, permission: str) -> None:
    """Nothing, or Refused (not-allowed) with the refusal recorded."""
    if asker.may(permission):
        return
    detail = {"token": str(asker.token), "permission": permission}
    async with pool.acquire() as tx, tx.transaction():
        await record(tx, now, [by(asker, "access.refused", "refusal", outcome="refused", detail=detail)])
    raise Refused("not-allowed", f"the scope {permission} is needed")


async def reveal(
    pool: Pool,
    now: datetime,
    asker: Asker,
    act: str,
    purpose: str,
    devices: Sequence[uuid.UUID],
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record that personal data of these devices is about to be shown. Raises Refused without permission or purpose."""
    await require(pool, now, asker, PERSONAL)
    if not purpose.strip():
        raise Refused("bad-request", "personal data is shown for a purpose only: add purpose=…")
    told = by(asker, act, "personal", devices=tuple(devices), purpose=purpose.strip(), detail=detail or {})
    async with pool.acquire() as tx, tx.transaction():
        await record(tx, now, [told])
