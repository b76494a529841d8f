"""Tokens of operators and of enrolment: random, shown once, kept as their SHA-256 digest, expiring, revocable.

A plain digest is enough: 256 random bits can't be guessed, so nothing is gained by a slow one.
"""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from eucora.clock import to_ms
from eucora.ids import uuid7
from eucora.operators.statements import SQL
from eucora.slice import Transaction

OPERATOR, ENROLMENT = "euc_", "eue_"
"""What a token begins with, so that a leaked one is recognised."""


class Made(Struct, frozen=True):
    """A new token. `token` is the secret; nobody can read it again."""

    token_id: uuid.UUID
    token: str
    expires_at: datetime


def new_token(prefix: str) -> str:
    """32 random bytes in base64url."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What the database keeps."""
    return hashlib.sha256(token.encode()).digest()


async def for_operator(
    tx: Transaction, now: datetime, operator: uuid.UUID, scopes: Sequence[str], hours: float, label: str
) -> Made:
    """A token for an operator; the caller records it."""
    made = Made(uuid7(to_ms(now)), new_token(OPERATOR), now + timedelta(hours=hours))
    await tx.execute(
        SQL.add_token, made.token_id, operator, digest(made.token), list(scopes), label, now, made.expires_at
    )
    return made


async def for_enrolment(
    tx: Transaction,
    now: datetime,
    made_by: str,
    uses: int,
    hours: float,
    label: str,
    site: str | None = None,
    simulated: bool = False,
) -> Made:
    """A token that enrols up to `uses` devices, which belong to `site`, or are `simulated`; the caller records it."""
    made = Made(uuid7(to_ms(now)), new_token(ENROLMENT), now + timedelta(hours=hours))
    await tx.execute(
        SQL.add_enrolment_token,
        made.token_id,
        made_by,
        digest(made.token),
        uses,
        label,
        now,
        made.expires_at,
        site,
        simulated,
    )
    return made
