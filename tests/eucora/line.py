"""A short line for tests: real devices sign, the real journal takes it, the real pipeline digests it; no door, no agent."""

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eucora import secrets
from eucora.archive.shapes import Shapes
from eucora.batch import Appended, Checked, Verdict
from eucora.domains import all as domains
from eucora.journal import cursors, signers
from eucora.journal.founding import found
from eucora.journal.keys import Keyring
from eucora.journal.postgres import PostgresJournal
from eucora.pipeline.house import CONSUMER, House
from eucora.pipeline.normalise import Limits
from eucora.pipeline.worker import Worker
from eucora.slice import Pool
from eucora.stores.postgres import open_pool
from eucora_wire.answer import Lane
from eucora_wire.clock import Boot
from eucora_wire.envelope import (
    Envelope,
    PrivateKey,
    Seal,
    algorithm_of,
    format_digest,
    parse_signed,
    read_seal,
    seal_batch,
    thumbprint,
)
from eucora_wire.payload import Payload, encode, encode_one
from eucora_wire.sequence import FIRST, Items, Lost

POLICY = format_digest(bytes(32))
UPTIME_MS = 10_000_000


class Silent:
    """A cache that is away: it answers as one does that lost everything."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []

    async def count(self, key: str, window_s: float, by: int = 1) -> int | None:
        return None

    async def publish(self, channel: str, message: bytes) -> bool:
        self.said.append((channel, message))
        return False

    def subscribe(self, *channels: str) -> AsyncIterator[tuple[str, bytes]]:
        raise AssertionError("nobody listens here")

    async def close(self) -> None:
        return None


@dataclass
class Device:
    """A device with a key, a stream and its counters."""

    id: uuid.UUID
    key: PrivateKey
    installation: uuid.UUID
    stream: uuid.UUID = field(default_factory=uuid.uuid4)
    boot: uuid.UUID = field(default_factory=uuid.uuid4)
    sequence: int = 0
    ordinal: int = 0
    previous: str = FIRST

    def batch(
        self,
        payloads: Sequence[Payload],
        *,
        subject: uuid.UUID | None = None,
        clock: datetime | None = None,
        age_s: float = 0.0,
        lane: Lane = "live",
        verdict: Verdict | None = None,
        body: bytes | None = None,
        policy: str = POLICY,
        items: Items | None = None,
        encoding: str = "zstd",
        voids: int | None = None,
        lost: tuple[Lost, ...] = (),
    ) -> Checked:
        """The next batch of the device's stream, as the door hands it to the journal. `age_s`: how long it lay sealed."""
        envelope, sent = self.envelope(
            payloads,
            subject=subject,
            clock=clock,
            age_s=age_s,
            body=body,
            policy=policy,
            items=items,
            encoding=encoding,
            voids=voids,
            lost=lost,
        )
        return Checked(read_seal(envelope.headers), parse_signed(envelope.headers), sent, lane, verdict, envelope.body)

    def envelope(
        self,
        payloads: Sequence[Payload],
        *,
        subject: uuid.UUID | None = None,
        clock: datetime | None = None,
        age_s: float = 0.0,
        body: bytes | None = None,
        policy: str = POLICY,
        items: Items | None = None,
        encoding: str = "zstd",
        voids: int | None = None,
        lost: tuple[Lost, ...] = (),
    ) -> tuple[Envelope, str]:
        """The next batch of the device's stream as it travels, with its `eucora-sent`."""
        self.sequence += 1
        items = items or Items(self.ordinal + 1, self.ordinal + max(1, len(payloads)))
        self.ordinal = max(self.ordinal, items.last)
        seal = Seal(
            installation=self.installation,
            device=self.id,
            policy=policy,
            boot=Boot(self.boot, UPTIME_MS),
            stream=self.stream,
            sequence=self.sequence,
            items=items,
            previous=self.previous,
            clock_ms=int((clock or datetime.now(UTC) - timedelta(seconds=age_s)).timestamp() * 1000),
            subject=subject,
            encoding=encoding,
            voids=voids,
            lost=lost,
        )
        if body is None:
            plain = encode_one(payloads[0]) if len(payloads) == 1 else encode(payloads)
            body = zstandard.compress(plain, 3) if encoding == "zstd" else plain
        envelope = seal_batch(seal, body, self.key)
        self.previous = format_digest(parse_signed(envelope.headers).batch_digest)
        return envelope, f"{self.boot};t={UPTIME_MS + int(age_s * 1000)};w={time.time_ns() // 1_000_000}"


@dataclass
class Line:
    """A journal and a pipeline on one database."""

    app: Pool
    keys: Pool
    house: House
    journal: PostgresJournal
    keyring: Keyring
    secrets: secrets.Secrets
    installation: uuid.UUID

    async def enrol(self, device_id: uuid.UUID | None = None, key: PrivateKey | None = None) -> Device:
        device = Device(device_id or uuid.uuid4(), key or Ed25519PrivateKey.generate(), self.installation)
        der = device.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        async with self.app.acquire() as tx, tx.transaction():
            await tx.execute("INSERT INTO devices (device_id) VALUES ($1) ON CONFLICT DO NOTHING", device.id)
            public = device.key.public_key()
            await signers.register(tx, thumbprint(public), device.id, algorithm_of(public), der)
        return device

    async def append(self, *batches: Checked) -> list[Appended]:
        found = await self.journal.append(batches)
        assert [x.outcome for x in found] == ["appended"] * len(batches)
        return found

    async def digest(self) -> int:
        """Everything that the journal holds and nobody digested; how many entries."""
        worker = Worker(self.house)
        count = 0
        try:
            await worker._hold()
            while entries := await worker.read():
                await worker._digest(entries)
                count += len(entries)
        finally:
            await worker.let_go()
        return count

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.app.fetch(statement, *values)]

    async def lag(self) -> int:
        return sum((await cursors.lags(self.app, CONSUMER)).values())


async def open_line(app_url: str, keys_url: str, folder: Path, shards: int = 4, name: str = "test") -> Line:
    """A founded platform without doors."""
    app = await open_pool(app_url, name=name, most=12)
    keys = await open_pool(keys_url, name="test-keys", most=4)
    platform = await found(app, uuid.uuid4(), shards)
    made = secrets.load(folder, create=True)
    keyring = Keyring(app, keys, made.wrapping)
    journal = PostgresJournal(app, keyring, epoch=platform.epoch, shards=platform.shards)
    house = House(
        journal=journal,
        app=app,
        keyring=keyring,
        directory=domains.Directory(app),
        slices=domains.slices(keyring, made),
        shapes=Shapes(app),
        cache=Silent(),
        limits=Limits(timedelta(days=28), 32 * 2**20),
        lease_s=15.0,
    )
    return Line(app, keys, house, journal, keyring, made, platform.installation)


async def close_line(line: Line) -> None:
    await line.app.close()
    await line.keys.close()


__all__ = ["Device", "Line", "close_line", "open_line"]
