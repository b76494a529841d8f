"""A founded platform with its operator plane, asked in this process; and a few devices to ask about."""

import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from tests.eucora.line import Line, close_line, open_line

from eucora import secrets
from eucora.archive.copies import Copies
from eucora.archive.query import Archive
from eucora.gateway.authority import ensure_authority
from eucora.governance.classes import read
from eucora.governance.erasure import Eraser
from eucora.governance.kept import findings, kept
from eucora.journal.founding import found
from eucora.journal.keys import Keyring
from eucora.operators.app import build
from eucora.operators.first import first_operator
from eucora.operators.house import Operators
from eucora.pipeline.explain import Explained
from eucora.pipeline.normalise import Limits, touches
from eucora.pipeline.replay import Replayed
from eucora.problems import Refused
from eucora.sealing import pseudonym, seal
from eucora.settings import Settings
from eucora.stores.postgres import open_pool
from eucora.stores.redis import RedisCache
from eucora.stores.s3 import S3Objects

ADDRESSES = {"url": "https://localhost:1", "device_url": "https://localhost:2", "enrolment_url": "https://localhost:3"}

ORIGIN = ("192.0.2.7", 4711)


@dataclass
class Plane:
    """The operator plane of one test, and who asks it."""

    house: Operators
    app: Any
    client: httpx.AsyncClient
    token: str
    keys_url: str

    async def ask(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """One request with the first operator's token, or another's."""
        headers = {"authorization": f"Bearer {token or self.token}", **more.pop("headers", {})}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **more)

    def reassemble(self, **changes: Any) -> None:
        """The same plane with other parts behind it."""
        self.house = replace(self.house, **changes)
        self.app = build(self.house)
        self.client._transport = httpx.ASGITransport(self.app, client=ORIGIN)

    async def get(self, path: str, /, **params: Any) -> Any:
        """The answer to a question that must be answered."""
        answer = await self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def token_for(self, *scopes: str) -> str:
        """A token that may only this."""
        answer = await self.ask("POST", "/tokens", json={"scopes": scopes, "hours": 1})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    async def acts(self, beginning: str = "") -> list[dict[str, Any]]:
        """Audit events, newest first."""
        found: list[dict[str, Any]] = (await self.get("/audit/events", act=beginning))["items"]
        return found


def eraser_of(pool: Any, objects: Any, keyring: Keyring) -> Eraser:
    limits = Limits(timedelta(days=28), 2**25)
    return Eraser(pool, objects, keyring, 2, timedelta(hours=1), 730, partial(touches, limits))


async def explain_nothing(batch: str) -> Explained:
    """A pipeline that knows of one batch."""
    if batch != "0/live/1":
        raise Refused("unknown", "there is no such place")
    return Explained(place=batch, device=uuid.UUID(int=1), stream=uuid.UUID(int=2), sequence=1, steps=())


async def replay_nothing(ids: Sequence[uuid.UUID]) -> Replayed:
    """A pipeline that has nothing to replay."""
    return Replayed()


@pytest.fixture
async def plane(database: Any, servers: Any, tmp_path: Path) -> AsyncIterator[Plane]:
    data = tmp_path / "data"
    own = secrets.load(data / "secrets", create=True)
    ensure_authority(data, "localhost,127.0.0.1")
    pool = await open_pool(database.app_url, name="test", most=6)
    keys = await open_pool(database.keys_url, name="test-keys", most=2)
    platform = await found(pool, uuid.uuid4(), 2)
    await first_operator(pool, data, ADDRESSES, data / "ca.pem")
    objects = S3Objects(servers.s3, "eucora-data")
    keyring = Keyring(pool, keys, own.wrapping)
    house = Operators(
        settings=Settings(data_dir=data, shards=2),
        installation=platform.installation,
        pool=pool,
        keyring=keyring,
        secrets=own,
        objects=objects,
        cache=RedisCache(servers.redis_url),
        archive=Archive(pool, Copies(objects, data / "copies", 2**26)),
        replay=replay_nothing,
        explain=explain_nothing,
        kept=lambda now: kept(pool, (), read(None, data, 28.0), now),
        eraser=eraser_of(pool, objects, keyring),
        retention=lambda now: findings(pool, (), read(None, data, 28.0), now),
    )
    app = build(house)
    token = msgspec.json.decode((data / "operator.json").read_bytes())["token"]
    transport = httpx.ASGITransport(app, client=ORIGIN)
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost") as client:
        yield Plane(house, app, client, token, database.keys_url)
    await house.cache.close()
    await objects.close()
    await pool.close()
    await keys.close()


