"""Erasing a person: their keys are destroyed, their account and the way to find them are gone; proofs still hold.

Bodies in journal and dead letters are unreadable from then on; what they wrote is hidden in the archive at once, and goes
from its files and from the servers that follow it (`archive/masks.py`).
"""

import os
import uuid
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from eucora.archive import masks
from eucora.domains.audit import Act, record
from eucora.domains.identity.queries import SQL, user_of_subject
from eucora.journal.keys import Keyring
from eucora.problems import Refused
from eucora.slice import Pool
from eucora.stores.postgres import translated


class Forgotten(Struct, frozen=True):
    """What was erased: the person, the ids that they travelled by, how many keys were destroyed now."""

    user_id: uuid.UUID
    subjects: tuple[uuid.UUID, ...]
    keys: int


async def forget_user(pool: Pool, keyring: Keyring, subject: uuid.UUID, act: Act, now: datetime) -> Forgotten:
    """Erase the person behind a subject id, provisional or not; again changes nothing. `act` is recorded with them.

    Raises Refused (unknown) for an id that nobody has, TryLater when the database is away.
    """
    with translated():
        user_id = await user_of_subject(pool, subject)
        if user_id is None:
            raise Refused("unknown", "no person has this subject id")
        async with pool.acquire() as tx, tx.transaction():
            erased_at = await tx.fetchval(SQL.lock_user, user_id)
            subjects = tuple(sorted(r["subject"] for r in await tx.fetch(SQL.subjects_of_user, user_id)))
            if erased_at is None:
                # A random pseudonym: who logs on again under that account is somebody new.
                await tx.execute(SQL.erase_user, user_id, os.urandom(32), now)
                await tx.execute(SQL.unmap_user, user_id)
            await masks.hide_persons(tx, sorted({user_id, *subjects}), now)
            if erased_at is None:
                await record(tx, now, [replace(act, subject=user_id)])
        # After the commit, again at every call: whatever fails here is made good by asking once more.
        keys = await keyring.destroy("subject", sorted({user_id, *subjects}))
    return Forgotten(user_id, subjects, keys)
