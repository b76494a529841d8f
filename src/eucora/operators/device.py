"""One device whole: facts, newest values, who uses it, what is installed, what has not arrived."""

import uuid
from datetime import datetime
from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath
from msgspec import Struct

from eucora.archive.query import Archive, Latest
from eucora.domains.audit.asked import Personal, Purpose, reveal
from eucora.domains.devices.queries import one
from eucora.domains.devices.view import Device, masked, shown
from eucora.domains.drift.queries import Drift, of_device
from eucora.domains.identity.accounts import full_name, open_account
from eucora.domains.identity.queries import UserRow, users_of_device
from eucora.domains.incidents.queries import Incident, incidents
from eucora.domains.software.queries import count_on
from eucora.domains.telemetry.queries import latest
from eucora.journal.keys import Keyring
from eucora.operators.statements import SQL
from eucora.problems import Refused
from eucora.slice import Pool
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import Given, GivenAsker, GivenNow, GivenPool


class User(Struct, frozen=True):
    """Who is mapped to the device; `account` is null while masked, and once erased."""

    user_id: uuid.UUID
    account: str | None
    mapped_at: datetime
    erased_at: datetime | None


class Stream(Struct, frozen=True):
    """One spool of the device: its last batch, and the sequences that have not arrived, each first and last."""

    stream: uuid.UUID
    number: int
    last_sequence: int
    received: datetime
    fork: bool
    gaps: tuple[tuple[int, int], ...]


class WholeDevice(Device, frozen=True, kw_only=True):
    """A device with what other domains know of it. `packages`: how many are installed.

    `drift`: sections (software, device, sessions) that are not held as the device told them, or were not once.
    `incidents`: the last few, those that are over too.
    """

    users: tuple[User, ...]
    packages: int
    drift: tuple[Drift, ...]
    incidents: tuple[Incident, ...]
    streams: tuple[Stream, ...]
    latest: Latest


@get("/devices/{device_id:uuid}", opt=declared("devices.read", "personal"))
async def device(
    device_id: FromPath[uuid.UUID],
    pool: GivenPool,
    keyring: Given[Keyring],
    archive: Given[Archive],
    asker: GivenAsker,
    now: GivenNow,
    personal: Personal = False,
    purpose: Purpose = "",
) -> WholeDevice:
    """One device."""
    return await whole(pool, keyring, archive, asker, device_id, now, personal, purpose)


async def whole(
    pool: Pool,
    keyring: Keyring,
    archive: Archive,
    asker: Asker,
    device_id: uuid.UUID,
    now: datetime,
    personal: bool,
    purpose: str,
) -> WholeDevice:
    """With names when they are asked for, which is recorded first. Raises Refused."""
    row = await one(pool, device_id)
    if row is None:
        raise Refused("unknown", "there is no such device")
    if personal:
        await reveal(pool, now, asker, "device.read", purpose, (device_id,))
    known = (await shown(keyring, [row], now) if personal else masked([row], now))[0]
    users = await users_of_device(pool, device_id)
    return WholeDevice(
        **{name: getattr(known, name) for name in Device.__struct_fields__},
        users=tuple([await _user(keyring, user, personal) for user in users]),
        packages=await count_on(pool, device_id),
        drift=await of_device(pool, device_id),
        incidents=tuple(await incidents(pool, device_id, True, None, 5)),
        streams=await _streams(pool, device_id),
        latest=await latest(archive, device_id),
    )


async def _user(keyring: Keyring, row: UserRow, personal: bool) -> User:
    account = await open_account(keyring, row.user_id, row.key_no, row.account_sealed) if personal else None
    return User(row.user_id, None if account is None else full_name(account), row.mapped_at, row.erased_at)


async def _streams(pool: Pool, device: uuid.UUID) -> tuple[Stream, ...]:
    return tuple(_stream(row) for row in await pool.fetch(SQL.streams_of, device))


def _stream(row: Any) -> Stream:
    gaps = tuple((first, last) for first, last, *_ in msgspec.json.decode(row["gaps"]))
    return Stream(row["stream"], row["number"], row["last_sequence"], row["received"], row["fork"], gaps)


ROUTES = (device,)