@dataclass
class Laptop:
    """A device as a test planted it."""

    device_id: uuid.UUID
    hostname: str
    serial: str


@pytest.fixture
async def line(plane: Plane, database: Any) -> AsyncIterator[Line]:
    """Journal and pipeline of the same platform: what its devices sign is what the plane is asked for."""
    opened = await open_line(database.app_url, plane.keys_url, plane.house.settings.data_dir / "secrets", shards=2)
    yield opened
    await close_line(opened)


PlantDevice = Callable[..., Awaitable[Laptop]]


@pytest.fixture
def plant(plane: Plane) -> PlantDevice:
    """Plants a device with sealed names, packages and samples."""

    async def planted(hostname: str = "anna-laptop", serial: str = "SN-4711", **facts: Any) -> Laptop:
        laptop = Laptop(uuid.uuid4(), hostname, serial)
        facts = {"model": "ThinkPad X1", "os_name": "Debian GNU/Linux", "os_family": "linux", **facts}
        await _device(plane.house, laptop, facts)
        await _packages(plane.house.pool, laptop.device_id, ("bash", "openssl", "zlib1g"))
        return laptop

    return planted


async def _device(house: Operators, laptop: Laptop, facts: dict[str, Any]) -> None:
    key = (await house.keyring.ensure([("device", laptop.device_id)]))["device", laptop.device_id]
    assert key.aead is not None
    names = {"hostname": laptop.hostname, "serial": laptop.serial}
    columns: dict[str, Any] = {"device_id": laptop.device_id, "key_no": key.key_no, **facts}
    for name, value in names.items():
        about = f"devices.{name}_sealed/{laptop.device_id}".encode()
        columns[f"{name}_sealed"] = seal(key.aead, value.encode(), about)
        columns[f"{name}_pseudonym"] = pseudonym(house.secrets.pseudonym, name, value)
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    await house.pool.execute(f"INSERT INTO devices ({', '.join(columns)}) VALUES ({places})", *columns.values())


async def _packages(pool: Any, device: uuid.UUID, names: Sequence[str]) -> None:
    now = datetime.now(UTC)
    await pool.executemany(
        "INSERT INTO software_inventory (device, source, name, architecture, version, present, order_stream, order_item,"
        " event_time, received_at) VALUES ($1, 'deb', $2, 'amd64', '1.0', true, 1, 1, $3, $3)",
        [(device, name, now) for name in names],
    )


async def plant_samples(plane: Plane, device: uuid.UUID, values: Sequence[float]) -> None:
    """One sample of the processor a minute, the last one a minute ago."""
    now = datetime.now(UTC).replace(microsecond=0)
    pool = plane.house.pool
    shape = await pool.fetchval(
        "INSERT INTO shapes (kind, parts, digest) VALUES ('metrics', $1, $2) RETURNING shape",
        '[["system_cpu_utilization_ratio", {}]]',
        os.urandom(32),
    )
    window = await pool.fetchval("SELECT \"window\" FROM windows WHERE state = 'open'")
    rows = [
        (window, device, now - timedelta(minutes=len(values) - n), now, n, n, 0, 0, 0, shape, [value])
        for n, value in enumerate(values)
    ]
    async with pool.acquire() as connection:
        columns = (
            "window",
            "device",
            "time",
            "received",
            "position",
            "item",
            "shard",
            "lane",
            "marks",
            "shape",
            "values",
        )
        await connection.copy_records_to_table("hot_metrics", records=rows, columns=columns)


async def connect(url: str) -> Any:
    """A connection of a role that the application is not."""
    return await asyncpg.connect(url)
