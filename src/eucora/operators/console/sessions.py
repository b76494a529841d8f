"""Sessions of browsers. A session may what the operator's token may by which it began, and ends with it.

It ends an hour after it was last used, twelve hours after it began, or when one signs out. The cookie is 256 random bits,
of which the database keeps the digest; the mark against forged forms is made of it, so that nothing more is kept.
"""

import hashlib
import hmac
import secrets
import uuid
from datetime import datetime, timedelta

from msgspec import Struct

from eucora.clock import to_ms
from eucora.domains.audit import Act, record
from eucora.ids import uuid7
from eucora.problems import Misconfigured
from eucora.slice import Pool, Transaction
from eucora.sql import load
from eucora.web.asker import Asker, asker_of

SQL = load(__file__, "sessions.sql")
LINK_LIVES = timedelta(minutes=10)
LIVES, IDLE = timedelta(hours=12), timedelta(hours=1)
LONGEST_UNMASKED = timedelta(minutes=60)


class Session(Struct, frozen=True, kw_only=True):
    """Who looks, and until when and why names are shown to them."""

    session_id: uuid.UUID
    asker: Asker
    csrf: str
    unmasked_until: datetime | None = None
    unmasked_for: str = ""

    def unmasked(self, now: datetime) -> bool:
        return self.unmasked_until is not None and now < self.unmasked_until


def digest(secret: str) -> bytes:
    """What the database keeps of a link or a cookie."""
    return hashlib.sha256(secret.encode()).digest()


def csrf_of(secret: str) -> str:
    """What a form must carry: only a page of this session knows it."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


async def link(tx: Transaction, token: uuid.UUID, now: datetime) -> str:
    """The secret of a link that signs in once, soon."""
    made = secrets.token_urlsafe(32)
    await tx.execute(SQL.add_link, digest(made), token, now, now + LINK_LIVES)
    return made


async def link_for(tx: Transaction, operator: str, now: datetime) -> str:
    """The same for a named operator, made by the platform itself, and recorded. Raises Misconfigured without a token."""
    token = await tx.fetchval(SQL.token_of_operator, operator, now)
    if token is None:
        raise Misconfigured(f"{operator} holds no token that is good: restart eucora up, which makes one")
    detail = {"token": str(token)}
    act = Act(act="console-link.created", audit_class="access", actor_kind="platform", actor="eucora up", detail=detail)
    await record(tx, now, [act])
    return await link(tx, token, now)


async def begin(tx: Transaction, token: uuid.UUID, now: datetime) -> str:
    """The secret of a new session, for a cookie."""
    made = secrets.token_urlsafe(32)
    await tx.execute(SQL.begin, uuid7(to_ms(now)), digest(made), token, now, now + LIVES)
    return made


async def find(pool: Pool, secret: str, origin: str, now: datetime) -> Session | None:
    """The session of a cookie, while it lives."""
    row = await pool.fetchrow(SQL.find, digest(secret), now, now - IDLE)
    if row is None:
        return None
    if row["seen_at"] < now - timedelta(minutes=1):
        await pool.execute(SQL.seen, row["session_id"], now)
    asker = asker_of(row, origin)
    return Session(
        session_id=row["session_id"],
        asker=asker,
        csrf=csrf_of(secret),
        unmasked_until=row["unmasked_until"],
        unmasked_for=row["unmasked_for"] or "",
    )
