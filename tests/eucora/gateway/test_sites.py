"""The door knows where devices belong, without asking for it at a request."""

import uuid
from typing import Any

from tests.eucora.gateway.plane import Device, Plane

from eucora.gateway.sites import Sites


async def test_a_device_that_is_new_here_belongs_nowhere_until_it_was_looked_up(
    plane: Plane, device: Device, owner: Any
) -> None:
    await owner.execute("UPDATE devices SET site = 'muscat' WHERE device_id = $1", device.id)
    sites = Sites(plane.pool)
    assert sites.of(device.id) == ""
    await sites.learn()
    assert sites.of(device.id) == "muscat"


async def test_all_are_known_before_the_doors_open_and_one_that_moves_is_seen(
    plane: Plane, device: Device, owner: Any
) -> None:
    await owner.execute("UPDATE devices SET site = 'muscat' WHERE device_id = $1", device.id)
    sites = Sites(plane.pool)
    await sites.read()
    assert sites.of(device.id) == "muscat"
    await owner.execute("UPDATE devices SET site = 'pune' WHERE device_id = $1", device.id)
    await sites.learn()
    assert sites.of(device.id) == "pune"


async def test_one_that_nobody_enrolled_is_looked_up_once_and_not_kept(plane: Plane) -> None:
    sites = Sites(plane.pool)
    sites.of(uuid.uuid4())
    await sites.learn()
    assert not sites._unknown
