"""Which devices do not exist, and which persons are known of those alone: what `eucora demo --remove` erases."""

import uuid

from litestar import get
from msgspec import Struct

from eucora.operators.statements import SQL
from eucora.web.declare import declared
from eucora.web.given import GivenPool


class Simulated(Struct, frozen=True):
    """Devices that were enrolled with a token for simulated ones; persons who were on no other; real devices beside."""

    devices: tuple[uuid.UUID, ...]
    subjects: tuple[uuid.UUID, ...]
    real: int


@get("/simulated", opt=declared("devices.read", "none"))
async def simulated(pool: GivenPool) -> Simulated:
    """All of them: a simulated fleet is small."""
    devices = [row["device_id"] for row in await pool.fetch(SQL.simulated)]
    subjects = [row["subject"] for row in await pool.fetch(SQL.simulated_subjects)]
    return Simulated(tuple(devices), tuple(subjects), await pool.fetchval(SQL.real_devices))


ROUTES = (simulated,)
