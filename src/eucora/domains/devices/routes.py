"""Devices for operators: found, and turned away."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

from litestar import get, post
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from eucora.domains.audit import by, record
from eucora.domains.audit.asked import Personal, Purpose, reveal
from eucora.domains.devices.queries import facts, search
from eucora.domains.devices.records import Interval
from eucora.domains.devices.revocation import revoke
from eucora.domains.devices.search import accounts, parse
from eucora.domains.devices.site import Site, move
from eucora.domains.devices.view import Device, masked, shown
from eucora.journal.keys import Keyring
from eucora.slice import Pool
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import Given, GivenAsker, GivenNow, GivenPool, GivenSecrets
from eucora.web.paging import After, Limit, Page, cut, key
from eucora_wire.fields import NAME

PersonOf = Callable[[str], Awaitable[uuid.UUID | None]]
"""The subject id of an account; identity answers, which lies above this domain."""

Query = Annotated[str, QueryParameter(max_length=500, description="Words and field:value; all must hold")]


class MoveRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Where it belongs from now on; `purpose` stands in the audit trail."""

    site: Site
    purpose: Annotated[str, Meta(max_length=200, pattern=NAME)] = ""


class Moved(Struct, frozen=True):
    """Where a device belongs, since when."""

    device_id: uuid.UUID
    site: str
    since: datetime


class RevokeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Why; it stands in the audit trail."""

    purpose: Annotated[str, Meta(max_length=200, pattern=NAME)] = ""


@get("/devices", opt=declared("devices.read", "personal"))
async def devices(
    pool: GivenPool,
    keyring: Given[Keyring],
    secrets: GivenSecrets,
    asker: GivenAsker,
    now: GivenNow,
    person_of: Given[PersonOf],
    q: Query = "",
    personal: Personal = False,
    purpose: Purpose = "",
    after: After = None,
    limit: Limit = 100,
) -> Page[Device]:
    """Devices that fulfil every word of `q`, by id.

    host, serial, user take a whole value, case-folded; id, model, os, package, state, site the beginning of one; a bare word
    may be a host name, serial, model, operating system or package.
    """
    rows = await search(pool, parse(q, secrets.pseudonym), key(after, uuid.UUID), limit + 1)
    found = cut(rows, limit, lambda row: row.device_id)
    ids = tuple(row.device_id for row in found.items)
    await record_searched([await person_of(name) for name in accounts(q)], pool, asker, now, purpose, ids)
    if not personal:
        return Page(tuple(masked(found.items, now)), found.next)
    await reveal(pool, now, asker, "devices.read", purpose, ids)
    return Page(tuple(await shown(keyring, found.items, now)), found.next)


async def record_searched(
    persons: Sequence[uuid.UUID | None],
    pool: Pool,
    asker: Asker,
    now: datetime,
    purpose: str,
    found: tuple[uuid.UUID, ...],
) -> None:
    """Whose devices were looked for, by subject id; a name that nobody has is not kept."""
    acts = [
        by(asker, "person.searched", "personal", devices=found, subject=p, purpose=purpose.strip()) for p in persons
    ]
    if acts:
        async with pool.acquire() as tx, tx.transaction():
            await record(tx, now, acts)


@get("/devices/{device_id:uuid}/facts", opt=declared("devices.read", "none"))
async def device_facts(device_id: FromPath[uuid.UUID], pool: GivenPool) -> list[Interval]:
    """What the device was said to be, and when each of it held."""
    return await facts(pool, device_id)


@post("/devices/{device_id:uuid}/revoke", status_code=204, opt=declared("devices.revoke", "lifecycle"))
async def revoke_device(
    device_id: FromPath[uuid.UUID], data: JSONBody[RevokeRequest], pool: GivenPool, asker: GivenAsker, now: GivenNow
) -> None:
    """Take nothing from this device from now on. What it sent stays; to come back, it is enrolled again."""
    await revoke(
        pool, device_id, by(asker, "device.revoked", "lifecycle", devices=(device_id,), purpose=data.purpose), now
    )


@post("/devices/{device_id:uuid}/site", status_code=200, opt=declared("devices.write", "administration"))
async def move_device(
    device_id: FromPath[uuid.UUID], data: JSONBody[MoveRequest], pool: GivenPool, asker: GivenAsker, now: GivenNow
) -> Moved:
    """Say where it belongs from now on. Where it belonged before is kept."""
    detail = {"site": data.site}
    act = by(asker, "device.moved", "administration", devices=(device_id,), purpose=data.purpose, detail=detail)
    await move(pool, device_id, data.site, act, now)
    return Moved(device_id, data.site, now)


ROUTES = (devices, device_facts, revoke_device, move_device)
