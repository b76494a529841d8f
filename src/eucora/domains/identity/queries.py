"""Questions about persons at devices: subject ids, never names, until `accounts.open_account`."""

import uuid
from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from eucora.sealing import pseudonym
from eucora.secrets import Secrets
from eucora.slice import Held, Pool, Transaction, told
from eucora.sql import load
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.state import digest_of_sessions

SQL = load(__file__)


class UserRow(Struct, frozen=True, kw_only=True):
    """A person mapped to a device. `account_sealed` opens with `accounts.open_account`."""

    user_id: uuid.UUID
    account_sealed: bytes | None
    key_no: int | None
    mapped_at: datetime
    erased_at: datetime | None


class SessionRow(Struct, frozen=True, kw_only=True):
    """One session; `user_id` is None while the subject is provisional and not resolved."""

    session_id: uuid.UUID
    subject: uuid.UUID
    user_id: uuid.UUID | None
    start: datetime
    end: datetime | None
    network: str | None
    vpn: bool | None
    geo: str | None


async def subject_of_account(db: Pool | Transaction, secrets: Secrets, account: str) -> uuid.UUID | None:
    """The subject id of an account (`name` or `DOMAIN\\name`, case-folded), None when nobody has it."""
    found: uuid.UUID | None = await db.fetchval(SQL.user_of_account, pseudonym(secrets.pseudonym, "account", account))
    return found


async def user_of_subject(db: Pool | Transaction, subject: uuid.UUID) -> uuid.UUID | None:
    """The person behind a subject id, provisional or not; None when it is not resolved."""
    found: uuid.UUID | None = await db.fetchval(SQL.user_of_subject, subject)
    return found


async def users_of_device(db: Pool | Transaction, device: uuid.UUID) -> list[UserRow]:
    """Who is mapped to a device."""
    return [UserRow(**row) for row in await db.fetch(SQL.users_of_device, device)]


async def sessions_of_device(db: Pool | Transaction, device: uuid.UUID, limit: int = 100) -> list[SessionRow]:
    """The newest sessions on a device."""
    return [SessionRow(**row) for row in await db.fetch(SQL.sessions_of_device, device, limit)]


async def erased(db: Pool | Transaction, subjects: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Which of these subjects belong to an erased person."""
    if not subjects:
        return set()
    return {row["subject"] for row in await db.fetch(SQL.erased, list(subjects))}


class Person(Struct, frozen=True):
    """Whose subject id it is; `user_id` is None while it is provisional and not resolved."""

    subject: uuid.UUID
    user_id: uuid.UUID | None
    erased: bool


async def people_of(db: Pool | Transaction, subjects: Collection[uuid.UUID]) -> list[Person]:
    """The persons of some subjects; those that nobody has heard of are left out."""
    if not subjects:
        return []
    return [Person(**row) for row in await db.fetch(SQL.people_of, list(subjects))]


async def held_sessions(tx: Transaction, device: uuid.UUID, secret: bytes) -> Held:
    """The session of which the newest item of a device tells, and before it the one that ended last.

    A device that speaks of the one alone, or of none any more, is believed: agents of before knew of what goes on, and
    what a device forgot it can't tell again.
    """
    rows = await tx.fetch(SQL.last_sessions, device)
    nothing = told(secret, digest_of_sessions())
    if not rows:
        return Held((0, 0), nothing)
    sessions = [
        Session(
            r["session_id"],
            r["user_id"],
            r["device_id"],
            r["start"],
            r["end"],
            Context(r["network"], r["vpn"], r["geo"]),
        )
        for r in rows
    ]
    newest, *before = sessions
    alone = told(secret, digest_of_sessions(newest))
    both = told(secret, digest_of_sessions(*before, newest))
    return Held((rows[0]["order_stream"], rows[0]["order_item"]), both, (alone, nothing))
