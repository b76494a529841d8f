"""Two machines that present one identity: listed, and closed as what it was."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from litestar import get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from eucora.domains.audit import by, record
from eucora.domains.devices.revocation import revoke
from eucora.journal.clones import As, Clone, close, held
from eucora.operators.house import GivenHouse
from eucora.slice import Pool
from eucora.web.asker import Asker
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow, GivenPool
from eucora_wire.fields import NAME


class CloseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What it was: rewind, one machine set back; clone, two machines. `purpose` stands in the audit trail."""

    was: Literal["rewind", "clone"]
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
    """The act behind the route and the button."""
    async with pool.acquire() as tx, tx.transaction():
        device = await close(tx, stream, was, now)
        detail = {"stream": str(stream), "was": was}
        await record(
            tx, now, [by(asker, "clone.closed", "lifecycle", devices=(device,), purpose=purpose, detail=detail)]
        )
    if was == "clone":
        await revoke(pool, device, by(asker, "device.revoked", "lifecycle", devices=(device,), purpose=purpose), now)
    return Closed(device, was)


ROUTES = (clones, close_clone)
