"""Who asks, and may they: the one door of the operator plane. Every route passes it; what declares nothing is refused.

1 a credential came · 2 it is a token of ours · 3 neither expired nor revoked, its operator not disabled · 4 it holds
the permission that the route declares. Each refusal is an audit event, and the first use of a token from an address
in an hour is one.
"""

import asyncio
import uuid
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from eucora import clock
from eucora.domains.audit import Act, by, record
from eucora.operators import credentials
from eucora.operators.statements import SQL
from eucora.problems import Refused, TryLater
from eucora.slice import Pool
from eucora.web.asker import Asker, asker_of

REFUSALS_A_MINUTE = 60
"""From one address; more are answered 429 and recorded as one, so that a guesser can't flood the trail."""

Reason = Literal["no-token", "unknown", "expired", "revoked", "operator-disabled"]


class SignIn:
    """The door of one process: what it remembers is bounded by an hour of sign-ins and a minute of refusals."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._hour: datetime | None = None
        self._seen: set[tuple[uuid.UUID, str]] = set()
        self._signing_in = asyncio.Lock()
        self._minute: datetime | None = None
        self._refused: Counter[str] = Counter()

    async def admit(self, authorization: str | None, origin: str, permission: str | None) -> Asker:
        """The asker. Raises Refused (not-signed-in, not-allowed), or TryLater (too-fast) after too many refusals."""
        now = clock.now()
        token = _token(authorization)
        row = None if token is None else await self._pool.fetchrow(SQL.token_by_digest, credentials.digest(token))
        reason = _reason(token, row, now)
        if reason is not None or row is None:
            await self._refuse(origin, now, _turned_away(row, origin, reason or "unknown"))
            raise Refused("not-signed-in", "" if reason in ("no-token", "unknown") else f"the token is {reason}")
        asker = asker_of(row, origin)
        if permission is None or not asker.may(permission):
            await self._refuse(origin, now, by(asker, "access.refused", "refusal", **_lacks(asker, permission)))
            raise Refused("not-allowed", f"the scope {permission} is needed" if permission else "")
        await self._remember(asker, now)
        return asker

    async def _remember(self, asker: Asker, now: datetime) -> None:
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._seen = hour, set()
        if (asker.token, asker.origin) in self._seen:
            return
        # Requests that come at once wait for the event of the first: it is one, and it is there before any answer.
        async with self._signing_in:
            if (asker.token, asker.origin) not in self._seen:
                await self._tell(now, by(asker, "sign-in", "access", detail={"token": str(asker.token)}))
                self._seen.add((asker.token, asker.origin))

    async def _refuse(self, origin: str, now: datetime, act: Act) -> None:
        """Record the refusal. Raises TryLater when there were too many; a good token is never kept waiting by them."""
        minute = now.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute, self._refused = minute, Counter()
        self._refused[origin] += 1
        if self._refused[origin] > REFUSALS_A_MINUTE:
            raise TryLater("too-fast", retry_after_s=60 - now.second)
        last = self._refused[origin] == REFUSALS_A_MINUTE
        await self._tell(now, act, *([_anonymous(origin, {"reason": "too-fast"})] if last else []))

    async def _tell(self, now: datetime, *acts: Act) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            await record(connection, now, acts)


def _token(authorization: str | None) -> str | None:
    """The token of `Bearer …`, or the password of `Basic …`, which is what a browser can send."""
    kind, _, value = (authorization or "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip() or None
    if kind.lower() == "basic":
        try:
            return b64decode(value, validate=True).decode().partition(":")[2] or None
        except (NotBase64, UnicodeDecodeError):
            return None
    return None


def _reason(token: str | None, row: Mapping[str, Any] | None, now: datetime) -> Reason | None:
    """Why the token does not hold; None when it does."""
    if token is None:
        return "no-token"
    if row is None:
        return "unknown"
    if row["revoked_at"] is not None:
        return "revoked"
    if row["disabled_at"] is not None:
        return "operator-disabled"
    return "expired" if row["expires_at"] <= now else None


def _turned_away(row: Mapping[str, Any] | None, origin: str, reason: str) -> Act:
    if row is None:
        return _anonymous(origin, {"reason": reason})
    return Act(
        act="sign-in.refused",
        audit_class="refusal",
        actor_kind="operator",
        actor=str(row["operator_id"]),
        origin=origin,
        outcome="refused",
        detail={"reason": reason, "token": str(row["token_id"])},
    )


def _anonymous(origin: str, detail: dict[str, Any]) -> Act:
    return Act(
        act="sign-in.refused",
        audit_class="refusal",
        actor_kind="anonymous",
        actor="",
        origin=origin,
        outcome="refused",
        detail=detail,
    )


def _lacks(asker: Asker, permission: str | None) -> dict[str, Any]:
    return {"outcome": "refused", "detail": {"token": str(asker.token), "permission": permission or ""}}
