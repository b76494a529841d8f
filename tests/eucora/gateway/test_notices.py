"""What agents should know next: read every few seconds, told with every acknowledgement."""

import uuid
from typing import Any

import msgspec
import pytest
from tests.eucora.gateway.plane import Device, Plane, Start

from eucora.domains.devices.policy import sign
from eucora.gateway.notices import Notices
from eucora.problems import TryLater
from eucora_wire.answer import Next


async def test_before_the_first_look_nothing_is_told(plane: Plane) -> None:
    notices = Notices(plane.pool, plane.house.settings)
    assert notices.next_for(uuid.uuid4()) == Next()
    assert notices.config.version == 0


async def test_a_device_whose_inventory_does_not_fit_is_asked_for_a_full_one_and_no_other(
    plane: Plane, device: Device
) -> None:
    await plane.pool.execute("INSERT INTO software_state (device, resync) VALUES ($1, true)", device.id)
    await plane.house.notices.refresh()
    assert (await device.good())["next"] == {"config": 1, "resync": ["software"]}
    assert plane.house.notices.next_for(uuid.uuid4()) == Next(config=1)
    await plane.pool.execute("UPDATE software_state SET resync = false WHERE device = $1", device.id)
    await plane.house.notices.refresh()
    assert (await device.good())["next"] == {"config": 1}


async def test_a_new_policy_is_told_by_its_version(start: Start, device: Device, owner: Any) -> None:
    gateway = await start()
    newer = sign({"version": 2, "cadence_s": {"metrics": 5.0}, "collect": {}}, gateway.house.secrets.policy)
    async with owner.transaction():
        await owner.execute("UPDATE policies SET active = false")
        await owner.execute(
            "INSERT INTO policies (policy, version, body, signature, active) VALUES ($1, 2, $2, $3, true)",
            newer.digest, newer.body.decode(), newer.signature,
        )  # fmt: skip
    await gateway.house.notices.refresh()
    assert (await device.good(gateway.device_url))["next"] == {"config": 2}
    config = gateway.house.notices.config
    assert (config.policy, config.cadence_s) == (newer.digest, {"metrics": 5.0})


async def test_while_the_database_is_away_the_last_look_holds(start: Start) -> None:
    gateway = await start()
    before = msgspec.json.encode(gateway.house.notices.config)
    await gateway.pool.close()
    with pytest.raises(TryLater):
        await gateway.house.notices.refresh()
    assert msgspec.json.encode(gateway.house.notices.config) == before
