"""A real gateway for each test: Granian on free ports of loopback, on a database of its own, and devices to talk to it."""

import asyncio
import base64
import os
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import zstandard
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from eucora import clock, secrets
from eucora.domains.devices.policy import ensure_policy
from eucora.gateway.authority import ensure_authority
from eucora.gateway.house import Gateway, furnish
from eucora.gateway.serve import serve
from eucora.journal import founding
from eucora.journal.keys import Keyring
from eucora.journal.postgres import PostgresJournal
from eucora.journal.signers import SignerCache
from eucora.operators import enrolment_tokens
from eucora.settings import Settings
from eucora.slice import Pool
from eucora.stores.postgres import open_pool
from eucora.stores.redis import RedisCache
from eucora_wire import sequence as seq
from eucora_wire.clock import Boot, Sent, format_sent
from eucora_wire.enrol import Enrolled
from eucora_wire.envelope import (
    Envelope,
    PrivateKey,
    Seal,
    content_digest,
    format_digest,
    parse_signed,
    seal_batch,
    sign,
)
from eucora_wire.payload import Payload, encode
from eucora_wire.sections.hardware import Hardware

BOOT = uuid.UUID("6b0c3f0e-2f63-4f0d-9d2b-0f6f0f1f2a3b")


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


@dataclass
class Plane:
    """A running gateway, and the stores below it."""

    house: Gateway
    keyring: Keyring
    device_url: str
    enrolment_url: str

    @property
    def pool(self) -> Pool:
        return self.house.pool

    def tls(self, identity: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.house.authority.trusted)
        if identity is not None:
            context.load_cert_chain(identity)
        return context

    async def token(self, uses: int = 1, hours: float = 1) -> str:
        return await enrolment_tokens.create(self.pool, "test", uses=uses, hours=hours)

    async def ask(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """One request to the enrolment listener."""
        async with httpx.AsyncClient(verify=self.tls(), http2=True, base_url=self.enrolment_url) as client:
            return await client.post(
                path, content=msgspec.json.encode(body), headers={"content-type": "application/json", **(headers or {})}
            )

    async def acts(self, act: str) -> list[dict[str, Any]]:
        """The trail's events of one kind, oldest first."""
        rows = await self.pool.fetch("SELECT * FROM audit_events WHERE act = $1 ORDER BY position", act)
        return [{**row, "detail": msgspec.json.decode(row["detail"])} for row in rows]


@dataclass
class Device:
    """An enrolled device: its key, its certificate, one stream, and the chain of what it sealed."""

    plane: Plane
    key: PrivateKey
    enrolled: Enrolled
    client: httpx.AsyncClient
    stream: uuid.UUID = field(default_factory=uuid.uuid4)
    sequence: int = 0
    ordinal: int = 0
    previous: str = seq.FIRST

    def payload(self, **fields: Any) -> Payload:
        values = {"hardware": Hardware(cpu=12.5, memory=61.0), "timestamp": clock.now(), **fields}
        return Payload(**{"device_id": self.enrolled.device_id, **values})

    def seal(self, body: bytes, count: int = 1, encoding: str = "identity", **changes: Any) -> Envelope:
        """The next batch of the stream, with `count` items accounted for; `changes` to its seal."""
        self.sequence += 1
        items = seq.Items(self.ordinal + 1, self.ordinal + count)
        self.ordinal += count
        seal = Seal(
            installation=self.enrolled.installation,
            device=self.enrolled.device_id,
            policy=self.enrolled.policy,
            boot=Boot(BOOT, 1_000_000),
            stream=self.stream,
            sequence=self.sequence,
            items=items,
            previous=self.previous,
            clock_ms=clock.to_ms(clock.now()),
            encoding=encoding,
        )
        envelope = seal_batch(msgspec.structs.replace(seal, **changes), body, self.key)
        self.previous = format_digest(parse_signed(envelope.headers).batch_digest)
        return envelope

    def batch(self, *payloads: Payload, **changes: Any) -> Envelope:
        """The next batch with these payloads, compressed."""
        body = zstandard.compress(encode(payloads))
        return self.seal(body, len(payloads), "zstd", **changes)

    async def send(self, envelope: Envelope, **headers: str) -> httpx.Response:
        sent = format_sent(Sent(Boot(BOOT, 1_000_100), clock.to_ms(clock.now())))
        return await self.client.post(
            "/v1/telemetry", content=envelope.body, headers={**envelope.headers, "eucora-sent": sent, **headers}
        )

    def signed(self, tag: str, body: bytes, key: PrivateKey | None = None, **changes: str) -> dict[str, str]:
        """Headers of a request that is not telemetry."""
        covered = {
            "content-digest": content_digest(body),
            "content-type": "application/json",
            "eucora-installation": str(self.enrolled.installation),
            "eucora-device": str(self.enrolled.device_id),
            "eucora-clock": str(clock.to_ms(clock.now())),
            **changes,
        }
        return sign(covered, key or self.key, created=1, tag=tag)


def csr_for(key: Any) -> str:
    """A request for a certificate, signed by the key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "eucora-agent")])
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, algorithm)
    return request.public_bytes(serialization.Encoding.PEM).decode()


def identity_file(folder: Path, certificate: str, key: Any) -> Path:
    """Certificate and key in one PEM file, as OpenSSL wants them."""
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{uuid.uuid4()}.pem"
    file.write_text(certificate + pkcs8.decode())
    return file


Start = Callable[..., Awaitable[Plane]]
Enrol = Callable[..., Awaitable[Device]]


@pytest.fixture
async def start(database: Any, servers: Any, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a gateway with these settings; each is stopped when the test ends."""
    ended, running, pools = asyncio.Event(), [], []

    async def begin(**settings: Any) -> Plane:
        device_port, enrolment_port = free_ports(2)
        given = Settings(
            data_dir=tmp_path, device_port=device_port, enrolment_port=enrolment_port, redis_url=servers.redis_url
        )
        given = msgspec.structs.replace(given, **settings)
        pool = await open_pool(database.app_url, name="test", most=6)
        keys = await open_pool(database.keys_url, name="test-keys", most=2)
        cache = RedisCache(given.redis_url)
        pools.extend((pool, keys, cache))
        kept = secrets.load(tmp_path / "secrets", create=True)
        about = await founding.found(pool, uuid.uuid4(), 4)
        async with pool.acquire() as connection, connection.transaction():
            await ensure_policy(connection, kept.policy)
        keyring = Keyring(pool, keys, kept.wrapping)
        house = furnish(
            settings=given,
            installation=about.installation,
            secrets=kept,
            authority=ensure_authority(tmp_path, given.public_names),
            pool=pool,
            keyring=keyring,
            journal=PostgresJournal(pool, keyring, epoch=about.epoch, shards=about.shards),
            signers=SignerCache(pool, ttl_s=0.2),
            cache=cache,
        )
        ready = asyncio.Event()
        task = asyncio.create_task(serve(house, ended, ready.set))
        running.append(task)
        waiter = asyncio.create_task(ready.wait())
        await asyncio.wait((task, waiter), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        return Plane(house, keyring, f"https://localhost:{device_port}", f"https://localhost:{enrolment_port}")

    yield begin
    ended.set()
    with suppress(Exception):
        await asyncio.gather(*running)
    for pool in pools:
        await pool.close()


@pytest.fixture
async def plane(start: Start) -> Plane:
    """A gateway with the default settings."""
    return await start()


@pytest.fixture
async def enrol(tmp_path: Path) -> AsyncIterator[Enrol]:
    """Enrols a device through the real listener."""
    clients = []

    async def begin(plane: Plane, key: Any = None) -> Device:
        key = key or ed25519.Ed25519PrivateKey.generate()
        answer = await plane.ask("/v1/enrol", {"token": await plane.token(), "csr": csr_for(key)})
        assert answer.status_code == 200, answer.text
        enrolled = msgspec.json.decode(answer.content, type=Enrolled)
        context = plane.tls(identity_file(tmp_path, enrolled.certificate, key))
        client = httpx.AsyncClient(verify=context, http2=True, base_url=plane.device_url, timeout=20)
        clients.append(client)
        return Device(plane, key, enrolled, client)

    yield begin
    for client in clients:
        await client.aclose()


@pytest.fixture
async def device(plane: Plane, enrol: Enrol) -> Device:
    """A device enrolled at `plane`."""
    return await enrol(plane)


def random_body(size: int) -> bytes:
    return base64.b64encode(os.urandom(size))


def new_p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
