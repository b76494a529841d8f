"""A founded journal on a database of its own, and what stands around it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.conformance.journal.device import INSTALLATION, Device

from eucora.journal import signers
from eucora.journal.founding import found
from eucora.journal.keys import Keyring
from eucora.journal.port import Journal
from eucora.journal.postgres import PostgresJournal
from eucora.slice import Pool
from eucora.stores.postgres import open_pool

SHARDS = 3
WRAPPING = bytes(range(32))
PUBLIC_KEY = (
    Ed25519PrivateKey.from_private_bytes(bytes(32))
    .public_key()
    .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
)


@dataclass
class Place:
    """`keys` is the role that alone sees wrapped keys; another journal is another process's: nothing shared in memory."""

    journal: Journal
    keyring: Keyring
    app: Pool
    keys: Pool
    open_another: Callable[[], Awaitable[Journal]]

    async def enrol(self, *devices: Device) -> None:
        for device in devices:
            await signers.register(self.app, device.keyid, device.id, "ed25519", PUBLIC_KEY)

    async def device(self) -> Device:
        """A new enrolled device."""
        device = Device()
        await self.enrol(device)
        return device


@asynccontextmanager
async def on_postgres(database) -> AsyncIterator[Place]:
    """The PostgreSQL adapter."""
    pools: list[Pool] = []

    async def another() -> PostgresJournal:
        app, keys = await open_pool(database.app_url, name="tests"), await open_pool(database.keys_url, name="tests")
        pools.extend((app, keys))
        return PostgresJournal(app, Keyring(app, keys, WRAPPING), epoch=1, shards=SHARDS)

    app, keys = (
        await open_pool(database.app_url, name="tests"),
        await open_pool(database.keys_url, name="tests", most=2),
    )
    pools.extend((app, keys))
    await found(app, INSTALLATION, SHARDS)
    keyring = Keyring(app, keys, WRAPPING)
    try:
        yield Place(PostgresJournal(app, keyring, epoch=1, shards=SHARDS), keyring, app, keys, another)
    finally:
        for pool in pools:
            await pool.close()
