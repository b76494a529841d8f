"""A real gateway for tests: Granian on free ports of loopback, on real stores, and enrolled devices to talk to it.

Several gateways may run on one ground, as in production: one database, one data directory, one installation.
"""

import asyncio
import base64
import ssl
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import msgspec
import zstandard
from bench.own import free_ports
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
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
from eucora.problems import EucoraError
from eucora.sealing import LOGON_INFO, SUITE
from eucora.settings import Settings
from eucora.slice import Pool
from eucora.stores.postgres import open_pool
from eucora.stores.redis import RedisCache
from eucora_agent.http2 import Connection, tls
from eucora_wire import sequence as seq
from eucora_wire.answer import Account
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
from eucora_wire.problems import BASE, MEDIA_TYPE, REGISTRY
from eucora_wire.sections.hardware import Hardware

BOOT = uuid.UUID("6b0c3f0e-2f63-4f0d-9d2b-0f6f0f1f2a3b")
JSON = {"content-type": "application/json"}
SHARDS = 4
WINDOW = 2**20
"""How much of a body the gateway takes before it has looked at it."""


@dataclass(frozen=True)
class Ground:
    """What gateways of one installation share."""

    data_dir: Path
    app_url: str
    owner_url: str
    keys_url: str
    redis_url: str


@dataclass
class Plane:
    """A running gateway, and what lies below it."""

    ground: Ground
    house: Gateway
    keyring: Keyring

    @property
    def pool(self) -> Pool:
        return self.house.pool

    @property
    def device_url(self) -> str:
        return f"https://localhost:{self.house.settings.device_port}"

    @property
    def enrolment_url(self) -> str:
        return f"https://localhost:{self.house.settings.enrolment_port}"

    def tls(self, identity: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.house.authority.trusted)
        if identity is not None:
            context.load_cert_chain(identity)
        return context

    async def token(self, uses: int = 1, hours: float = 1) -> str:
        return await enrolment_tokens.create(self.pool, "test", uses=uses, hours=hours)

    async def ask(self, path: str, body: object, headers: Mapping[str, str] = JSON) -> httpx.Response:
        """One request to the enrolment listener."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with httpx.AsyncClient(verify=self.tls(), http2=True, base_url=self.enrolment_url) as client:
            return await client.post(path, content=content, headers=headers)

    async def acts(self, act: str) -> list[dict[str, Any]]:
        """The trail's events of one kind, oldest first."""
        rows = await self.pool.fetch("SELECT * FROM audit_events WHERE act = $1 ORDER BY position", act)
        return [{**row, "detail": msgspec.json.decode(row["detail"])} for row in rows]

    async def last_sequence(self, stream: uuid.UUID) -> int:
        """How far the journal's head of a stream is; 0 for one that it does not know."""
        return await self.pool.fetchval("SELECT last_sequence FROM journal_heads WHERE stream = $1", stream) or 0

    async def entries(self, stream: uuid.UUID) -> list[Any]:
        """What the journal holds of a stream."""
        return list(await self.pool.fetch("SELECT * FROM journal_entries WHERE stream = $1 ORDER BY sequence", stream))

    def seal_account(self, account: Account) -> str:
        """An account sealed to the platform's key, as an agent does it."""
        key = X25519PublicKey.from_public_bytes(secrets.raw_public(self.house.secrets.logon))
        return base64.b64encode(SUITE.encrypt(msgspec.json.encode(account), key, LOGON_INFO)).decode()


