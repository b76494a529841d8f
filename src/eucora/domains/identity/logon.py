"""Log-on: an account becomes a subject id, a provisional id is resolved, the person is mapped to the device.

1 the person is found or made · 2 their own id and the provisional one are theirs · 3 the device takes a slot or is refused,
and that is recorded · 4 the account is sealed under the person's key, whatever was refused.
"""

import uuid
from datetime import datetime

from eucora.domains.audit import record
from eucora.domains.identity.accounts import full_name, seal_account
from eucora.domains.identity.mapping import map_devices, refusal
from eucora.domains.identity.queries import SQL
from eucora.journal.keys import Keyring
from eucora.problems import TryLater
from eucora.sealing import pseudonym
from eucora.secrets import Secrets
from eucora.slice import Pool, Transaction
from eucora.stores.postgres import translated
from eucora_wire.answer import Account, LogonAnswer

REFUSED = "too-many-devices"


async def log_on(
    pool: Pool,
    keyring: Keyring,
    secrets: Secrets,
    account: Account,
    device: uuid.UUID,
    provisional: uuid.UUID | None,
    now: datetime,
) -> LogonAnswer:
    """The subject id to use from now on. Raises TryLater when the database is away."""
    looked_up = pseudonym(secrets.pseudonym, "account", full_name(account))
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            user_id, sealed = await _person(tx, looked_up, now)
            if provisional is not None and provisional != user_id:
                await tx.execute(SQL.resolve_subject, provisional, user_id, device, now)
            refused = await map_devices(tx, now, [(user_id, device)])
            devices = int(await tx.fetchval(SQL.count_devices, user_id))
            await record(tx, now, [refusal(*pair) for pair in refused])
    if not sealed:
        await _seal(pool, keyring, user_id, account)
    return LogonAnswer(user_id, devices, mapped=not refused, problem=REFUSED if refused else None)


async def _person(tx: Transaction, looked_up: bytes, now: datetime) -> tuple[uuid.UUID, bool]:
    """The person's id, and whether their account is sealed already. Many may log on for the first time at once."""
    row = await tx.fetchrow(SQL.known_user, looked_up)
    if row is None:
        await tx.execute(SQL.add_user, uuid.uuid4(), looked_up, now)
        row = await tx.fetchrow(SQL.known_user, looked_up)
        if row is None:  # erased in this very instant
            raise TryLater("journal-unavailable", "the person is being erased")
        await tx.execute(SQL.add_subject, row["user_id"], now)
    return row["user_id"], row["account_sealed"] is not None


async def _seal(pool: Pool, keyring: Keyring, user_id: uuid.UUID, account: Account) -> None:
    # After the commit, so that a lost race leaves no key behind; a crash before it is made good at the next log-on.
    with translated():
        key = (await keyring.ensure([("subject", user_id)]))["subject", user_id]
        await pool.execute(SQL.seal_account, user_id, seal_account(key, user_id, account), key.key_no)
