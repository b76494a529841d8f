"""Two machines that present one identity: listed, and closed as what it was."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.domains.audit import by, record
from eucora.domains.devices.revocation import turn_away
from eucora.journal.clones import As, Clone, close, held, held_by
from eucora.operators.house import GivenHouse
from eucora.slice import Pool
from eucora.stores.postgres import translated
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora_wire.fields import NAME


class CloseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What it was: rewind, one machine set back; clone, two machines. `purpose` stands in the audit trail."""

    was: As
    purpose: Annotated[str, Meta(max_length=200, pattern=NAME)] = ""


class Closed(Struct, frozen=True):
    """Whose stream is not held any more; of a clone, the device is revoked."""

    device: uuid.UUID
    was: str


@get("/clones", opt=declared("devices.read", "none"))
async def clones(pool: GivenPool) -> list[Clone]:
    """Streams that are held, since two machines may present one identity."""
    return list(await held(pool))


@post("/clones/{stream:uuid}/close", status_code=200, opt=declared("devices.revoke", "lifecycle"))
async def close_clone(
    stream: FromPath[uuid.UUID], data: JSONBody[CloseRequest], house: GivenHouse, asker: GivenAsker, now: GivenNow
) -> Closed:
    """Say what it was. A rewind goes on in a stream of its own; a clone is turned away, and both machines enrol anew."""
    return await closed(house.pool, stream, data.was, data.purpose, asker, now)


async def closed(pool: Pool, stream: uuid.UUID, was: As, purpose: str, asker: Asker, now: datetime) -> Closed:
    """The act behind the route and the button. A clone is turned away in the moment in which the hold ends."""
    told: dict[str, Any] = {"purpose": purpose, "detail": {"stream": str(stream), "was": was}}
    with translated():
        async with pool.acquire() as tx, tx.transaction():
            device = await held_by(tx, stream)
            acts = [by(asker, "clone.closed", "lifecycle", devices=(device,), **told)]
            if was == "clone" and await turn_away(tx, device, now):
                acts.append(by(asker, "device.revoked", "lifecycle", devices=(device,), **told))
            await close(tx, stream, was, now)
            await record(tx, now, acts)
    return Closed(device, was)


ROUTES = (clones, close_clone)