@dataclass
class Device:
    """An enrolled device: its key, its certificate, one stream, and the chain of what it sealed."""

    plane: Plane
    key: PrivateKey
    enrolled: Enrolled
    identity: Path
    client: httpx.AsyncClient
    stream: uuid.UUID = field(default_factory=uuid.uuid4)
    sequence: int = 0
    ordinal: int = 0
    previous: str = seq.FIRST
    before: tuple[int, int, str] = (0, 0, seq.FIRST)
    last: Envelope | None = None

    @property
    def id(self) -> uuid.UUID:
        return self.enrolled.device_id

    def payload(self, **fields: Any) -> Payload:
        values = {"hardware": Hardware(cpu=12.5, memory=61.0), "timestamp": clock.now(), **fields}
        return Payload(**{"device_id": self.id, **values})

    def seal(self, body: bytes, count: int = 1, encoding: str = "identity", **changes: Any) -> Envelope:
        """The next batch of the stream, with `count` items accounted for; `changes` to its seal."""
        self.before = (self.sequence, self.ordinal, self.previous)
        self.sequence += 1
        items = seq.Items(self.ordinal + 1, self.ordinal + count)
        self.ordinal += count
        seal = Seal(
            installation=self.enrolled.installation,
            device=self.id,
            policy=self.enrolled.policy,
            boot=Boot(BOOT, 1_000_000),
            stream=self.stream,
            sequence=self.sequence,
            items=items,
            previous=self.previous,
            clock_ms=clock.to_ms(clock.now()),
            encoding=encoding,
        )
        self.last = seal_batch(msgspec.structs.replace(seal, **changes), body, self.key)
        self.previous = format_digest(parse_signed(self.last.headers).batch_digest)
        return self.last

    def take_back(self) -> None:
        """The last batch was not consumed: its sequence and its items are free again."""
        self.sequence, self.ordinal, self.previous = self.before

    def batch(self, *payloads: Payload, **changes: Any) -> Envelope:
        """The next batch with these payloads, compressed."""
        return self.seal(zstandard.compress(encode(payloads)), len(payloads), "zstd", **changes)

    async def send(self, envelope: Envelope, at: str = "", **headers: str) -> httpx.Response:
        """Send it, to the gateway `at` or to the device's own."""
        sent = format_sent(Sent(Boot(BOOT, 1_000_100), clock.to_ms(clock.now())))
        headers = {**envelope.headers, "eucora-sent": sent, **headers}
        if len(envelope.body) > WINDOW:
            return await asyncio.to_thread(self._send_large, envelope.body, headers)
        return await self.client.post(f"{at}/v1/telemetry", content=envelope.body, headers=headers)

    def _send_large(self, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        """By the agent's own client: httpx waits for room to send the rest, and never reads that it is not wanted."""
        authorities = self.plane.house.authority.trusted_file
        to = Connection(self.plane.device_url, tls(authorities, (self.identity, self.identity)), 20)
        try:
            answer = to.ask("POST", "/v1/telemetry", headers, body)
        finally:
            to.close()
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)

    async def good(self, at: str = "") -> dict[str, Any]:
        """The next batch, which must be taken: its answer."""
        response = await self.send(self.batch(self.payload()), at)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert (answer["outcome"], answer["accepted"], answer["sequence"]) == ("appended", 1, self.sequence)
        return answer

    def signed(self, tag: str, body: bytes, key: PrivateKey | None = None, **changes: str) -> dict[str, str]:
        """Headers of a request that is not telemetry."""
        covered = {
            "content-digest": content_digest(body),
            "content-type": "application/json",
            "eucora-installation": str(self.enrolled.installation),
            "eucora-device": str(self.id),
            "eucora-clock": str(clock.to_ms(clock.now())),
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }
        return sign(covered, key or self.key, created=1, tag=tag)

    async def log_on(self, account: Account, **changes: Any) -> httpx.Response:
        """Tell who is at the device. `changes` to the request."""
        asked = {"sealed": self.plane.seal_account(account), "key": self.enrolled.logon_key_id,
                 "session_id": uuid.uuid4(), **changes}  # fmt: skip
        body = msgspec.json.encode(asked)
        return await self.client.post("/v1/logon", content=body, headers=self.signed("eucora-logon", body))

    async def read_config(self, **changes: str) -> httpx.Response:
        return await self.client.get("/v1/config", headers=self.signed("eucora-request", b"", **changes))

    async def renew(self, wanted: Any, **signed: Any) -> httpx.Response:
        """Ask for a certificate for this key; signed by the device's own, or as told."""
        body = msgspec.json.encode({"csr": csr_for(wanted)})
        return await self.plane.ask("/v1/renew", body, self.signed("eucora-renew", body, **signed))


def told(response: httpx.Response, slug: str) -> dict[str, Any]:
    """The problem document of a refusal, which must say all that the registry has for it."""
    document: dict[str, Any] = response.json()
    problem = REGISTRY[slug]
    assert document["type"] == BASE + slug, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    assert (response.status_code, document["status"]) == (problem.status, problem.status)
    assert (document["title"], document["mend"]) == (problem.title, problem.mend)
    assert document.get("consumed", False) is problem.consumed
    assert response.headers["cache-control"] == "no-store"
    wait = response.headers.get("retry-after")
    assert (wait is not None) == (problem.status in (429, 503))
    assert wait is None or int(wait) >= 1
    return document


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


def new_p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def new_ed25519() -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


Start = Callable[..., Awaitable[Plane]]
Enrol = Callable[..., Awaitable[Device]]


@asynccontextmanager
async def running(ground: Ground, **changes: Any) -> AsyncIterator[Plane]:
    """A gateway with these changes to its settings, stopped at the end."""
    device_port, enrolment_port = free_ports(2)
    settings = Settings(
        data_dir=ground.data_dir,
        device_port=device_port,
        enrolment_port=enrolment_port,
        redis_url=ground.redis_url,
        shards=SHARDS,
    )
    async with _furnished(ground, msgspec.structs.replace(settings, **changes)) as plane:
        ended, ready = asyncio.Event(), asyncio.Event()
        serving = asyncio.create_task(serve(plane.house, ended, ready.set))
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
            yield plane
        finally:
            waiting.cancel()
            ended.set()
            with suppress(EucoraError):  # what a test did to it
                await serving


@asynccontextmanager
async def _furnished(ground: Ground, settings: Settings) -> AsyncIterator[Plane]:
    pool = await open_pool(ground.app_url, name="test", most=6)
    keys = await open_pool(ground.keys_url, name="test-keys", most=2)
    cache = RedisCache(settings.redis_url)
    try:
        kept = secrets.load(settings.data_dir / "secrets", create=True)
        about = await founding.found(pool, uuid.uuid4(), settings.shards)
        async with pool.acquire() as connection, connection.transaction():
            await ensure_policy(connection, kept.policy)
        keyring = Keyring(pool, keys, kept.wrapping)
        house = furnish(
            settings=settings,
            installation=about.installation,
            secrets=kept,
            authority=ensure_authority(settings.data_dir, settings.public_names),
            pool=pool,
            keyring=keyring,
            journal=PostgresJournal(pool, keyring, epoch=about.epoch, shards=about.shards),
            signers=SignerCache(pool),
            cache=cache,
        )
        yield Plane(ground, house, keyring)
    finally:
        await pool.close()
        await keys.close()
        await cache.close()


async def enrolled(plane: Plane, folder: Path, key: Any = None) -> Device:
    """A device enrolled through the real listener, with an open connection of its own."""
    key = key or new_ed25519()
    answer = await plane.ask("/v1/enrol", {"token": await plane.token(), "csr": csr_for(key)})
    assert answer.status_code == 200, answer.text
    given = msgspec.json.decode(answer.content, type=Enrolled)
    identity = identity_file(folder, given.certificate, key)
    client = httpx.AsyncClient(verify=plane.tls(identity), http2=True, base_url=plane.device_url, timeout=20)
    return Device(plane, key, given, identity, client)
