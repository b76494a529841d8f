"""A founded journal on a database of its own, and what stands around it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.conformance.journal.device import INSTALLATION, Device

from eucora.journal import signers
from eucora.journal.founding import found
from eucora.journal.keys import Keyring
from eucora.journal.port import Journal
from eucora.journal.postgres import PostgresJournal
from eucora.slice import Pool
from eucora.stores.ports import Objects
from eucora.stores.postgres import open_pool

SHARDS = 3
WRAPPING = bytes(range(32))
PUBLIC_KEY = (
    Ed25519PrivateKey.from_private_bytes(bytes(32))
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
)
OLDER_PARTITIONS = """
SELECT keep_partitions(day::date)
  FROM generate_series((SELECT min(received) FROM journal_entries) - interval '{days} days', now(), '1 day') AS day
"""


@dataclass
class Place:
    """`keys` is the role that alone sees wrapped keys; another journal is another process's: nothing shared in memory.

    `pass_days` makes what was received older; a journal that has read before remembers when that was: open another.
    """

    journal: Journal
    keyring: Keyring
    app: Pool
    keys: Pool
    open_another: Callable[[], Awaitable[Journal]]
    pass_days: Callable[[int], Awaitable[None]]

    async def enrol(self, *devices: Device) -> None:
        for device in devices:
            await signers.register(self.app, device.keyid, device.id, "ed25519", PUBLIC_KEY)

    async def device(self) -> Device:
        """A new enrolled device."""
        device = Device()
        await self.enrol(device)
        return device


async def pass_days(database, days: int) -> None:
    """What was received becomes older."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(OLDER_PARTITIONS.format(days=days))
    for table in ("journal_entries", "journal_digests", "journal_shards"):
        await owner.execute(f"UPDATE {table} SET received = received - interval '{days} days'")
    await owner.close()


@asynccontextmanager
async def on_postgres(database, objects: Objects | None = None) -> AsyncIterator[Place]:
    """The PostgreSQL adapter; days that are over go to `objects`."""
    pools: list[Pool] = []

    async def another() -> PostgresJournal:
        app, keys = await open_pool(database.app_url, name="tests"), await open_pool(database.keys_url, name="tests")
        pools.extend((app, keys))
        return PostgresJournal(app, Keyring(app, keys, WRAPPING), epoch=1, shards=SHARDS, objects=objects)

    app, keys = (
        await open_pool(database.app_url, name="tests"),
        await open_pool(database.keys_url, name="tests", most=2),
    )
    pools.extend((app, keys))
    await found(app, INSTALLATION, SHARDS)
    keyring = Keyring(app, keys, WRAPPING)
    try:
        journal = PostgresJournal(app, keyring, epoch=1, shards=SHARDS, objects=objects)
        yield Place(journal, keyring, app, keys, another, lambda days: pass_days(database, days))
    finally:
        for pool in pools:
            await pool.close()
